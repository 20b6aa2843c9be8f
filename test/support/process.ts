import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect } from '@jest/globals'
import { clientID, clientSecret, RawHub } from './raw-hub'

/** What an app in a process of its own is made of; process-app.cjs knows the names. */
export interface AppConfig {
  /** Default `express`, which is Express 5. `http` has no `req.next`. */
  host?: 'express' | 'express4' | 'http' | 'koa'
  /** Options by strategy name; default is one strategy, `huggingface`. */
  strategies?: Record<string, StrategyConfig>
  by?: 'name' | 'instance'
  verify?: string
  /** Options of `passport.authenticate` on the callback route, which then has no custom callback. */
  callback?: object
  custom?: 'answers' | 'throws' | 'rejects' | 'renders'
  session?: 'express-session' | 'cookie-session' | 'broken'
  /** Milliseconds after which the app itself answers the callback, with a 503. */
  answersAfter?: number
  /** Put an agent of another class in Node's place for it. */
  globalAgent?: boolean
  /** What `_oauth2.getOAuthAccessToken` fails with. */
  stub?: object
}

type StrategyConfig = Record<string, unknown> & { agent?: 'tunnel' | 'refused' | 'hanging' | 'own'; store?: 'session' | 'pkce' }

export interface AppLog {
  /** What reached the app's error handler. */
  errors: Record<string, unknown>[]
  agentUsed: number
}

const started: { apps: App[]; hubs: RawHub[] } = { apps: [], hubs: [] }

afterEach(async () => {
  const [apps, hubs] = [started.apps.splice(0), started.hubs.splice(0)]
  const ends = await Promise.all(apps.map(async (app) => [await app.alive(), app.output]))
  await Promise.all([...apps, ...hubs].map((each) => each.close()))
  // each process lives and has nothing to complain of
  expect(ends).toEqual(apps.map(() => [true, '']))
})

/** An app that is gone after the test, which fails if the process died or printed anything. */
export async function startApp(hub: RawHub, config: AppConfig = {}, env: Record<string, string> = {}): Promise<App> {
  const given = { clientID, clientSecret, hubURL: hub.url, ...config }
  const app = await App.start(given, env)
  started.apps.push(app)
  return app
}

/** A Hub that is gone after the test. */
export async function startHub(options?: Parameters<typeof RawHub.start>[0]): Promise<RawHub> {
  const hub = await RawHub.start(options)
  started.hubs.push(hub)
  return hub
}

export class App {
  /** All that the process printed. */
  output = ''
  url = ''
  private readonly child: ChildProcess

  private constructor(child: ChildProcess) {
    this.child = child
  }

  static async start(config: object, env: Record<string, string>): Promise<App> {
    const script = path.join(__dirname, 'process-app.cjs')
    const child = spawn(process.execPath, ['--expose-gc', script, JSON.stringify(config)], {
      env: { ...process.env, NODE_OPTIONS: '', ...env },
    })
    const app = new App(child)
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        app.output += data
      })
    }
    await until(() => /^\d+\n/.test(app.output) || child.exitCode !== null, 20_000)
    if (child.exitCode !== null) throw new Error(`the app did not start: ${app.output}`)
    app.url = `http://127.0.0.1:${Number.parseInt(app.output, 10)}`
    app.output = app.output.replace(/^\d+\n/, '')
    return app
  }

  async alive(): Promise<boolean> {
    return (await this.page('ping').catch(() => '')) === 'here'
  }

  async log(): Promise<AppLog> {
    return (await this.page('log')) as AppLog
  }

  /** Bytes in use after a garbage collection. */
  async heap(): Promise<number> {
    return Number(await this.page('heap'))
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    this.child.kill('SIGKILL')
    await once(this.child, 'close')
  }

  private async page(name: string): Promise<unknown> {
    return (await fetch(`${this.url}/${name}`, { headers: { connection: 'close' } })).json()
  }
}

export interface Answer {
  status: number
  /** Status line and headers. */
  head: string
  headers: [name: string, value: string][]
  body: Record<string, unknown>
  /** How many answers came; more than one is one too many. */
  answers: number
}

export interface Visit {
  method?: string
  headers?: Record<string, string>
  /** Send the same request so many times at once, on one connection. */
  times?: number
  /** Keep the connection, and hear what else comes on it. */
  stays?: boolean
}

/** A browser: bytes on a socket, and cookies. */
export class Visitor {
  readonly cookies = new Map<string, string>()
  private readonly app: App

  constructor(app: App) {
    this.app = app
  }

  /** Asks for a page and leaves the connection to the test. */
  open(target: string, { method = 'GET', headers = {}, times = 1, stays }: Visit = {}): Socket {
    const { hostname, port, host } = new URL(this.app.url)
    const cookie = [...this.cookies].map((pair) => pair.join('=')).join('; ')
    const request = (connection: string) => {
      const all = Object.entries({ host, connection, cookie, ...headers })
      const lines = all.map(([name, value]) => `${name}: ${value}\r\n`)
      return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`
    }
    const socket = connect(Number(port), hostname)
    // a browser that leaves does not hear of it
    socket.on('error', () => {})
    const last = request(stays ? 'keep-alive' : 'close')
    socket.write(request('keep-alive').repeat(times - 1) + last)
    return socket
  }

  /** Asks for a page, for at most five seconds. */
  async get(target: string, visit: Visit = {}): Promise<Answer> {
    const socket = this.open(target, visit)
    let received = ''
    socket.on('data', (data) => {
      received += data
    })
    socket.setTimeout(visit.stays ? 500 : 5000, () => socket.destroy())
    await new Promise((resolve) => socket.on('close', resolve))
    const [head = '', ...rest] = received.split('\r\n\r\n')
    const status = Number(/^HTTP\/1.1 (\d+)/.exec(head)?.[1])
    if (!status) throw new Error(`no answer to ${target}; the process said: ${this.app.output}`)
    const headers = [...head.matchAll(/^([\w-]+): (.*)$/gm)].map(
      ([, name = '', value = '']) => [name.toLowerCase(), value] as [string, string],
    )
    for (const [, line] of headers.filter(([name]) => name === 'set-cookie')) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    const answers = received.match(/HTTP\/1\.1 \d{3} /g)?.length ?? 0
    const length = Number(headers.find(([name]) => name === 'content-length')?.[1])
    const text = rest.join().slice(0, length)
    return { status, head, headers, body: text.startsWith('{') ? JSON.parse(text) : {}, answers }
  }

  /** Begins a sign-in and consents to it: what the Hub sends this browser back to. */
  async begin(options: object = {}, name = 'huggingface'): Promise<string> {
    const query = `options=${encodeURIComponent(JSON.stringify(options))}`
    const answer = await this.get(`/auth/${name}?${query}`)
    const location = answer.headers.find(([header]) => header === 'location')?.[1]
    if (!location) throw new Error(`the sign-in did not begin: ${JSON.stringify(answer)}`)
    const state = new URL(location).searchParams.get('state') ?? ''
    const code = randomBytes(12).toString('hex')
    return `/auth/${name}/callback?${new URLSearchParams({ code, state })}`
  }

  async signIn(options: object = {}, name = 'huggingface'): Promise<Answer> {
    return this.get(await this.begin(options, name))
  }
}

/** Resolves when it holds; rejects after a while. */
export async function until(holds: () => boolean, patience = 5000): Promise<void> {
  for (const end = Date.now() + patience; !holds(); await sleep(5)) {
    if (Date.now() > end) throw new Error('it did not come to pass')
  }
}
