// Apps in a process of their own. A POST of JSON starts one and answers with its port; see AppConfig in process.ts.
// It handles no error of the process, so that a crash is one.
const { EventEmitter } = require('node:events')
const http = require('node:http')
const net = require('node:net')
const { Passport } = require('passport')
const { HuggingFaceStrategy, SessionStateStore } = require('../../dist')

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

const stores = {
  session: () => new SessionStateStore(),
  pkce: () => new (require('passport-oauth2/lib/state/pkcesession'))({ key: 'oauth2' }),
}

const expressSession = () => require('express-session')({ secret: 'of sessions', resave: false, saveUninitialized: false })
const sessions = {
  'express-session': () => [expressSession()],
  'cookie-session': () => [require('cookie-session')({ secret: 'of sessions' })],
  broken: () => [
    expressSession(),
    (req, _res, next) => {
      req.session.regenerate = () => {
        throw new Error('no session for you')
      }
      next()
    },
  ],
}

const customs = {
  answers: (res) => (user, info, status) => send(res, user ? 200 : (status ?? 401), user ? { user, info } : info),
  throws: () => () => {
    throw new Error('the callback threw')
  },
  rejects: () => async () => {
    throw new Error('the callback rejected')
  },
  renders: (res) => () => res.render('page'),
}

function send(res, status, body) {
  const text = JSON.stringify(body ?? null)
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
  res.end(text)
}

/** The request listener of an app that is made of this. */
function createApp(config) {
  const log = { errors: [], agentUsed: 0 }
  const passport = config.host === 'koa' ? new (require('koa-passport').KoaPassport)() : new Passport()
  passport.serializeUser((user, done) => done(null, user))
  passport.deserializeUser((user, done) => done(null, user))
  http.globalAgent = config.globalAgent ? agents.proxy(log) : globalAgent
  const strategies = {}
  for (const [name, given] of Object.entries(config.strategies)) {
    const [agent, store] = [agents[given.agent]?.(log), stores[given.store]?.()]
    const usual = { callbackURL: `/auth/${name}/callback`, scope: 'openid profile', timeout: 300, restart: false }
    strategies[name] = new HuggingFaceStrategy({ ...usual, ...given, agent, store }, verifies[config.verify ?? 'profile'])
    passport.use(name, strategies[name])
  }

  function onError(thrown, _req, res, _next) {
    const { name, code, phase, status = 500, cause } = Object(thrown)
    const error = { name, code, phase, status, cause: cause?.message, isError: thrown instanceof Error }
    log.errors.push(error)
    if (!res.headersSent) send(res, status, error)
  }

  /** Both legs, as a middleware for any host. */
  function authenticate(req, res, next) {
    const { pathname, searchParams } = new URL(req.url, 'http://localhost')
    const [, , name, isCallback] = pathname.split('/')
    const options = isCallback ? config.callback : JSON.parse(searchParams.get('options') ?? '{}')
    const custom = customs[config.custom ?? (config.callback ? '' : 'answers')]?.(res)
    const callback = custom && ((error, ...rest) => (error ? next(error) : custom(...rest)))
    if (isCallback && config.answersAfter) setTimeout(send, config.answersAfter, res, 503)
    const all = { session: config.session !== undefined, ...options }
    passport.authenticate(config.by === 'instance' ? strategies[name] : name, all, isCallback ? callback : undefined)(req, res, next)
  }
  const finish = (req, res) => send(res, 200, { user: req.user, info: req.authInfo })

  const hosts = {
    express(module = 'express') {
      const app = require(module)()
      for (const middleware of sessions[config.session]?.() ?? []) app.use(middleware)
      return app.get(['/auth/:name', '/auth/:name/callback'], authenticate, finish).use(onError)
    },
    express4: () => hosts.express('express4'),
    // as in connect, there is no req.next
    http: () => (req, res) => {
      req.res = res
      authenticate(req, res, (error) => (error ? onError(error, req, res) : finish(req, res)))
    },
    koa() {
      const app = new (require('koa'))()
      app.silent = true
      app.use(passport.authenticate('huggingface', { session: false }))
      app.use((ctx) => {
        ctx.body = { user: ctx.state.user }
      })
      return app.callback()
    },
  }
  const host = hosts[config.host ?? 'express']()
  return (req, res) => (req.url === '/log' ? send(res, 200, log) : host(req, res))
}

const control = http.createServer(async (req, res) => {
  if (req.url === '/heap') {
    global.gc()
    return send(res, 200, process.memoryUsage().heapUsed)
  }
  let config = ''
  for await (const chunk of req) config += chunk
  const server = http.createServer(createApp(JSON.parse(config)))
  server.listen(0, '127.0.0.1', () => send(res, 200, server.address().port))
})
control.listen(0, '127.0.0.1', () => process.stdout.write(`${control.address().port}\n`))
