// Sign in with Hugging Face in a NestJS 12 app. On NestJS 11 the code is the same.
//
//   npm install @nestjs/common @nestjs/core @nestjs/platform-express @nestjs/passport \
//     reflect-metadata rxjs passport passport-huggingface express-session
//   npx tsc
//   HF_CLIENT_ID=... HF_CLIENT_SECRET=... SESSION_SECRET=$(openssl rand -hex 32) node dist/main.mjs
//
// To try it without an account, start a local Hub with `npx passport-huggingface`, and use the
// values that it prints.

import 'reflect-metadata'
import {
  Controller,
  type ExecutionContext,
  Get,
  HttpException,
  Injectable,
  Logger,
  Module,
  Post,
  Redirect,
  Req,
  UseGuards,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport'
import type { Request } from 'express'
import session from 'express-session'
import passport from 'passport'
import {
  type HuggingFaceProfile,
  HuggingFaceStrategy,
  type SignInFailureInfo,
} from 'passport-huggingface'

declare global {
  namespace Express {
    interface User {
      id: string
      username?: string | undefined
    }
  }
}

const { HF_CLIENT_ID = '', HF_CLIENT_SECRET, HF_HUB_URL, SESSION_SECRET } = process.env
const { PORT = '3000', APP_URL = `http://localhost:${PORT}` } = process.env
if (!SESSION_SECRET) throw new Error('SESSION_SECRET is missing')

@Injectable()
class HuggingFace extends PassportStrategy(HuggingFaceStrategy) {
  constructor() {
    super({
      clientID: HF_CLIENT_ID,
      clientSecret: HF_CLIENT_SECRET,
      callbackURL: `${APP_URL}/auth/huggingface/callback`,
      hubURL: HF_HUB_URL, // default: https://huggingface.co
    })
  }

  /** Find or create your user by `id`. It stays the same when a username changes. */
  validate(
    _accessToken: string,
    _refreshToken: string | undefined,
    { id, username }: HuggingFaceProfile,
  ) {
    return { id, username }
  }
}

@Injectable()
class HuggingFaceGuard extends AuthGuard('huggingface') {
  private readonly logger = new Logger('Sign-in')

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const isSignedIn = Boolean(await super.canActivate(context))
    await super.logIn(context.switchToHttp().getRequest())
    return isSignedIn
  }

  override handleRequest<User>(
    error: unknown,
    user: User | false,
    info: Partial<SignInFailureInfo> | undefined,
    _context: ExecutionContext,
    status = 401,
  ): User {
    if (error) throw error
    if (user) return user
    // The message is for the person, the detail for the developer.
    this.logger.warn(`${info?.code} ${info?.detail ?? ''}`)
    throw new HttpException(info?.message ?? 'You cannot sign in here.', status)
  }
}

@Controller()
class AppController {
  @Get('auth/huggingface')
  @UseGuards(HuggingFaceGuard)
  signIn() {}

  @Get('auth/huggingface/callback')
  @UseGuards(HuggingFaceGuard)
  @Redirect('/')
  callback() {}

  // With POST, no link or image of another site can sign people out.
  @Post('sign-out')
  @Redirect('/')
  async signOut(@Req() req: Request) {
    await new Promise<void>((resolve, reject) => {
      req.logout((error) => (error ? reject(error) : resolve()))
    })
  }

  @Get()
  home(@Req() { user }: Request) {
    return user
      ? `<p>Hello, ${escapeHTML(user.username ?? user.id)}!</p>
         <form method="post" action="/sign-out"><button>Sign out</button></form>`
      : '<a href="/auth/huggingface">Sign in with Hugging Face</a>'
  }
}

@Module({ imports: [PassportModule], controllers: [AppController], providers: [HuggingFace] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
app.use(
  session({
    secret: SESSION_SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax' },
  }),
)
app.use(passport.session())
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user: Express.User, done) => done(null, user))
await app.listen(PORT)

function escapeHTML(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
