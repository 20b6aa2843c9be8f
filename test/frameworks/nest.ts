import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { ExecutionContext } from '@nestjs/common'
import type { NestExpressApplication } from '@nestjs/platform-express'
import type { Request } from 'express'
import { type HuggingFaceProfile, HuggingFaceStrategy, type HuggingFaceStrategyOptions, type TokenParams } from '../../lib'
import type { Hub } from '../../testing'
import { Browser } from '../support/browser'
import { battery, callbackPath, client, findUser, optionsIn, type RunningApp, type Setup, startAppsHub } from './battery'

/** What an app needs of NestJS, which is here twice: 12, ESM only, and 11. */
export interface NestParts {
  common: typeof import('@nestjs/common')
  core: typeof import('@nestjs/core')
  passport: typeof import('@nestjs/passport')
}

type MakeStrategy = (parts: NestParts, options: Setup['options'], name: string) => unknown

// A guard finds its strategy by name among all of the process
let apps = 0

const nestApp =
  (load: () => Promise<NestParts>, makeStrategy: MakeStrategy) =>
  async ({ options, trustProxy }: Setup): Promise<RunningApp> => {
    const parts = await load()
    const { common, core, passport } = parts
    const name = `huggingface ${++apps}`

    class SignIn extends passport.AuthGuard(name) {
      override getAuthenticateOptions(context: ExecutionContext) {
        return optionsIn(context.switchToHttp().getRequest<Request>().url)
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
      callback(req: Request) {
        return { user: req.user, authInfo: req.authInfo }
      }
      explained(req: Request) {
        return { user: req.user, info: req.authInfo }
      }
    }
    // the decorators, applied by hand: `@Get('huggingface')`, `@UseGuards(SignIn)` and `@Req()`
    const route = (method: keyof AuthController, path: string | string[], guard: new () => object) => {
      const descriptor = Object.getOwnPropertyDescriptor(AuthController.prototype, method) as PropertyDescriptor
      common.Get(path)(AuthController.prototype, method, descriptor)
      common.UseGuards(guard)(AuthController.prototype, method, descriptor)
      common.Req()(AuthController.prototype, method, 0)
    }
    route('begin', 'huggingface', SignIn)
    route('callback', ['huggingface/callback', 'elsewhere'], passport.AuthGuard(name))
    route('explained', 'huggingface/explained', Explaining)
    common.Controller('auth')(AuthController)

    class AppModule {}
    common.Module({
      imports: [passport.PassportModule],
      controllers: [AuthController],
      providers: [{ provide: 'the strategy', useFactory: () => makeStrategy(parts, options, name) }],
    })(AppModule)

    const app = await core.NestFactory.create<NestExpressApplication>(AppModule, { logger: false })
    app.set('trust proxy', trustProxy ? 'loopback' : false)
    await app.listen(0, '127.0.0.1')
    return { port: (app.getHttpServer().address() as AddressInfo).port, close: () => app.close() }
  }

interface Mixin {
  validate: (...values: never[]) => unknown
  /** The third parameter of PassportStrategy: count the parameters of `validate`. */
  counts?: true
  passReqToCallback?: boolean
}

/** A strategy as an app writes one: a class of PassportStrategy's mixin with a `validate`. */
const mixin =
  ({ validate, counts, ...more }: Mixin): MakeStrategy =>
  ({ passport }, options, name) => {
    class AppStrategy extends passport.PassportStrategy(HuggingFaceStrategy, name, counts as true) {
      constructor() {
        super({ ...options, ...more } as HuggingFaceStrategyOptions)
      }
      validate(): unknown {
        return undefined
      }
    }
    Object.assign(AppStrategy.prototype, { validate })
    return new AppStrategy()
  }
type Token = string | undefined

/** The ways to write `validate`, and what each is given in addition to the profile. */
const ways: [name: string, strategy: Mixin, more: object][] = [
  [
    'accessToken, refreshToken, profile, done',
    { validate: (_a: Token, _r: Token, { username }: HuggingFaceProfile, done: unknown) => ({ username, more: typeof done }) },
    { more: 'function' },
  ],
  [
    'accessToken, refreshToken, params, profile, counted',
    {
      validate: (_a: Token, _r: Token, { scope }: TokenParams, { username }: HuggingFaceProfile) => ({ username, more: scope }),
      counts: true,
    },
    { more: 'openid profile' },
  ],
  [
    'accessToken, refreshToken, profile, counted',
    { validate: (_a: Token, _r: Token, { username }: HuggingFaceProfile) => ({ username }), counts: true },
    {},
  ],
  [
    'req, accessToken, refreshToken, profile',
    {
      validate: ({ path }: Request, _a: Token, _r: Token, { username }: HuggingFaceProfile) => ({ username, more: path }),
      passReqToCallback: true,
    },
    { more: callbackPath },
  ],
]

export function testNest(name: string, load: () => Promise<NestParts>): void {
  battery(name, { start: nestApp(load, mixin({ validate: findUser })), session: false })

  describe(`${name}: validate`, () => {
    let hub: Hub
    let app: RunningApp
    beforeAll(async () => {
      hub = await startAppsHub()
    })
    afterEach(() => app.close())
    afterAll(() => hub.close())

    async function signIn(makeStrategy: MakeStrategy) {
      const options = { ...client, hubURL: hub.url, callbackURL: callbackPath, scope: ['openid', 'profile'] as const }
      app = await nestApp(load, makeStrategy)({ options, trustProxy: false })
      const browser = new Browser(app.port)
      return browser.visit(await hub.signIn(await browser.begin(), 'ada'))
    }

    test.each(ways)('(%s) gets the profile', async (_, strategy, more) => {
      expect(await signIn(mixin(strategy))).toMatchObject({ status: 200, json: { user: { username: 'ada', ...more } } })
    })

    test('that throws an exception is answered as that exception', async () => {
      const { common } = await load()
      const validate = () => {
        throw new common.ForbiddenException('not on the list')
      }
      expect(await signIn(mixin({ validate }))).toMatchObject({ status: 403, json: { message: 'not on the list' } })
    })
  })
}
