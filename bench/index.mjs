import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cookieHeader, keepCookies } from './jar.mjs'
import { allow, person } from './setting.mjs'
import { strategies } from './strategies.mjs'

// npm run bench [-- --quick]

const quick = process.argv.includes('--quick')
const roundTrip = 50
const atTheHub = 1000
const rounds = quick
  ? { idle: 2, warm: 5, fresh: 2, processor: 2, signIns: 100, imports: 5, memoryParts: 4, memorySignIns: 500, abandoned: 1000 }
  : { idle: 7, warm: 15, fresh: 4, processor: 5, signIns: 200, imports: 15, memoryParts: 10, memorySignIns: 2000, abandoned: 1000 }

const names = Object.keys(strategies)
const [ours, oursByIdToken, base] = names
const path = (file) => fileURLToPath(new URL(file, import.meta.url))
const env = { ...process.env, NODE_EXTRA_CA_CERTS: path('localhost.pem'), NODE_NO_WARNINGS: '1' }
const children = new Set()
process.on('exit', () => {
  for (const child of children) child.kill()
})

function start(file, args, execArgv = []) {
  const child = fork(path(file), args, { env, execArgv })
  children.add(child)
  return child
}

async function startHub() {
  const child = start('hub.mjs', [String(roundTrip)])
  const [{ near, far }] = await once(child, 'message')
  const report = async (take) => {
    child.send({ take })
    const [answer] = await once(child, 'message')
    return answer
  }
  return { near: `https://127.0.0.1:${near}`, far: `https://127.0.0.1:${far}`, report }
}

/** A process with one strategy in it, ready when this resolves. */
async function startApp(name, at, execArgv) {
  const child = start('app.mjs', [name, at], execArgv)
  let waiting
  child.on('message', ({ result, error }) => (error ? waiting.reject(new Error(error)) : waiting.resolve(result)))
  child.on('exit', (code, signal) => waiting.reject(new Error(`the process of ${name} ended with ${code ?? signal}`)))
  const answer = () =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject }
    })
  const run = (task, given) => {
    child.send({ task, given })
    return answer()
  }
  const stop = async () => {
    children.delete(child)
    child.disconnect()
    child.kill()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  await answer()
  return { run, stop }
}

/** One sign-in with the person's stay at the Hub between the legs. */
async function signIn(app, stay, returnsTo = app) {
  const { location, jar } = await app.run('begin')
  await sleep(stay)
  return returnsTo.run('finish', { callback: allow(location), jar })
}

/** One figure for each strategy, in turn and in several rounds. */
async function inTurn(times, measure) {
  const figures = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = 0; round < times; round++) for (const name of names) figures[name].push(await measure(name))
  return figures
}

async function withApps(at, use) {
  const apps = {}
  for (const name of names) apps[name] = await startApp(name, at)
  const result = await use(apps)
  for (const name of names) await apps[name].stop()
  return result
}

const hub = await startHub()

async function roundTrips() {
  return withApps(hub.far, async (apps) => {
    for (const name of names) for (let n = 0; n < 3; n++) await signIn(apps[name], 100)
    progress('warm connections')
    const warm = await inTurn(rounds.warm, (name) => signIn(apps[name], 100))
    progress('after idle time')
    // a turn of all the others is longer than the Hub keeps a connection
    await sleep(Math.max(0, 7000 - atTheHub))
    const idle = await inTurn(rounds.idle, (name) => signIn(apps[name], atTheHub))
    return { warm, idle }
  })
}

async function freshProcess() {
  progress('fresh processes')
  const both = await inTurn(rounds.fresh, async (name) => {
    const app = await startApp(name, hub.far)
    const took = await signIn(app, atTheHub)
    await app.stop()
    return took
  })
  const callback = await withApps(hub.far, (elsewhere) =>
    inTurn(rounds.fresh, async (name) => {
      const app = await startApp(name, hub.far)
      await sleep(200)
      const took = await signIn(elsewhere[name], 0, app)
      await app.stop()
      return took
    }),
  )
  return { both, callback }
}

/** Requests of a process's first sign-in and of its second. */
async function requests() {
  progress('requests')
  const counted = {}
  for (const name of names) {
    const app = await startApp(name, hub.near)
    const each = []
    for (let n = 0; n < 2; n++) {
      await hub.report(true)
      const { location, jar } = await app.run('begin')
      await sleep(200)
      const before = total((await hub.report(true)).counts)
      await app.run('finish', { callback: allow(location), jar })
      each.push({ before, back: total((await hub.report(true)).counts) })
    }
    counted[name] = each
    await app.stop()
  }
  return counted
}

