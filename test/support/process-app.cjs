// An app in a process of its own. A JSON argument says what it is made of; see AppConfig in process.ts.
// It handles no error of the process, so that a crash is one.
const { EventEmitter } = require('node:events')
const http = require('node:http')
const net = require('node:net')
const { Passport } = require('passport')
const { HuggingFaceStrategy, SessionStateStore } = require('../../dist')

const config = JSON.parse(process.argv[2])
const log = { errors: [], agentUsed: 0 }
const somebody = { id: 'somebody' }

const verifies = {
  profile: async (_accessToken, _refreshToken, profile) => ({ id: profile.id, username: profile.username }),
  refuses: async (_accessToken, _refreshToken, _profile) => false,
  trap: async (_accessToken, _refreshToken, _params, profile) => ({ id: profile.id }),
  'no parameter': async () => somebody,
  'one parameter': (_accessToken) => somebody,
  'two parameters': (_accessToken, _refreshToken) => somebody,
}

/** In the style of npm's tunnel: no http.Agent, and nothing of one but this. */
class TunnelAgent extends EventEmitter {
  addRequest(request, { port, host }) {
    log.agentUsed += 1
    request.onSocket(net.connect(port, host))
  }
}

class ProxyAgent extends http.Agent {
  addRequest(...args) {
    log.agentUsed += 1
    super.addRequest(...args)
  }
}

const agents = {
  tunnel: () => new TunnelAgent(),
  refused: () => Object.assign(new http.Agent(), { createConnection: () => net.connect(1) }),
  hanging: () => Object.assign(new http.Agent(), { addRequest() {} }),
  own: () => new http.Agent({ keepAlive: true }),
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
  answers: (res, next) => (error, user, info, status) => {
    if (error) return next(error)
    send(res, user ? 200 : (status ?? 401), user ? { user, info } : info)
  },
  throws: (_res, next) => (error) => {
    if (error) return next(error)
    throw new Error('the callback threw')
  },
  rejects: (_res, next) => async (error) => {
    if (error) return next(error)
    throw new Error('the callback rejected')
  },
  renders: (res, next) => (error) => (error ? next(error) : res.render('page')),
}

function send(res, status, body) {
  const text = JSON.stringify(body ?? null)
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': text.length })
  res.end(text)
}

function noted({ name, message, code, phase, status, hubStatus }, isError) {
  const error = { name, message, code, phase, status, hubStatus, isError }
  log.errors.push(error)
  return error
}

function onError(error, _req, res, _next) {
  const body = noted(Object(error), error instanceof Error)
  if (!res.headersSent) send(res, body.status ?? 500, body)
}

if (config.globalAgent) http.globalAgent = new ProxyAgent()
const passport = config.host === 'koa' ? new (require('koa-passport').KoaPassport)() : new Passport()
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))
const strategies = {}
for (const [name, given] of Object.entries(config.strategies ?? { huggingface: {} })) {
  const options = {
    clientID: config.clientID,
    clientSecret: config.clientSecret,
    hubURL: config.hubURL,
    callbackURL: `/auth/${name}/callback`,
    scope: 'openid profile',
    timeout: 300,
    restart: false,
    ...given,
    agent: agents[given.agent]?.(),
    store: stores[given.store]?.(),
  }
  strategies[name] = new HuggingFaceStrategy(options, verifies[config.verify ?? 'profile'])
  if (config.stub) {
    strategies[name]._oauth2.getOAuthAccessToken = (_code, _params, done) => done(config.stub)
  }
  passport.use(name, strategies[name])
}

/** Both legs, as a middleware for any host. */
function authenticate(req, res, next) {
  const { pathname, searchParams } = new URL(req.url, 'http://localhost')
  const [, , name, isCallback] = pathname.split('/')
  const by = config.by === 'instance' ? strategies[name] : name
  const options = isCallback ? config.callback : JSON.parse(searchParams.get('options') ?? '{}')
  const custom = customs[config.custom ?? (config.callback ? '' : 'answers')]?.(res, next)
  if (isCallback && config.answersAfter) setTimeout(send, config.answersAfter, res, 503)
  const all = { session: config.session !== undefined, ...options }
  passport.authenticate(by, all, isCallback ? custom : undefined)(req, res, next)
}

const pages = {
  '/ping': (_req, res) => send(res, 200, 'here'),
  '/log': (_req, res) => send(res, 200, log),
  '/heap': (_req, res) => {
    global.gc()
    send(res, 200, process.memoryUsage().heapUsed)
  },
}

const hosts = {
  express() {
    const app = require(config.host === 'express4' ? 'express4' : 'express')()
    for (const [path, page] of Object.entries(pages)) app.get(path, page)
    for (const middleware of sessions[config.session]?.() ?? []) app.use(middleware)
    app.get(['/auth/:name', '/auth/:name/callback'], authenticate, (req, res) => {
      send(res, 200, { user: req.user, info: req.authInfo })
    })
    return app.use(onError)
  },
  // as in connect, there is no req.next
  http: () => (req, res) => {
    const page = pages[req.url]
    if (page) return page(req, res)
    req.res = res
    authenticate(req, res, (error) => {
      if (error) onError(error, req, res)
      else send(res, 200, { user: req.user, info: req.authInfo })
    })
  },
  koa() {
    const app = new (require('koa'))()
    app.on('error', (error) => noted(error, true))
    app.use((ctx, next) => {
      const page = pages[ctx.path]
      if (!page) return next()
      ctx.respond = false
      page(ctx.req, ctx.res)
    })
    app.use(passport.authenticate('huggingface', { session: false }))
    app.use((ctx) => {
      ctx.body = { user: ctx.state.user }
    })
    return app.callback()
  },
}
hosts.express4 = hosts.express

const server = http.createServer(hosts[config.host ?? 'express']())
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
