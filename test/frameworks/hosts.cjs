// Apps of Fastify, Koa and Nest for process-app.cjs, each in its framework's usual way.
// `legOf(url)` says what a request is for; `all` are the options of passport.authenticate.

const sessionsOfFastify = {
  async '@fastify/session'(app) {
    await app.register(require('@fastify/cookie'))
    const cookie = { secure: 'auto', sameSite: 'lax', path: '/' }
    await app.register(require('@fastify/session'), { secret: 'the secret of the sessions, long enough', saveUninitialized: false, cookie })
  },
  async '@fastify/secure-session'(app) {
    await app.register(require('@fastify/secure-session'), { key: Buffer.alloc(32, 7), cookie: { sameSite: 'lax', path: '/' } })
  },
}

async function fastify({ config: { session, linksResponse, trustProxy }, strategies, legOf }) {
  const app = require('fastify')({ trustProxy: trustProxy !== undefined })
  if (linksResponse) {
    app.decorateRequest('res', null)
    app.addHook('onRequest', async (request, reply) => {
      request.res = reply.raw
    })
  }
  const { Authenticator } = require('@fastify/passport')
  // without it a sign-in that ends forgets those of other tabs, if they are kept in the session
  const passport = new Authenticator(linksResponse ? {} : { clearSessionIgnoreFields: ['huggingface:sign-ins'] })
  // @fastify/passport wants the property, whether or not there are sessions
  await (session ? sessionsOfFastify[session](app) : app.decorateRequest('session', null))
  await app.register(passport.initialize())
  if (session) {
    await app.register(passport.secureSession())
    passport.registerUserSerializer(async (user) => user)
    passport.registerUserDeserializer(async (user) => user)
  }
  passport.use(strategies.huggingface)
  const preValidation = function (request, reply) {
    const { all, answer } = legOf(request.url)
    const callback = async (_request, _reply, error, ...outcome) => {
      if (error) throw error
      answer((status, body) => reply.code(status).send(body))(...outcome)
    }
    return passport.authenticate('huggingface', all, answer && callback).call(this, request, reply)
  }
  app.get('/auth/*', { preValidation }, async ({ user, authInfo }) => ({ user, info: authInfo }))
  app.get('/me', async ({ user }) => user ?? null)
  await app.ready()
  return (req, res) => app.routing(req, res)
}

function koa({ config: { session, trustProxy }, passport, legOf }) {
  const app = new (require('koa'))({ proxy: trustProxy !== undefined })
  app.silent = true
  if (session) {
    app.keys = ['the secret of the sessions']
    app.use(require('koa-session').default({ sameSite: 'lax' }, app))
    app.use(passport.session())
  }
  app.use((ctx, next) => {
    if (ctx.path === '/me') return next()
    const { all, answer } = legOf(ctx.url)
    const callback = (error, ...outcome) => {
      if (error) throw error
      answer((status, body) => Object.assign(ctx, { status, body }))(...outcome)
    }
    return passport.authenticate('huggingface', all, answer && callback)(ctx, next)
  })
  app.use((ctx) => {
    const { user = null, authInfo } = ctx.state
    ctx.body = ctx.path === '/me' ? user : { user, info: authInfo }
  })
  return app.callback()
}

/** The ways to write `validate`, each with the third parameter of PassportStrategy, and an option of the strategy that goes with it. */
const validates = {
  profile: [async (_a, _r, { id, username }) => ({ id, username })],
  done: [(_a, _r, { username }, done) => ({ username, more: typeof done })],
  params: [(_a, _r, { scope }, { username }) => ({ username, more: scope }), true],
  counted: [(_a, _r, { username }) => ({ username }), true],
  request: [({ path }, _a, _r, { username }) => ({ username, more: path }), undefined, { passReqToCallback: true }],
}

// a guard finds its strategy by name among all of the process
let apps = 0

/** @param load loads a package of NestJS, which is here twice: 12, ESM only, and 11 */
async function nest({ config, options, HuggingFaceStrategy, legOf }, load) {
  require('reflect-metadata')
  const [common, core, passport] = [await load('@nestjs/common'), await load('@nestjs/core'), await load('@nestjs/passport')]
  const name = `huggingface ${++apps}`
  const forbid = () => {
    throw new common.ForbiddenException('not on the list')
  }
  const [validate, counts, more] = validates[config.validate ?? 'profile'] ?? [forbid]

  class AppStrategy extends passport.PassportStrategy(HuggingFaceStrategy, name, counts) {
    constructor() {
      super({ ...options, ...more })
    }
  }
  AppStrategy.prototype.validate = validate

  const legIn = (context) => legOf(context.switchToHttp().getRequest().url)
  class SignIn extends passport.AuthGuard(name) {
    getAuthenticateOptions(context) {
      return legIn(context).all
    }
    handleRequest(error, user, info, context, status) {
      // says why, in place of the usual exception
      if (!error && !user && legIn(context).answer) throw new common.HttpException(info, status ?? 401)
      return super.handleRequest(error, user, info, context, status)
    }
  }
  class AuthController {
    respond({ user, authInfo }) {
      return { user, info: authInfo }
    }
  }
  // the decorators, applied by hand: `@Get(…)`, `@UseGuards(SignIn)` and `@Req()`
  const { prototype } = AuthController
  const descriptor = Object.getOwnPropertyDescriptor(prototype, 'respond')
  common.Get(['', ':leg'])(prototype, 'respond', descriptor)
  common.UseGuards(SignIn)(prototype, 'respond', descriptor)
  common.Req()(prototype, 'respond', 0)
  common.Controller('auth/huggingface')(AuthController)

  class AppModule {}
  common.Module({
    imports: [passport.PassportModule],
    controllers: [AuthController],
    providers: [{ provide: 'the strategy', useFactory: () => new AppStrategy() }],
  })(AppModule)
  const app = await core.NestFactory.create(AppModule, { logger: false })
  app.set('trust proxy', config.trustProxy ?? false)
  await app.init()
  return app.getHttpAdapter().getInstance()
}

// a workspace of its own, since Nest 12 stands at the root
const paths = [require('node:path').join(__dirname, '../apps/nest-11')]
function load11(name) {
  const { version } = require(require.resolve('@nestjs/common/package.json', { paths }))
  if (!version.startsWith('11.')) throw new Error(`the workspace has NestJS ${version}; run npm install`)
  return require(require.resolve(name, { paths }))
}
module.exports = { fastify, koa, 'nest 11': (app) => nest(app, load11), 'nest 12': (app) => nest(app, (name) => import(name)) }