function total(counts) {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

async function processorTime() {
  return withApps(hub.near, async (apps) => {
    progress('processor time')
    // until compiled
    for (const name of names) await apps[name].run('processorTime', 300)
    return inTurn(rounds.processor, (name) => apps[name].run('processorTime', rounds.signIns))
  })
}

const browser = new Agent({ keepAlive: true })

/** A page of an app, as a browser with these cookies gets it. */
async function visit(port, path, cookies) {
  const [response] = await once(
    get({ port, path, agent: browser, headers: { host: 'app.example', cookie: cookieHeader(cookies) } }),
    'response',
  )
  keepCookies(cookies, response.headers['set-cookie'])
  let body = ''
  for await (const chunk of response) body += chunk
  return { body, location: response.headers.location }
}

/** The same in an Express app with express-session: microseconds of its process for each sign-in, its own HTTP and sessions included. */
async function processorTimeOfApps() {
  return withApps(hub.near, async (apps) => {
    progress('processor time of Express apps')
    const ports = {}
    for (const name of names) ports[name] = await apps[name].run('serve')
    const signIns = async (name, times) => {
      const before = await apps[name].run('usage')
      for (let n = 0; n < times; n++) {
        const cookies = {}
        const { location } = await visit(ports[name], '/auth', cookies)
        const callback = new URL(allow(location))
        const { body } = await visit(ports[name], callback.pathname + callback.search, cookies)
        if (body !== person.sub) throw new Error(`the app with ${name} signed nobody in: ${body}`)
      }
      const after = await apps[name].run('usage')
      return (after.user + after.system - before.user - before.system) / times
    }
    for (const name of names) await signIns(name, 300)
    return inTurn(rounds.processor, (name) => signIns(name, rounds.signIns))
  })
}

function imports() {
  progress('imports')
  const packages = ['passport-oauth2', 'passport-huggingface', 'passport-openidconnect', 'openid-client/passport']
  const figures = Object.fromEntries(packages.map((name) => [name, []]))
  for (let round = 0; round < rounds.imports; round++) {
    for (const name of packages) {
      const load = name.startsWith('openid-client')
        ? `await import('${name}')`
        : `process.getBuiltinModule('module').createRequire(import.meta.url)('${name}')`
      const code = `const t = performance.now(); ${load}; console.log(performance.now() - t)`
      figures[name].push(Number(execFileSync(process.execPath, ['--input-type=module', '-e', code], { env, cwd: path('.') })))
    }
  }
  return figures
}

async function memory() {
  const results = {}
  for (const name of [ours, oursByIdToken]) {
    progress(`memory, ${name}`)
    const app = await startApp(name, hub.near, ['--expose-gc'])
    results[name] = await app.run('heaps', { parts: rounds.memoryParts, signIns: rounds.memorySignIns / 2 })
    await app.stop()
  }
  progress('abandoned sign-ins')
  const app = await startApp(ours, hub.near, ['--expose-gc'])
  // its parts loaded and its keys held
  await app.run('heaps', { parts: 1, signIns: 200 })
  await sleep(6000)
  await hub.report(true)
  const before = (await hub.report(true)).connections
  const abandoned = app.run('abandon', rounds.abandoned)
  await sleep(3000)
  const { counts, connections } = await hub.report(true)
  const left = await abandoned
  const later = (await hub.report(true)).connections
  await app.stop()
  return { heaps: results, abandoned: { ...left, requests: counts, connections: [before, connections, later] } }
}

function progress(what) {
  console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${what}`)
}

const sorted = (values) => [...values].sort((a, b) => a - b)
const quantile = (values, q) => sorted(values)[Math.round((values.length - 1) * q)]
const median = (values) => (quantile(values, 0.5) + sorted(values)[Math.floor((values.length - 1) / 2)]) / 2

/** Median, with the smallest and the largest in parentheses. */
function shown(values, unit = 1, digits = 2) {
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map((value) => (value / unit).toFixed(digits))
  return `${middle} (${least}–${most})`
}

function table(head, rows) {
  const all = [head, ...rows].map((cells) => cells.map(String))
  const widths = head.map((_, column) => Math.max(...all.map((cells) => cells[column].length)))
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  console.log([line(all[0]), line(widths.map((width) => '-'.repeat(width))), ...all.slice(1).map(line)].join('\n'), '\n')
}

const { warm, idle } = await roundTrips()
const { both, callback } = await freshProcess()
const counted = await requests()
const processor = await processorTime()
const processorOfApps = await processorTimeOfApps()
const loading = imports()
const remembered = await memory()

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}; the Hub ${roundTrip} ms away; medians (least–most)\n`)
console.log(`Round trips from the callback's arrival to the user; the person stayed ${atTheHub} ms at the Hub`)
table(
  ['strategy', 'idle process', 'warm connections', 'first sign-in of a process', "a process's first callback"],
  names.map((name) => [name, ...[idle, warm, both, callback].map((figures) => shown(figures[name], roundTrip))]),
)
console.log('Requests to the Hub: during the stay there + on the way back')
table(
  ['strategy', 'first sign-in of a process', 'next'],
  names.map((name) => [name, ...counted[name].map(({ before, back }) => `${before} + ${back}`)]),
)
console.log('Processor time of a sign-in, both legs: of the strategy alone, and of an Express app with express-session')
// by round, so that what slows the machine slows both sides of a ratio
const ratios = (figures, name) => figures[name].map((time, round) => time / figures[base][round])
table(
  ['strategy', 'alone, ms', 'times passport-oauth2', 'in an app, ms', 'times passport-oauth2'],
  names.map((name) => [
    name,
    ...[processor, processorOfApps].flatMap((figures) => [shown(figures[name], 1000), shown(ratios(figures, name))]),
  ]),
)
console.log('Importing the package')
table(
  ['package', 'ms', 'more than passport-oauth2, ms'],
  Object.keys(loading).map((name) => [
    name,
    shown(loading[name], 1, 1),
    shown(
      loading[name].map((time, round) => time - loading['passport-oauth2'][round]),
      1,
      1,
    ),
  ]),
)
const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(2)
for (const [name, heaps] of Object.entries(remembered.heaps)) {
  console.log(`MB of heap after each ${rounds.memorySignIns / 2} sign-ins of ${name}: ${heaps.map(megabytes).join('  ')}`)
}
const { soon, later, requests: asked, connections } = remembered.abandoned
console.log(`\n${rounds.abandoned} sign-ins begun at once and abandoned: requests to the Hub ${JSON.stringify(asked)}`)
console.log(`at once  ${megabytes(soon.heap)} MB of heap, ${soon.timers} timers`)
console.log(`after 8 s  ${megabytes(later.heap)} MB of heap, ${later.timers} timers`)
console.log(`connections at the Hub before, soon and later: ${connections.join(', ')}`)
progress('done')
process.exit()
