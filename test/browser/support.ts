import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import type { AxeResults } from 'axe-core'
import { type Browser, chromium, type FrameLocator, type Locator, type Page } from 'playwright-core'
import { version } from '../../package.json'
import { certificate } from '../support/certificate'
import { lendModules, root } from '../support/modules'

/** Chromium. It sends every request for another machine to `port`, so that invented hosts work and the Internet cannot be reached. */
export async function startChromium(port: number): Promise<Browser> {
  const rules = `MAP * 127.0.0.1:${port}, EXCLUDE localhost, EXCLUDE 127.0.0.1`
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--test-third-party-cookie-phaseout', `--host-resolver-rules=${rules}`],
  })
}

/** Copies an example to a place where it finds only the dependencies it declares, and the built package. Returns its folder. */
export function installExample(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`))
  cpSync(join(root, 'examples', name), folder, { recursive: true, filter: (source) => !source.endsWith('node_modules') })
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  expect(dependencies['passport-huggingface']).toBe(`^${version}`)
  lendModules(folder, Object.keys({ ...dependencies, ...devDependencies }))
  return folder
}

/** Ends TLS for sites on any host, as the proxy in front of a Space does. A site is the port of an app, or a page. */
export async function startRelay() {
  const sites: Record<string, number | string> = {}
  const server = createServer(await certificate(), (req, res) => {
    const { method, url: path, headers } = req
    const site = sites[headers.host ?? '']
    if (typeof site !== 'number') {
      res.setHeader('content-type', 'text/html').end(site)
      return
    }
    const forwarding = { 'x-forwarded-proto': 'https', 'x-forwarded-host': headers.host, 'x-forwarded-for': '127.0.0.1' }
    const options = { host: 'localhost', port: site, method, path, headers: { ...headers, ...forwarding }, agent: false } as const
    const forwarded = request(options, (response) => {
      res.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(res)
    })
    req.pipe(forwarded.on('error', () => res.destroy()))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const stop = () => {
    server.closeAllConnections()
    server.close()
  }
  return { port: (server.address() as AddressInfo).port, sites, stop }
}

/** A page, or a frame in one. */
export type View = Page | FrameLocator

export const signInButton = (view: View) => view.getByRole('link', { name: 'Sign in with Hugging Face' })
export const choosePerson = (view: View, name: string) => view.getByRole('button', { name }).click()
export const authorize = (view: View) => view.getByRole('button', { name: 'Authorize' }).click()
export const deny = (view: View) => view.getByRole('button', { name: 'Deny' }).click()
/** The text that a person can read there. */
// biome-ignore lint/performance/useDomNodeTextContent: it would have hidden text too
export const shownText = (of: Locator) => of.innerText()
export const heading = (view: View) => shownText(view.getByRole('heading', { level: 1 }))
export const statusIn = (view: View) => shownText(view.getByRole('status'))

export async function beginSignIn(view: View, name: string): Promise<void> {
  await signInButton(view).click()
  await choosePerson(view, name)
}

export async function signOut(view: View): Promise<void> {
  await view.getByRole('button', { name: 'Sign out' }).click()
  await signInButton(view).waitFor()
}

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
  }
}
