import type { AddressInfo } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import type { ExecutionContext } from '@nestjs/common'
import type { NestExpressApplication } from '@nestjs/platform-express'
import type { Request } from 'express'
import { type HuggingFaceProfile, HuggingFaceStrategy, type TokenParams } from '../../lib'
import { startHub } from '../../testing'
import { type AppUser, battery, findUser, type RunningApp, type Setup, stateIn } from './battery'
import { Browser } from './browser'

/** What an app needs of NestJS, which is here twice: 12, ESM only, and 11. */
export interface NestParts {
  common: typeof import('@nestjs/common')
  core: typeof import('@nestjs/core')
  passport: typeof import('@nestjs/passport')
}

type Validate = (strategy: NestParts['passport']['PassportStrategy'], setup: Setup, name: string) => unknown

// A guard finds its strategy by name among all of the process
let apps = 0

const nestApp =
  (load: () => Promise<NestParts>, makeStrategy: Validate = usual) =>
  async ({ options, trustProxy }: Setup): Promise<RunningApp> => {
    const { common, core, passport } = await load()
    const name = `huggingface ${++apps}`

    class SignIn extends passport.AuthGuard(name) {
      override getAuthenticateOptions(context: ExecutionContext) {
        return { state: stateIn(context.switchToHttp().getRequest<Request>().url) } as object
      }
    }
    class SignInElsewhere extends passport.AuthGuard(name) {
      override getAuthenticateOptions() {
        return { callbackURL: '/auth/elsewhere' } as object
      }
    }
    class Explaining extends passport.AuthGuard(name) {
      override handleRequest<User>(error: unknown, user: User | false, info: object, _context: unknown, status?: number): User {
        if (error) throw error
        if (!user) throw new common.HttpException(info, status ?? 401)
        return user
      }
    }
    class AuthController {
      begin() {}
      beginElsewhere() {}
      callback(req: Request) {
        return { user: req.user, authInfo: req.authInfo }
      }
      explained(req: Request) {
        return { user: req.user, info: req.authInfo }
      }
    }
    // the decorators, applied by hand, as `@Controller('auth')`, `@Get('huggingface')`, `@UseGuards(SignIn)` and `@Req()` would be
    const route = (method: keyof AuthController, path: string | string[], guard: new () => object) => {
      const descriptor = Object.getOwnPropertyDescriptor(AuthController.prototype, method) as PropertyDescriptor
      common.Get(path)(AuthController.prototype, method, descriptor)
      common.UseGuards(guard)(AuthController.prototype, method, descriptor)
      common.Req()(AuthController.prototype, method, 0)
    }
    route('begin', 'huggingface', SignIn)
    route('beginElsewhere', 'huggingface/elsewhere', SignInElsewhere)
    route('callback', ['huggingface/callback', 'elsewhere'], passport.AuthGuard(name))
    route('explained', 'huggingface/explained', Explaining)
    common.Controller('auth')(AuthController)

    class AppModule {}
    common.Module({
      imports: [passport.PassportModule],
      controllers: [AuthController],
      providers: [{ provide: 'the strategy', useFactory: () => makeStrategy(passport.PassportStrategy, { options, trustProxy }, name) }],
    })(AppModule)

    const app = await core.NestFactory.create<NestExpressApplication>(AppModule, { logger: false })
    app.set('trust proxy', trustProxy ? 'loopback' : false)
    await app.listen(0, '127.0.0.1')
    return { port: (app.getHttpServer().address() as AddressInfo).port, close: () => app.close() }
  }

function usual(PassportStrategy: NestParts['passport']['PassportStrategy'], { options }: Setup, name: string): unknown {
  return new (class extends PassportStrategy(HuggingFaceStrategy, name) {
    constructor() {
      super(options)
    }
    validate(accessToken: string, refreshToken: string | undefined, profile: HuggingFaceProfile): Promise<AppUser> {
      return findUser(accessToken, refreshToken, profile)
    }
  })()
}

