// The same app in several frameworks. `/auth/huggingface` begins a sign-in, with the options in its query, and `/auth/huggingface/callback`
// ends it. `/auth/huggingface/explained` ends it too, but asks Passport to call the app back.
const { Passport } = require('passport')

/** What passport.authenticate gets for a request, and whether it is asked to call back. */
function legOf(url, { session, callback }) {
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  const given = pathname.endsWith('/huggingface') ? JSON.parse(searchParams.get('options') ?? '{}') : callback
  return { options: { session: session !== undefined, ...given }, isExplained: pathname.endsWith('/explained') }
}

/** The response to an outcome that Passport has called back with. */
const explain = (user, info, status = 401) => (user ? { status: 200, body: { user, info } } : { status, body: info })

function withSerializers(passport) {
  passport.serializeUser((user, done) => done(null, user))
  passport.deserializeUser((user, done) => done(null, user))
  return passport
}

/** Of Express and of node:http. */
function middlewaresOf(strategy, { byInstance, custom, ...config }, errors) {
  const passport = withSerializers(new Passport()).use(strategy)
  const send = (res, { status, body }) => res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  const authenticate = (req, res, next) => {
    const { options, isExplained } = legOf(req.originalUrl ?? req.url, config)
    const respond = custom ?? ((...outcome) => send(res, explain(...outcome)))
    const callback = isExplained && ((error, ...outcome) => (error ? next(error) : respond(...outcome)))
    passport.authenticate(byInstance ? strategy : 'huggingface', options, callback)(req, res, next)
  }
  const finish = ({ user, authInfo: info }, res) => send(res, { status: 200, body: { user, info } })
  const onError = (error, _req, res, _next) => {
    errors.push(error)
    const { code, phase, status = 500 } = error
    send(res, { status, body: { isError: error instanceof Error, code, phase } })
  }
  return { passport, authenticate, finish, onError }
}

const inExpress = (express) => (strategy, config, errors) => {
  const { passport, authenticate, finish, onError } = middlewaresOf(strategy, config, errors)
  const app = express().set('trust proxy', config.trustProxy ?? false)
  if (config.session) app.use(...config.session, passport.session())
  app.get('/me', (req, res) => res.json(req.user))
  app.use(config.mount ?? '/auth', express.Router().get(['/huggingface', '/huggingface/:leg'], authenticate, finish))
  return app.use(onError)
}

/** As in connect, there is no req.next. */
function inNoFramework(strategy, config, errors) {
  const { authenticate, finish, onError } = middlewaresOf(strategy, config, errors)
  return (req, res) => {
    req.res = res
    authenticate(req, res, (error) => (error ? onError(error, req, res) : finish(req, res)))
  }
}

async function inFastify(strategy, { trustProxy, ...config }) {
  const app = require('fastify')({ trustProxy: trustProxy !== undefined })
  const { Authenticator } = require('@fastify/passport')
  // without it a sign-in that ends forgets those of other tabs, if they are kept in the session
  const passport = new Authenticator({ clearSessionIgnoreFields: ['huggingface:sign-ins'] }).use(strategy)
  passport.registerUserSerializer(async (user) => user)
  passport.registerUserDeserializer(async (user) => user)
  if (config.session) {
    await app.register(require('@fastify/secure-session'), { key: Buffer.alloc(32, 7), cookie: { sameSite: 'lax', path: '/' } })
  } else {
    app.decorateRequest('session', null).decorateRequest('res', null)
    app.addHook('onRequest', async (request, reply) => {
      request.res = reply.raw
    })
  }
  await app.register(passport.initialize())
  if (config.session) await app.register(passport.secureSession())
  const preValidation = function (request, reply) {
    const { options, isExplained } = legOf(request.url, config)
    const callback = async (_request, _reply, error, ...outcome) => {
      if (error) throw error
      const { status, body } = explain(...outcome)
      reply.code(status).send(body)
    }
    return passport.authenticate('huggingface', options, isExplained && callback).call(this, request, reply)
  }
  app.get('/auth/*', { preValidation }, async ({ user, authInfo }) => ({ user, info: authInfo }))
  app.get('/me', async ({ user }) => user)
  await app.ready()
  return (req, res) => app.routing(req, res)
}

function inKoa(strategy, { trustProxy, ...config }) {
  const { KoaPassport } = require('koa-passport')
  const passport = withSerializers(new KoaPassport()).use(strategy)
  const app = new (require('koa'))({ proxy: trustProxy !== undefined })
  app.silent = true
  app.use((ctx, next) => {
    const { options, isExplained } = legOf(ctx.url, config)
    const callback = (error, ...outcome) => {
      if (error) throw error
      Object.assign(ctx, explain(...outcome))
    }
    return passport.authenticate('huggingface', options, isExplained && callback)(ctx, next)
  })
  app.use((ctx) => {
    ctx.body = { user: ctx.state.user, info: ctx.state.authInfo }
  })
  return app.callback()
}

/**
 * By framework. Each is called with the strategy, with `config`, and with a list of what its error handler is going to get.
 *
 * - `session`: for Express the middlewares that give sessions, for Fastify true
 * - `trustProxy`: trust a proxy, in the way that the framework has for it
 * - `mount`: where the router of Express is
 * - `byInstance`: passport.authenticate has the strategy itself
 * - `callback`: options of passport.authenticate for the callback
 * - `custom`: what Passport calls back, in place of the usual
 */
module.exports = {
  express: inExpress(require('express')),
  express4: inExpress(require('express4')),
  http: inNoFramework,
  fastify: inFastify,
  koa: inKoa,
}
