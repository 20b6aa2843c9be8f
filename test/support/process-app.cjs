// Apps in a process of their own. A POST of JSON starts one and answers with its port; `createApp` says what it may be made of.
// It handles no error of the process, so that a crash is one.
const { EventEmitter } = require('node:events')
const http = require('node:http')
const http2 = require('node:http2')
const net = require('node:net')
const { Passport } = require('passport')
const { HuggingFaceStrategy } = require('../../dist')
const frameworks = require('../frameworks/hosts.cjs')

const { globalAgent } = http

const verifies = {
  profile: async (_accessToken, _refreshToken, profile) => ({ id: profile.id, username: profile.username }),
  refuses: async (_accessToken, _refreshToken, _profile) => false,
  trap: async (_accessToken, _refreshToken, _params, profile) => ({ id: profile.id }),
}

const agents = {
  own: () => new http.Agent({ keepAlive: true }),
  refused: () => Object.assign(new http.Agent(), { createConnection: () => net.connect(1) }),
  hanging: () => Object.assign(new http.Agent(), { addRequest() {} }),
  /** In the style of npm's tunnel: no http.Agent, and nothing of one but this. */
  tunnel: (log) =>
    Object.assign(new EventEmitter(), {
      addRequest(request, { port, host }) {
        log.agentUsed += 1
        request.onSocket(net.connect(port, host))
      },
    }),
  /** Of another class than Node's own. */
  proxy: (log) =>
    new (class extends http.Agent {
      addRequest(...args) {
        log.agentUsed += 1
        super.addRequest(...args)
      }
    })(),
}

const expressSession = () => require('express-session')({ secret: 'of sessions', resave: false, saveUninitialized: false })
const cookieSession = () => require('cookie-session')({ secret: 'of sessions', sameSite: 'lax' })
const changed = (create, change) => () => {
  const session = create()
  return (req, res, next) => session(req, res, () => next(change(req.session)))
}
const call = (done) => done()
const fail = () => {
  throw new Error('no session for you')
}
const sessions = {
  'express-session': expressSession,
  'cookie-session': cookieSession,
  // Passport 0.7 calls two methods that cookie-session does not have
  'cookie-session with shim': changed(cookieSession, (session) => {
    Object.assign(Object.getPrototypeOf(session), { regenerate: call, save: call })
  }),
  broken: changed(expressSession, (session) => {
    session.regenerate = fail
  }),
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
  renders: (_respond, res) => () => res.render('page'),
}

function send(res, status, body) {
  const text = JSON.stringify(body ?? null)
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
  res.end(text)
}

/**
 * The request listener of an app.
 *
 * - `host`: `express` (5), `express4`, `http` without a framework, or one of hosts.cjs; perhaps with `http2`
 * - `session`: one of `sessions`, or the host's own
 * - `trustProxy`: trust a proxy, in the way that the framework has for it
 * - `mount`: where the router of Express is, `/auth` unless told otherwise
 * - `strategies`: options by name, with an agent from `agents`
 * - `by`: `instance`, if passport.authenticate is to have the strategy itself
 * - `verify`, `validate`: one of `verifies`, and one of Nest's in hosts.cjs
 * - `callback`: options of passport.authenticate for the callback, which then has no custom callback; else `custom`, one of `customs`
 * - `answersAfter`: milliseconds after which the app itself answers the callback, with a 503
 * - `globalAgent`: true, if an agent of another class is to stand in the place of Node's
 */
async function createApp(config) {
  const { host = 'express', session, trustProxy } = config
  const log = { errors: [], agentUsed: 0 }
  const passport = host === 'koa' ? new (require('koa-passport').KoaPassport)() : new Passport()
  passport.serializeUser((user, done) => done(null, user))
  passport.deserializeUser((user, done) => done(null, user))
  http.globalAgent = config.globalAgent ? agents.proxy(log) : globalAgent
  const strategies = {}
  let options
  for (const [name, given] of Object.entries(config.strategies)) {
    const usual = { callbackURL: `/auth/${name}/callback`, scope: 'openid profile', timeout: 3000, restart: false }
    // node:http has no setting for it
    const proxy = host === 'http' && trustProxy !== undefined
    options = { ...usual, proxy, ...given, agent: agents[given.agent]?.(log) }
    strategies[name] = new HuggingFaceStrategy(options, verifies[config.verify ?? 'profile'])
    passport.use(name, strategies[name])
  }

  function onError(thrown, _req, res, _next) {
    const { name, code, phase, status = 500, cause } = Object(thrown)
    const error = { name, code, phase, status, cause: cause?.message, isError: thrown instanceof Error }
    log.errors.push(error)
    if (!res.headersSent) send(res, status, error)
  }

  /** What a request is for: `/auth/NAME?options=JSON` begins a sign-in, and `/auth/NAME/…` ends one. */
  function legOf(url) {
    const [, name, leg] = /\/auth\/([^/?]+)\/?(\w*)/.exec(url)
    const given = leg ? config.callback : JSON.parse(new URL(url, 'http://localhost').searchParams.get('options') ?? '{}')
    const isPlain = !leg || (config.callback && leg !== 'explained')
    const answer = isPlain ? undefined : customs[config.custom ?? 'answers']
    return { name, leg, all: { session: session !== undefined, ...given }, answer }
  }

  /** Both legs, as a middleware for Express and for node:http. */
  function authenticate(req, res, next) {
    const { name, leg, all, answer } = legOf(req.originalUrl ?? req.url)
    if (leg && config.answersAfter) setTimeout(send, config.answersAfter, res, 503)
    const answered = answer?.((status, body) => send(res, status, body), res)
    const callback = answered && ((error, ...outcome) => (error ? next(error) : answered(...outcome)))
    passport.authenticate(config.by === 'instance' ? strategies[name] : name, all, callback)(req, res, next)
  }
  const finish = (req, res) => send(res, 200, { user: req.user, info: req.authInfo })

  function expressApp(express) {
    const app = express().set('trust proxy', trustProxy ?? false)
    if (session) app.use(sessions[session](), passport.session())
    app.get('/me', (req, res) => send(res, 200, req.user))
    app.use(config.mount ?? '/auth', express.Router().get(['/:name', '/:name/:leg'], authenticate, finish))
    return app.use(onError)
  }

  const hosts = {
    ...frameworks,
    express: () => expressApp(require('express')),
    express4: () => expressApp(require('express4')),
    // as in connect, there is no req.next
    http: () => (req, res) => {
      req.res = res
      authenticate(req, res, (error) => (error ? onError(error, req, res) : finish(req, res)))
    },
  }
  const listener = await hosts[host]({ config, passport, strategies, options, HuggingFaceStrategy, legOf })
  return (req, res) => (req.url === '/log' ? send(res, 200, log) : listener(req, res))
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
