import { randomUUID } from 'node:crypto'
import { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Passport } from 'passport'
import { callbackURL, person, strategies } from './strategies.mjs'

// An app, in a process of its own. It gives the strategy requests made by hand, so that no framework is measured.

const [, , name, hubURL] = process.argv
const passport = new Passport()
const start = performance.now()
passport.use('it', await strategies[name](hubURL))
const loadedIn = performance.now() - start
const { withSession = (_req, _res, next) => next() } = strategies[name]

/** One request: resolves with the response, once there is a redirect or the person is signed in. */
function visit(address, cookie = '') {
  const { pathname, search, searchParams } = new URL(address)
  const headers = { host: 'app.example', cookie }
  const url = pathname + search
  const req = { method: 'GET', url, originalUrl: url, protocol: 'https', secure: true, headers, get: (header) => headers[header] }
  Object.assign(req, { query: Object.fromEntries(searchParams), app: { get: () => () => false } })
  return new Promise((resolve, reject) => {
    const res = new ServerResponse(req)
    res.end = () => resolve(res.headersSent ? res : res.writeHead(res.statusCode))
    req.res = res
    const decide = (error, user, info) => {
      return user?.id === person.sub ? res.end() : reject(error ?? new Error(`${name}: ${JSON.stringify(info)}`))
    }
    withSession(req, res, () => passport.authenticate('it', decide)(req, res, reject))
  })
}

/** The way to the Hub. The person authorizes the app there, by a code that says what is granted. */
async function begin() {
  const res = await visit(`${callbackURL}/..`)
  const { state, ...granted } = Object.fromEntries(new URL(res.getHeader('location')).searchParams)
  const code = Buffer.from(JSON.stringify({ ...granted, id: randomUUID() })).toString('base64url')
  const query = new URLSearchParams({ code, ...(state && { state }) })
  const [cookie] = [res.getHeader('set-cookie')].flat()
  return { cookie: cookie.split(';')[0], callback: `${callbackURL}?${query}` }
}

/** The way back, in milliseconds. */
async function finish({ cookie, callback }) {
  const start = performance.now()
  await visit(callback, cookie)
  return performance.now() - start
}

/** Somebody signs in again and again: milliseconds of processor time for each sign-in. */
async function signIns(times) {
  const before = process.cpuUsage()
  for (let n = 0; n < times; n++) await finish(await begin())
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / times
}

/** People who come back at once: milliseconds until the last one is complete. */
async function crowd(size) {
  const begun = await Promise.all(Array.from({ length: size }, begin))
  await sleep(500)
  return Math.max(...(await Promise.all(begun.map(finish))))
}

/** Bytes in use after sign-ins, without what the garbage collector can free. */
async function heap(times) {
  await signIns(times)
  for (let n = 0; n < 3; n++) await sleep(20).then(globalThis.gc)
  return process.memoryUsage().heapUsed
}

const tasks = { begin, finish, signIns, crowd, heap }
process.on('message', async ({ task, given }) => process.send({ result: await tasks[task](given) }))
process.send({ loadedIn })
