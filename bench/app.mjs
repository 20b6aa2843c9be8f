import { EventEmitter, once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Passport } from 'passport'
import { cookieHeader, keepCookies } from './jar.mjs'
import { allow, callbackURL, person } from './setting.mjs'
import { strategies } from './strategies.mjs'

// A process with one strategy in it, driven through passport.authenticate with requests made by hand, alike for all. Its parent tells it what to do over IPC.

const [, , name, hub] = process.argv

const passport = new Passport()
passport.use('it', await strategies[name](hub))

function request(path, jar) {
  const url = new URL(path, callbackURL)
  const headers = { host: url.host, cookie: cookieHeader(jar.cookies) }
  const req = {
    method: 'GET',
    url: url.pathname + url.search,
    originalUrl: url.pathname + url.search,
    query: Object.fromEntries(url.searchParams),
    protocol: 'https',
    headers,
    get: (header) => headers[header],
    app: { get: () => () => false },
    session: jar.session,
    socket: new EventEmitter(),
  }
  const sent = {}
  req.res = {
    getHeader: (header) => sent[header.toLowerCase()],
    setHeader: (header, value) => {
      sent[header.toLowerCase()] = value
    },
  }
  return { req, sent }
}

/** The first leg, until the redirect. */
function begin(jar = { cookies: {}, session: {} }) {
  const { req, sent } = request('/auth', jar)
  return new Promise((resolve, reject) => {
    req.res.end = () => {
      keepCookies(jar.cookies, sent['set-cookie'])
      resolve({ location: sent.location, jar })
    }
    passport.authenticate('it', (error) => reject(error ?? new Error(`${name} did not redirect`)))(req, req.res, reject)
  })
}

/** The second leg: milliseconds from the callback's arrival to the user. */
function finish({ callback, jar }) {
  const { req, sent } = request(callback, jar)
  return new Promise((resolve, reject) => {
    const arrived = performance.now()
    const decide = (error, user, info) => {
      const took = performance.now() - arrived
      keepCookies(jar.cookies, sent['set-cookie'])
      if (user?.id === person.sub) resolve(took)
      else reject(error ?? new Error(`${name} signed nobody in: ${JSON.stringify(info)}`))
    }
    passport.authenticate('it', decide)(req, req.res, reject)
  })
}

async function signIn(jar) {
  const begun = await begin(jar)
  return finish({ callback: allow(begun.location), jar: begun.jar })
}

/** Sign-ins one after the other: microseconds of processor time for each, on all of the process's threads. */
async function processorTime(times) {
  const before = process.cpuUsage()
  for (let n = 0; n < times; n++) await signIn()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}

/** The same strategy in an Express app with sessions, as its documentation says: the port. */
async function serve() {
  const { default: express } = await import('express')
  const { default: session } = await import('express-session')
  passport.serializeUser((user, done) => done(null, user.id))
  const app = express()
  app.use(session({ secret: 'a secret of the app', resave: false, saveUninitialized: false }))
  app.get('/auth', passport.authenticate('it'))
  app.get('/auth/callback', passport.authenticate('it'), (req, res) => res.send(req.user.id))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

/** Bytes of heap in use, after collecting what is unreachable. */
async function heap() {
  for (let n = 0; n < 3; n++) {
    await sleep(10)
    globalThis.gc()
  }
  return process.memoryUsage().heapUsed
}

/** Bytes of heap after each part of many sign-ins, eight at a time. */
async function heaps({ parts, signIns }) {
  const measured = []
  for (let part = 0; part < parts; part++) {
    let left = signIns
    const person = async () => {
      const jar = { cookies: {}, session: {} }
      while (left-- > 0) await signIn(jar)
    }
    await Promise.all(Array.from({ length: 8 }, person))
    measured.push(await heap())
  }
  return measured
}

/** Sign-ins begun at once, none of which comes back: what they leave in this process, at once and when the kept connection has gone. */
async function abandon(times) {
  const before = await heap()
  await Promise.all(Array.from({ length: times }, () => begin()))
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const afterwards = async () => ({ heap: (await heap()) - before, timers: timers() })
  const soon = await afterwards()
  await sleep(8000)
  return { soon, later: await afterwards() }
}

const tasks = { begin: () => begin(), finish, processorTime, serve, usage: () => process.cpuUsage(), heaps, abandon }

process.on('message', async ({ task, given }) => {
  try {
    process.send({ result: await tasks[task](given) })
  } catch (error) {
    process.send({ error: error.stack })
  }
})
process.send({ result: 'ready' })
