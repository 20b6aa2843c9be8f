import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, expect, jest } from '@jest/globals'
import { Browser, type Page } from './browser'
import { clientID, clientSecret, RawHub } from './raw-hub'
import { until } from './until'

/** What an app is made of: `createApp` in process-app.cjs knows the names. */
export type AppConfig = Record<string, unknown> & { strategies?: Record<string, object> }

let child: ChildProcess
let output = ''
let control = ''
const hubs: RawHub[] = []

/**
 * The process that all apps of a test file share. After each test it still lives, and has nothing to complain of.
 *
 * @param env adds to the environment of the process
 */
export function shareProcess(env: Record<string, string> = {}): void {
  jest.setTimeout(20_000)
  beforeAll(async () => {
    const script = path.join(__dirname, 'process-app.cjs')
    child = spawn(process.execPath, ['--expose-gc', script], { env: { ...process.env, NODE_OPTIONS: '', ...env } })
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += data))
    await until(() => /^\d+\n/.test(output) || child.exitCode !== null, 20_000)
    control = `http://127.0.0.1:${Number.parseInt(printed(), 10)}`
  })
  afterEach(async () => {
    const complaints = printed().replace(/^PASSPORT-HUGGINGFACE .*\n/gm, '')
    await Promise.all(hubs.splice(0).map((hub) => hub.close()))
    expect([complaints, child.exitCode, child.signalCode]).toEqual(['', null, null])
  })
  afterAll(() => child.kill('SIGKILL'))
}

/** What the process has printed since it was last asked. */
export function printed(): string {
  const text = output
  output = ''
  return text
}

/** An app and its Hub, which is gone after the test. */
export async function startApp(config: AppConfig = {}) {
  const hub = await RawHub.start({ keepAlive: true })
  hubs.push(hub)
  const client = { clientID, clientSecret, hubURL: hub.url }
  const strategies = Object.entries(config.strategies ?? { huggingface: {} }).map(([name, given]) => [name, { ...client, ...given }])
  const body = JSON.stringify({ ...config, strategies: Object.fromEntries(strategies) })
  const port = Number(await json(control, { method: 'POST', body }))
  /** What its error handler was given. */
  const errors = async () => (await json(`http://127.0.0.1:${port}/errors`)) as object[]
  return { port, hub, visitor: new Visitor(port), errors }
}

/** Bytes that the process uses after a garbage collection. */
export async function heap(): Promise<number> {
  return Number(await json(`${control}/heap`))
}

const json = async (url: string, init?: RequestInit): Promise<unknown> => (await fetch(url, init)).json()

/** Somebody with a browser, who consents to what is asked at the Hub. */
export class Visitor extends Browser {
  /** Begins a sign-in and consents to it: what the Hub sends this browser back to. */
  async consent(options: object = {}, name = 'huggingface'): Promise<string> {
    const authorizationURL = await this.begin(`/auth/${name}?options=${encodeURIComponent(JSON.stringify(options))}`)
    const state = new URL(authorizationURL).searchParams.get('state') ?? ''
    return `/auth/${name}/callback?${new URLSearchParams({ code: randomBytes(12).toString('hex'), state })}`
  }

  async signIn(options: object = {}, name = 'huggingface'): Promise<Page> {
    return this.visit(await this.consent(options, name))
  }
}

/** A port that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
