import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from '@jest/globals'
import type { AxeResults } from 'axe-core'
import { type Browser, chromium, type FrameLocator, type Locator, type Page } from 'playwright-core'
import { version } from '../../package.json'
import { certificate } from '../support/certificate'

const project = join(__dirname, '../..')

/** Chromium. It sends every request for another machine to `port`, so that invented hosts work and the Internet cannot be reached. */
export async function startChromium(port: number): Promise<Browser> {
  const flags = 'no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-component-update disable-sync'
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      ...flags.split(' ').map((flag) => `--${flag}`),
      '--test-third-party-cookie-phaseout',
      `--host-resolver-rules=MAP * 127.0.0.1:${port}, EXCLUDE localhost, EXCLUDE 127.0.0.1`,
    ],
  })
}

export interface Example {
  /** The address that the example printed. */
  readonly url: string
  stop(): Promise<void>
}

/** Runs an example in a process of its own, as its users do, and waits until it prints its address. */
export async function startExample(script: string, env: Record<string, string> = {}): Promise<Example> {
  const { HF_CLIENT_ID: _id, HF_CLIENT_SECRET: _secret, HF_HUB_URL: _url, ...outer } = process.env
  const child = spawn(process.execPath, [resolve(project, 'examples', script)], {
    env: { ...outer, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exit = once(child, 'exit')
  let printed = ''
  const url = await new Promise<string>((found, reject) => {
    const fail = (reason: string) => reject(new Error(`${script} ${reason}:\n${printed}`))
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
    exit.then(([code]) => fail(`exited with ${code}`))
    child.stderr.on('data', (data) => (printed += data))
    createInterface(child.stdout).on('line', (line) => {
      printed += `${line}\n`
      const [address] = /(?<=^Open )\S+/.exec(line) ?? []
      if (address === undefined) return
      clearTimeout(timer)
      found(address)
    })
  })
  const stop = async () => {
    child.kill()
    await exit
  }
  return { url, stop }
}

/** Copies an example to a place where it finds only the dependencies it declares, and the built package. Returns its folder. */
export function installExample(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`))
  cpSync(join(project, 'examples', name), folder, { recursive: true, filter: (source) => !source.endsWith('node_modules') })
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const wanted = { ...dependencies, ...devDependencies }
  expect(wanted['passport-huggingface']).toBe(`^${version}`)
  mkdirSync(join(folder, 'node_modules'))
  for (const dependency of Object.keys(wanted)) {
    const place = dependency === 'passport-huggingface' ? project : join(project, 'node_modules', dependency)
    symlinkSync(place, join(folder, 'node_modules', dependency), 'junction')
  }
  return folder
}

export interface Relay {
  readonly port: number
  /** What is behind a host name: a server on this machine, or a function that responds. */
  readonly sites: Record<string, URL | ((req: IncomingMessage, res: ServerResponse) => void)>
  /** Changes the cookies that a site sets. */
  cookies: Readonly<Record<string, (cookie: string) => string>>
  stop(): void
}

/** Ends TLS for any number of sites, as the proxy in front of a Space does. */
export async function startRelay(): Promise<Relay> {
  const server = createServer(await certificate(), (req, res) => {
    const [host = ''] = (req.headers.host ?? '').split(':')
    const site = relay.sites[host]
    if (site === undefined) res.writeHead(421).end()
    else if (typeof site === 'function') site(req, res)
    else pass(req, res, site, relay.cookies[host])
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const stop = () => {
    server.closeAllConnections()
    server.close()
  }
  const relay: Relay = { port: (server.address() as AddressInfo).port, sites: {}, cookies: {}, stop }
  return relay
}

function pass(req: IncomingMessage, res: ServerResponse, site: URL, change = (cookie: string) => cookie): void {
  const forwarding = { 'x-forwarded-proto': 'https', 'x-forwarded-host': req.headers.host, 'x-forwarded-for': '127.0.0.1' }
  const { hostname: host, port, protocol } = site
  const { method, url: path, headers } = req
  // the certificate is self-signed
  const options = { host, port, method, path, headers: { ...headers, ...forwarding }, agent: false, rejectUnauthorized: false } as const
  const forwarded = (protocol === 'https:' ? httpsRequest : httpRequest)(options, (response) => {
    const { 'set-cookie': set, ...headers } = response.headers
    res.writeHead(response.statusCode ?? 502, set === undefined ? headers : { ...headers, 'set-cookie': set.map(change) })
    response.pipe(res)
  })
  forwarded.on('error', () => res.destroy())
  res.on('close', () => forwarded.destroy())
  req.pipe(forwarded)
}

/** A page, or a frame in one. */
export type View = Page | FrameLocator

export const signInButton = (view: View) => view.getByRole('link', { name: 'Sign in with Hugging Face' })
export const signOut = (view: View) => view.getByRole('button', { name: 'Sign out' }).click()
export const choosePerson = (view: View, name: string) => view.getByRole('button', { name }).click()
export const authorize = (view: View) => view.getByRole('button', { name: 'Authorize' }).click()
export const deny = (view: View) => view.getByRole('button', { name: 'Deny' }).click()
/** The text that a person can read there. */
// biome-ignore lint/performance/useDomNodeTextContent: it would have hidden text too
export const shownText = (of: Locator) => of.innerText()
export const heading = (view: View) => shownText(view.getByRole('heading', { level: 1 }))
export const statusIn = (view: View) => shownText(view.getByRole('status'))

/** A directory to write screenshots to. Default: none. */
const screenshots = process.env['SCREENSHOTS']

/** axe-core finds nothing, and nothing is wider than the screen: dark on a phone, and light on a desk. */
export async function inspect(page: Page, name: string): Promise<void> {
  await page.addScriptTag({ path: require.resolve('axe-core/axe.min.js') })
  for (const [colorScheme, width] of [
    ['dark', 320],
    ['light', 1280],
  ] as const) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 900 })
    const { violations, incomplete } = await page.evaluate<AxeResults>('axe.run()')
    const found = [...violations, ...incomplete].flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
    expect({ name, width, found, overflow }).toEqual({ name, width, found: [], overflow: 0 })
    if (screenshots !== undefined) await page.screenshot({ path: join(screenshots, `${name}-${width}.png`), fullPage: true })
  }
}
