import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Passport } from 'passport'
import { callbackURL, person, strategies } from './strategies.mjs'

// An app, in a process of its own. It gives the strategy requests made by hand, so that no framework is measured. A session is an object.

const [, , name, hubURL] = process.argv
const passport = new Passport()
const start = performance.now()
passport.use('it', await strategies[name](hubURL))
const loadedIn = performance.now() - start

/** One request: resolves with the headers of the response, once there is a redirect or the person is signed in. */
function visit(address, { cookie, session }) {
  const { pathname, search, searchParams } = new URL(address)
  const headers = { host: 'app.example', cookie }
  const url = pathname + search
  const req = { method: 'GET', url, originalUrl: url, protocol: 'https', headers, session, get: (header) => headers[header] }
  Object.assign(req, { query: Object.fromEntries(searchParams), app: { get: () => () => false } })
  return new Promise((resolve, reject) => {
    const sent = new Map()
    const setHeader = (header, value) => sent.set(header.toLowerCase(), value)
    req.res = { getHeader: (header) => sent.get(header.toLowerCase()), setHeader, end: () => resolve(sent) }
    const decide = (error, user, info) => {
      return user?.id === person.sub ? resolve(sent) : reject(error ?? new Error(`${name}: ${JSON.stringify(info)}`))
    }
    passport.authenticate('it', decide)(req, req.res, reject)
  })
}

/** The way to the Hub. The person authorizes the app there, by a code that says what is granted. */
async function begin() {
  const session = {}
  const sent = await visit(`${callbackURL}/..`, { cookie: '', session })
  const { state, ...granted } = Object.fromEntries(new URL(sent.get('location')).searchParams)
  const code = Buffer.from(JSON.stringify({ ...granted, id: randomUUID() })).toString('base64url')
  const query = new URLSearchParams({ code, ...(state && { state }) })
  const [cookie = ''] = sent.get('set-cookie') ?? []
  return { browser: { cookie: cookie.split(';')[0], session }, callback: `${callbackURL}?${query}` }
}

/** The way back, in milliseconds. */
async function finish({ browser, callback }) {
  const start = performance.now()
  await visit(callback, browser)
  return performance.now() - start
}

/** Some people who sign in again and again: milliseconds of processor time for each sign-in. */
async function signIns({ times, people = 1 }) {
  const before = process.cpuUsage()
  const signInAgain = async () => {
    for (let n = 0; n < times; n++) await finish(await begin())
  }
  await Promise.all(Array.from({ length: people }, signInAgain))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / times / people
}

/** People who come back at once: milliseconds until the last one is complete. */
async function crowd(size) {
  const begun = await Promise.all(Array.from({ length: size }, begin))
  await sleep(500)
  return Math.max(...(await Promise.all(begun.map(finish))))
}

/** Bytes in use after sign-ins, without what the garbage collector can free. */
async function heap(given) {
  await signIns(given)
  for (let n = 0; n < 3; n++) await sleep(20).then(globalThis.gc)
  return process.memoryUsage().heapUsed
}

const tasks = { begin, finish, signIns, crowd, heap }
process.on('message', async ({ task, given }) => process.send({ result: await tasks[task](given) }))
process.send({ loadedIn })
