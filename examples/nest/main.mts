// Sign in with Hugging Face in a NestJS app (12; 11 is written in the same way).
//
//   npm install @nestjs/common @nestjs/core @nestjs/platform-express @nestjs/passport reflect-metadata rxjs passport passport-huggingface express-session
//   npx tsc && HF_CLIENT_ID=... HF_CLIENT_SECRET=... SESSION_SECRET=$(openssl rand -hex 32) node dist/main.mjs

import 'reflect-metadata'
import {
  Controller,
  type ExecutionContext,
  Get,
  HttpException,
  Injectable,
  Module,
  Redirect,
  Req,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport'
import session from 'express-session'
import passport from 'passport'
import { type HuggingFaceProfile, HuggingFaceStrategy } from 'passport-huggingface'

const {
  HF_CLIENT_ID = '',
  HF_CLIENT_SECRET,
  HF_ENDPOINT,
  SESSION_SECRET,
  PORT = '3000',
  APP_URL = `http://localhost:${PORT}`,
} = process.env
if (!SESSION_SECRET) throw new Error('SESSION_SECRET is missing')

@Injectable()
class HuggingFace extends PassportStrategy(HuggingFaceStrategy) {
  constructor() {
    super({
      clientID: HF_CLIENT_ID,
      clientSecret: HF_CLIENT_SECRET,
      callbackURL: `${APP_URL}/auth/huggingface/callback`,
      hubURL: HF_ENDPOINT, // not set: https://huggingface.co
    })
  }

  /** What it returns is `req.user`: your user, found or made by `profile.id`. */
  validate(_accessToken: string, _refreshToken: string | undefined, { id, username }: HuggingFaceProfile) {
    return { id, username }
  }
}

@Injectable()
class HuggingFaceGuard extends AuthGuard('huggingface') {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const mayPass = Boolean(await super.canActivate(context))
    await super.logIn(context.switchToHttp().getRequest())
    return mayPass
  }

  override handleRequest<User>(
    error: unknown,
    user: User | false,
    info: object | undefined,
    _context: ExecutionContext,
    status = 401,
  ): User {
    if (error) throw error
    // `info` says what happened and what the person can do
    if (!user) throw info ? new HttpException(info, status) : new UnauthorizedException()
    return user
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

  @Get()
  home(@Req() req: { user?: object }) {
    return req.user ?? '<a href="/auth/huggingface">Sign in with Hugging Face</a>'
  }
}

@Module({ imports: [PassportModule], controllers: [AppController], providers: [HuggingFace] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
app.use(session({ secret: SESSION_SECRET, resave: false, saveUninitialized: false, cookie: { sameSite: 'lax' } }))
app.use(passport.session())
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user: Express.User, done) => done(null, user))
await app.listen(PORT)
