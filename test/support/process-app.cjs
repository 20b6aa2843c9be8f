// Apps in a process of their own. A POST of JSON starts one and answers with its port; `createApp` says what it may be made of.
// It handles no error of the process, so that a crash is one.
const http = require('node:http')
const http2 = require('node:http2')
const { Passport } = require('passport')
const { HuggingFaceStrategy } = require('../../dist')

const verify = async (_accessToken, _refreshToken, { id, username }) => ({ id, username })

const expressSession = require('express-session')({ secret: 'of sessions', resave: false, saveUninitialized: false })
const cookieSession = require('cookie-session')({ secret: 'of sessions', sameSite: 'lax' })

/** Passport 0.7 calls two methods that cookie-session does not have. */
function shim(req, _res, next) {
  const call = (done) => done()
  Object.assign(Object.getPrototypeOf(req.session), { regenerate: call, save: call })
  next()
}
function fail() {
  throw new Error('no session for you')
}
function breakSession(req, _res, next) {
  req.session.regenerate = fail
  next()
}
const sessions = {
  'express-session': [expressSession],
  'cookie-session': [cookieSession],
  'cookie-session with shim': [cookieSession, shim],
  broken: [expressSession, breakSession],
}

/** What an app does with the outcome, if it asks Passport to call it back. */
const customs = {
  answers: (respond) => (user, info, status) => respond(user ? 200 : (status ?? 401), user ? { user, info } : info),
  throws: () => () => {
    throw new Error('the callback threw')
  },
  rejects: () => async () => {
    throw new Error('the callback rejected')
  },
}

function send(res, status, body) {
  const text = JSON.stringify(body ?? null)
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
  res.end(text)
}

/**
 * The request listener of an app.
 *
 * - `host`: `express` (5), `express4`, `http` without a framework, `fastify` or `koa`; perhaps with `http2`
 * - `session`: for Express one of `sessions`, for Fastify true
 * - `trustProxy`: trust a proxy, in the way that the framework has for it
 * - `mount`: where the router of Express is, `/auth` unless told otherwise
 * - `strategies`: options by name
 * - `by`: `instance`, if passport.authenticate is to have the strategy itself
 * - `callback`: options of passport.authenticate for the callback, which then has no custom callback; else `custom`, one of `customs`
 */
async function createApp(config) {
  const { host = 'express', session, trustProxy } = config
  const errors = []
  const passport = host === 'koa' ? new (require('koa-passport').KoaPassport)() : new Passport()
  passport.serializeUser((user, done) => done(null, user))
  passport.deserializeUser((user, done) => done(null, user))
  const strategies = {}
  for (const [name, given] of Object.entries(config.strategies)) {
    const usual = { callbackURL: `/auth/${name}/callback`, scope: 'openid profile', timeout: 3000, restart: false }
    // node:http has no setting for it
    const proxy = host === 'http' && trustProxy !== undefined
    strategies[name] = new HuggingFaceStrategy({ ...usual, proxy, ...given }, verify)
    passport.use(name, strategies[name])
  }

  function onError(thrown, _req, res, _next) {
    const { name, code, phase, status = 500, cause } = Object(thrown)
    const error = { name, code, phase, status, cause: cause?.message, isError: thrown instanceof Error }
    errors.push(error)
    send(res, status, error)
  }

  /** What a request is for: `/auth/NAME?options=JSON` begins a sign-in, and `/auth/NAME/…` ends one. */
  function legOf(url) {
    const [, name, leg] = /\/auth\/([^/?]+)\/?(\w*)/.exec(url)
    const given = leg ? config.callback : JSON.parse(new URL(url, 'http://localhost').searchParams.get('options') ?? '{}')
    const isPlain = !leg || (config.callback && leg !== 'explained')
    const answer = isPlain ? undefined : customs[config.custom ?? 'answers']
    return { name, all: { session: session !== undefined, ...given }, answer }
  }

  /** Both legs, as a middleware for Express and for node:http. */
  function authenticate(req, res, next) {
    const { name, all, answer } = legOf(req.originalUrl ?? req.url)
    const answered = answer?.((status, body) => send(res, status, body))
    const callback = answered && ((error, ...outcome) => (error ? next(error) : answered(...outcome)))
    passport.authenticate(config.by === 'instance' ? strategies[name] : name, all, callback)(req, res, next)
  }
  const finish = (req, res) => send(res, 200, { user: req.user, info: req.authInfo })

  function expressApp(express) {
    const app = express().set('trust proxy', trustProxy ?? false)
    if (session) app.use(...sessions[session], passport.session())
    app.get('/me', (req, res) => send(res, 200, req.user))
    app.use(config.mount ?? '/auth', express.Router().get(['/:name', '/:name/:leg'], authenticate, finish))
    return app.use(onError)
  }

  async function fastifyApp() {
    const app = require('fastify')({ trustProxy: trustProxy !== undefined })
    const { Authenticator } = require('@fastify/passport')
    // without it a sign-in that ends forgets those of other tabs, if they are kept in the session
    const passport = new Authenticator({ clearSessionIgnoreFields: ['huggingface:sign-ins'] })
    passport.use(strategies.huggingface)
    passport.registerUserSerializer(async (user) => user)
    passport.registerUserDeserializer(async (user) => user)
    if (session) {
      await app.register(require('@fastify/secure-session'), { key: Buffer.alloc(32, 7), cookie: { sameSite: 'lax', path: '/' } })
    } else {
      app.decorateRequest('session', null).decorateRequest('res', null)
      app.addHook('onRequest', async (request, reply) => {
        request.res = reply.raw
      })
    }
    await app.register(passport.initialize())
    if (session) await app.register(passport.secureSession())
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

  function koaApp() {
    const app = new (require('koa'))({ proxy: trustProxy !== undefined })
    app.silent = true
    app.use((ctx, next) => {
      const { all, answer } = legOf(ctx.url)
      const callback = (error, ...outcome) => {
        if (error) throw error
        answer((status, body) => Object.assign(ctx, { status, body }))(...outcome)
      }
      return passport.authenticate('huggingface', all, answer && callback)(ctx, next)
    })
    app.use((ctx) => {
      ctx.body = { user: ctx.state.user, info: ctx.state.authInfo }
    })
    return app.callback()
  }

  const hosts = {
    express: () => expressApp(require('express')),
    express4: () => expressApp(require('express4')),
    fastify: fastifyApp,
    koa: koaApp,
    // as in connect, there is no req.next
    http: () => (req, res) => {
      req.res = res
      authenticate(req, res, (error) => (error ? onError(error, req, res) : finish(req, res)))
    },
  }
  const listener = await hosts[host]()
  return (req, res) => (req.url === '/errors' ? send(res, 200, errors) : listener(req, res))
}

const control = http.createServer(async (req, res) => {
  if (req.url === '/heap') {
    global.gc()
    return send(res, 200, process.memoryUsage().heapUsed)
  }
  let text = ''
  for await (const chunk of req) text += chunk
  const config = JSON.parse(text)
  const server = (config.http2 ? http2 : http).createServer(await createApp(config))
  server.listen(0, '127.0.0.1', () => send(res, 200, server.address().port))
})
control.listen(0, '127.0.0.1', () => process.stdout.write(`${control.address().port}\n`))