const ways: Record<string, Validate> = {
  'validate(accessToken, refreshToken, profile, done)': (PassportStrategy, { options }, name) =>
    new (class extends PassportStrategy(HuggingFaceStrategy, name) {
      constructor() {
        super(options)
      }
      validate(_accessToken: string, _refreshToken: string | undefined, profile: HuggingFaceProfile, done: unknown) {
        return { id: profile.id, username: profile.username, done: typeof done }
      }
    })(),
  'validate(accessToken, refreshToken, params, profile) by PassportStrategy(…, …, true)': (PassportStrategy, { options }, name) =>
    new (class extends PassportStrategy(HuggingFaceStrategy, name, true) {
      constructor() {
        super(options)
      }
      validate(_accessToken: string, _refreshToken: string | undefined, params: TokenParams, profile: HuggingFaceProfile) {
        return { id: profile.id, username: profile.username, scope: params.scope }
      }
    })(),
  'validate(accessToken, refreshToken, profile) by PassportStrategy(…, …, true)': (PassportStrategy, { options }, name) =>
    new (class extends PassportStrategy(HuggingFaceStrategy, name, true) {
      constructor() {
        super(options)
      }
      validate(_accessToken: string, _refreshToken: string | undefined, profile: HuggingFaceProfile) {
        return { id: profile.id, username: profile.username }
      }
    })(),
  'validate(req, accessToken, refreshToken, profile) with passReqToCallback': (PassportStrategy, { options }, name) =>
    new (class extends PassportStrategy(HuggingFaceStrategy, name) {
      constructor() {
        super({ ...options, passReqToCallback: true })
      }
      validate(req: Request, _accessToken: string, _refreshToken: string | undefined, profile: HuggingFaceProfile) {
        return { id: profile.id, username: profile.username, path: req.path }
      }
    })(),
}

export function testNest(name: string, load: () => Promise<NestParts>): void {
  battery(name, { start: nestApp(load), session: false })

  describe(`${name}, the mixin's`, () => {
    test.each(Object.entries(ways))('%s gets the profile', async (_, makeStrategy) => {
      const redirectURIs = ['http://127.0.0.1/auth/huggingface/callback']
      const client = { clientID: 'an-app', clientSecret: 'the secret of an app' }
      const hub = await startHub({ clients: [{ ...client, redirectURIs }], people: [{ username: 'ada' }] })
      const options = { ...client, hubURL: hub.url, callbackURL: '/auth/huggingface/callback', scope: ['openid', 'profile'] }
      const app = await nestApp(load, makeStrategy)({ options, trustProxy: false })
      try {
        const browser = new Browser(app.port)
        const { status, json } = await browser.visit(await hub.signIn(await browser.begin(), 'ada'))
        expect(status).toBe(200)
        const { user } = json as { user: Record<string, unknown> }
        expect(user).toMatchObject({ id: expect.stringMatching(/^[0-9a-f]{24}$/), username: 'ada' })
        // what each of them is given beside it
        for (const [field, value] of Object.entries({ done: 'function', scope: 'openid profile', path: '/auth/huggingface/callback' })) {
          if (field in user) expect(user[field]).toBe(value)
        }
      } finally {
        await app.close()
        await hub.close()
      }
    })

    test('an exception in validate is answered as the exception it is', async () => {
      const { common } = await load()
      const refuse: Validate = (PassportStrategy, { options }, strategyName) =>
        new (class extends PassportStrategy(HuggingFaceStrategy, strategyName) {
          constructor() {
            super(options)
          }
          validate(): never {
            throw new common.ForbiddenException('not on the list')
          }
        })()
      const client = { clientID: 'an-app', clientSecret: 'the secret of an app' }
      const hub = await startHub({ clients: [{ ...client, redirectURIs: ['http://127.0.0.1/auth/huggingface/callback'] }] })
      const options = { ...client, hubURL: hub.url, callbackURL: '/auth/huggingface/callback' }
      const app = await nestApp(load, refuse)({ options, trustProxy: false })
      try {
        const browser = new Browser(app.port)
        const callback = await hub.signIn(await browser.begin(), 'ada')
        expect(await browser.visit(callback)).toMatchObject({ status: 403, json: { message: 'not on the list' } })
      } finally {
        await app.close()
        await hub.close()
      }
    })
  })
}
