// The same app in several frameworks, each as a function of the strategy and:
//
// - `session`: for Express the middlewares that give sessions, for Fastify true
// - `trustProxy`: trust a proxy, in the way that the framework has for it
// - `mount`: where it is in Express
// - `byInstance`: passport.authenticate has the strategy itself
// - `options` of passport.authenticate, and `callback`, its custom callback without the error
// - `errors`: a list of what the error handler is going to get
const { Passport } = require('passport')

/** A sign-in begins with the state of the app in the query. */
function optionsOf(url, { session, options }) {
  const kept = new URL(url, 'http://localhost').searchParams.get('kept')
  return { session: session !== undefined, ...(kept && { state: kept }), ...options }
}

function withSerializers(passport) {
  passport.serializeUser((user, done) => done(null, user))
  passport.deserializeUser((user, done) => done(null, user))
  return passport
}

/** Of Express and of node:http. */
function middlewaresOf(strategy, { byInstance, callback, errors, ...config }) {
  const passport = withSerializers(new Passport()).use(strategy)
  const send = (res, status, body) => res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  const authenticate = (req, res, next) => {
    const custom = callback && ((error, ...outcome) => (error ? next(error) : callback(...outcome)))
    passport.authenticate(byInstance ? strategy : 'huggingface', optionsOf(req.originalUrl ?? req.url, config), custom)(req, res, next)
  }
  const finish = ({ user, authInfo: info }, res) => send(res, 200, { user, info })
  const onError = (error, _req, res, _next) => {
    errors.push(error)
    const { code, phase, status = 500 } = error
    send(res, status, { isError: error instanceof Error, code, phase })
  }
  return { passport, authenticate, finish, onError }
}

const inExpress = (express) => (strategy, config) => {
  const { passport, authenticate, finish, onError } = middlewaresOf(strategy, config)
  const app = express().set('trust proxy', config.trustProxy ?? false)
  if (config.session) app.use(...config.session, passport.session())
  app.get('/me', (req, res) => res.json(req.user))
  app.use(config.mount ?? '/auth', authenticate, finish)
  return app.use(onError)
}

/** As in connect, there is no req.next. */
function inNoFramework(strategy, config) {
  const { authenticate, finish, onError } = middlewaresOf(strategy, config)
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
    return passport.authenticate('huggingface', optionsOf(request.url, config)).call(this, request, reply)
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
  app.use((ctx, next) => passport.authenticate('huggingface', optionsOf(ctx.url, config))(ctx, next))
  app.use((ctx) => {
    ctx.body = { user: ctx.state.user, info: ctx.state.authInfo }
  })
  return app.callback()
}

module.exports = {
  express: inExpress(require('express')),
  express4: inExpress(require('express4')),
  http: inNoFramework,
  fastify: inFastify,
  koa: inKoa,
}
