import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, jest } from '@jest/globals'
import { CookieJar } from './browser'
import { clientID, clientSecret, RawHub } from './raw-hub'

/** What an app is made of; process-app.cjs knows the names. */
export interface AppConfig {
  /** Default `express`, which is Express 5. `http` has no `req.next`. */
  host?: 'express' | 'express4' | 'http' | 'koa' | 'fastify' | 'nest 11' | 'nest 12'
  http2?: boolean
  /** Options by strategy name; default is one strategy, `huggingface`. */
  strategies?: Record<string, StrategyConfig>
  by?: 'name' | 'instance'
  verify?: 'refuses' | 'trap'
  /** Options of `passport.authenticate` on the callback route, which then has no custom callback. */
  callback?: object
  custom?: 'answers' | 'throws' | 'rejects' | 'renders'
  session?: string
  /** Let Fastify's request lead to the response, so that a cookie can be set. */
  linksResponse?: boolean
  /** Trust a proxy, in the way that the framework has for it. */
  trustProxy?: unknown
  /** Where the router of Express is mounted; default `/auth`. */
  mount?: string
  /** How Nest's `validate` is written. */
  validate?: string
  /** Milliseconds after which the app itself answers the callback, with a 503. */
  answersAfter?: number
  /** Put an agent of another class in the place of Node's. */
  globalAgent?: boolean
}

type StrategyConfig = Record<string, unknown> & { agent?: 'own' | 'refused' | 'hanging' | 'tunnel'; store?: 'session' | 'pkce' }

interface AppLog {
  /** What reached the app's error handler. */
  errors: Record<string, unknown>[]
  agentUsed: number
}

let child: ChildProcess
/** All that the process printed. */
let output = ''
let control = ''
let plain: Awaited<ReturnType<typeof startApp>> | undefined
const hubs: RawHub[] = []

/**
 * The process that all apps of a test file share. After each test it still lives, has nothing to complain of, and signs a person in.
 *
 * @param env adds to the environment of the process
 */
export function shareProcess(env: () => Promise<Record<string, string>> = async () => ({})): void {
  jest.setTimeout(20_000)
  beforeAll(async () => {
    const script = path.join(__dirname, 'process-app.cjs')
    const more = await env()
    child = spawn(process.execPath, ['--expose-gc', script], { env: { ...process.env, NODE_OPTIONS: '', ...more } })
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += data))
    await until(() => /^\d+\n/.test(output) || child.exitCode !== null, 20_000)
    control = `http://127.0.0.1:${Number.parseInt(output, 10)}`
    output = output.replace(/^\d+\n/, '')
    plain = await startApp()
    // it stays until the process is gone
    hubs.length = 0
  })
  afterEach(async () => {
    const answer = await plain?.visitor.signIn().catch(String)
    await Promise.all(hubs.splice(0).map((hub) => hub.close()))
    expect([output, answer]).toEqual(['', expect.objectContaining({ status: 200 })])
  })
  afterAll(async () => {
    child.kill('SIGKILL')
    await plain?.hub.close()
  })
}

/** An app and its Hub, which is gone after the test. */
export async function startApp(config: AppConfig = {}, hubOptions: Parameters<typeof RawHub.start>[0] = { keepAlive: true }) {
  const hub = await RawHub.start(hubOptions)
  hubs.push(hub)
  const { strategies = { huggingface: {} } } = config
  const client = { clientID, clientSecret, hubURL: hub.url }
  const complete = Object.entries(strategies).map(([name, given]) => [name, { ...client, ...given }])
  const body = JSON.stringify({ ...config, strategies: Object.fromEntries(complete) })
  const url = `http://127.0.0.1:${await json(control, { method: 'POST', body })}`
  return { url, hub, visitor: new Visitor(url), log: async () => (await json(`${url}/log`)) as AppLog }
}

/** Bytes that the process uses after a garbage collection. */
export async function heap(): Promise<number> {
  return Number(await json(`${control}/heap`))
}

async function json(url: string, init?: RequestInit): Promise<unknown> {
  const response = await fetch(url, init).catch(() => {
    throw new Error(`the process is gone, and said: ${output}`)
  })
  return response.json()
}

export interface Answer {
  status: number
  /** Status line and headers. */
  head: string
  body: Record<string, unknown>
  /** How many answers came; more than one is one too many. */
  answers: number
}

export interface Visit {
  headers?: Record<string, string>
  /** Send the same request so many times at once, on one connection. */
  times?: number
  /** Keep the connection, and hear what else comes on it. */
  stays?: boolean
}

/** A browser: bytes on a socket, and cookies. */
export class Visitor {
  readonly jar = new CookieJar()
  private readonly url: string

  /** @param url of the app */
  constructor(url: string) {
    this.url = url
  }

  /** Asks for a page and leaves the connection to the test. */
  open(target: string, { headers = {}, times = 1, stays }: Visit = {}): Socket {
    const { hostname, port, host } = new URL(this.url)
    const request = (connection: string) => {
      const all = Object.entries({ host, connection, cookie: this.jar.header(this.url), ...headers })
      return `GET ${target} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
    }
    const socket = connect(Number(port), hostname)
    // a browser that leaves does not hear of it
    socket.on('error', () => {})
    socket.write(request('keep-alive').repeat(times - 1) + request(stays ? 'keep-alive' : 'close'))
    return socket
  }

  /** Asks for a page, for at most five seconds. */
  async get(target: string, visit: Visit = {}): Promise<Answer> {
    const socket = this.open(target, visit)
    let received = ''
    socket.on('data', (data) => {
      received += data
    })
    socket.setTimeout(visit.stays ? 300 : 5000, () => socket.destroy())
    await new Promise((resolve) => socket.on('close', resolve))
    const [head = '', ...rest] = received.split('\r\n\r\n')
    const status = Number(/^HTTP\/1.1 (\d+)/.exec(head)?.[1])
    if (!status) throw new Error(`no answer to ${target}; the process said: ${output}`)
    const cookies = [...head.matchAll(/^set-cookie: (.*)$/gim)].map(([, cookie = '']) => cookie)
    this.jar.keep(this.url, cookies)
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1])
    const text = rest.join().slice(0, length)
    const answers = received.match(/HTTP\/1\.1 \d{3} /g)?.length ?? 0
    return { status, head, body: text.startsWith('{') ? JSON.parse(text) : {}, answers }
  }

  /** Begins a sign-in and consents to it: what the Hub sends this browser back to. */
  async begin(options: object = {}, name = 'huggingface'): Promise<string> {
    const { head } = await this.get(`/auth/${name}?options=${encodeURIComponent(JSON.stringify(options))}`)
    const state = /^location: .*[?&]state=([^&\s]+)/im.exec(head)?.[1]
    if (!state) throw new Error(`the sign-in did not begin: ${head}`)
    return `/auth/${name}/callback?code=${randomBytes(12).toString('hex')}&state=${state}`
  }

  async signIn(options: object = {}, name = 'huggingface'): Promise<Answer> {
    return this.get(await this.begin(options, name))
  }
}

/** Resolves when it holds; rejects after a while. */
export async function until(holds: () => boolean | Promise<boolean>, patience = 5000): Promise<void> {
  for (const end = Date.now() + patience; !(await holds()); await sleep(5)) {
    if (Date.now() > end) throw new Error('it did not come to pass')
  }
}

/** A port that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
