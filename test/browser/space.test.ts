import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { Browser, BrowserContext, FrameLocator, Page } from 'playwright-core'
import { type Hub, startHub } from '../../testing'
import { certificate } from '../support/certificate'
import { newPerson, shownText, startChromium } from './support/chromium'
import { type Example, startExample } from './support/example'
import { authorize, choosePerson } from './support/hub-pages'
import { inspect } from './support/inspect'
import { installExample } from './support/install'
import { freePort, type Relay, startRelay } from './support/relay'

const space = 'https://ada-tides.hf.space'
/** A site that shows the Space in a frame, as huggingface.co does. */
const embedder = 'https://huggingface.test'
const client = {
  clientID: '5b0f6a52-tides',
  clientSecret: 'the secret of the Space',
  redirectURIs: [`${space}/auth/huggingface/callback`],
  scopes: ['openid', 'profile', 'email'],
  name: 'tides',
}

let relay: Relay
let browser: Browser
let hub: Hub
let installed: ReturnType<typeof installExample>
let example: Example
let person: BrowserContext
let page: Page

beforeAll(async () => {
  const tls = await certificate()
  relay = await startRelay()
  browser = await startChromium({ port: relay.port, args: ['--test-third-party-cookie-phaseout'] })
  const hubPort = await freePort()
  hub = await startHub({ port: hubPort, tls, url: `https://localhost:${relay.port}`, clients: [client] })
  installed = installExample('space')
  const trusted = join(installed.directory, 'trusted.pem')
  writeFileSync(trusted, tls.cert)
  example = await startExample(join(installed.directory, 'server.mjs'), {
    SPACE_ID: 'ada/tides',
    SPACE_HOST: 'ada-tides.hf.space,tides.example',
    OAUTH_CLIENT_ID: client.clientID,
    OAUTH_CLIENT_SECRET: client.clientSecret,
    OAUTH_SCOPES: client.scopes.join(' '),
    OPENID_PROVIDER_URL: hub.url,
    NODE_EXTRA_CA_CERTS: trusted,
  })
  relay.sites['localhost'] = new URL(`https://127.0.0.1:${hubPort}`)
  relay.sites['ada-tides.hf.space'] = new URL(example.url)
  relay.sites['tides.example'] = new URL(example.url)
  relay.sites['huggingface.test'] = (req, res) => {
    const framed = req.url === '/cookies' ? 'https://cookies.test/' : `${space}/`
    // As on huggingface.co: the frame may open tabs, but not navigate the page around it.
    res.setHeader('content-type', 'text/html').end(`<!doctype html><title>tides, a Space by ada</title>
<iframe src="${framed}" style="width:100%;height:700px" sandbox="allow-forms allow-popups allow-popups-to-escape-sandbox allow-same-origin allow-scripts"></iframe>`)
  }
})

afterAll(async () => {
  await Promise.all([browser?.close(), relay?.stop(), hub?.close(), example?.stop()])
  installed?.remove()
})

beforeEach(async () => {
  person = await newPerson(browser)
  page = await person.newPage()
})

afterEach(async () => {
  relay.cookies = {}
  await person?.close()
})

function signInButton(of: Page | FrameLocator) {
  return of.getByRole('link', { name: 'Sign in with Hugging Face' })
}

async function greeting(of: Page | FrameLocator): Promise<string> {
  return shownText(of.getByRole('heading', { level: 1 }))
}

test('this Chromium keeps no cookies in a frame of another site, except partitioned ones', async () => {
  relay.sites['cookies.test'] = (req, res) => {
    if (req.url === '/') res.setHeader('set-cookie', ['plain=1; SameSite=None; Secure', 'apart=1; SameSite=None; Secure; Partitioned'])
    res.setHeader('content-type', 'text/html').end(`<p>${req.headers.cookie ?? 'none'}</p><a href="/next">next</a>`)
  }
  await page.goto(`${embedder}/cookies`)
  const frame = page.frameLocator('iframe')
  await frame.getByRole('link').click()
  await frame.getByText('apart=1').waitFor()
  expect(await shownText(frame.getByRole('paragraph'))).toBe('apart=1')
})

test('a person signs in to a Space on its own host, and out', async () => {
  await page.goto(space)
  expect(await greeting(page)).toBe('Hello!')
  await inspect(page, 'space')
  await signInButton(page).click()
  await choosePerson(page, 'Ada Moreno')
  await authorize(page)
  await page.waitForURL(`${space}/`)
  expect(await greeting(page)).toBe('Hello, Ada Moreno!')
  await page.getByText('ada@example.com').waitFor()

  await page.getByRole('button', { name: 'Sign out' }).click()
  await signInButton(page).waitFor()
  expect(person.pages()).toHaveLength(1)
})

test('who opens a Space in a frame signs in in a new tab', async () => {
  await page.goto(embedder)
  const frame = page.frameLocator('iframe')
  await frame.getByText('Opens in a new tab.').waitFor()
  const [tab] = await Promise.all([person.waitForEvent('page'), signInButton(frame).click()])
  await choosePerson(tab, 'Bo Lindqvist')
  await authorize(tab)
  await tab.waitForURL(`${space}/`)
  expect(await greeting(tab)).toBe('Hello, Bo Lindqvist!')
  await tab.reload()
  expect(await greeting(tab)).toBe('Hello, Bo Lindqvist!')
})

test('a sign-in that stays within the frame keeps its cookies, and so does the session', async () => {
  // The real Hub's cookies are not sent to a frame. These are, to test those of the Space.
  relay.cookies = { localhost: (cookie) => `${cookie.replace(/; (samesite=\w+|secure)/gi, '')}; SameSite=None; Secure; Partitioned` }
  await page.goto(embedder)
  const frame = page.frameLocator('iframe')
  await signInButton(frame).evaluate((link) => link.removeAttribute('target'))
  await signInButton(frame).click()
  await choosePerson(frame, 'Chidi Okafor')
  await authorize(frame)
  await frame.getByText('Hello, Chidi Okafor!').waitFor()

  await page.reload()
  expect(await greeting(frame)).toBe('Hello, Chidi Okafor!')
  const session = { name: 'connect.sid', sameSite: 'None', secure: true, httpOnly: true }
  expect(await person.cookies(space)).toContainEqual(expect.objectContaining(session))

  await frame.getByRole('button', { name: 'Sign out' }).click()
  await signInButton(frame).waitFor()
})

test("a sign-in that begins on a custom domain ends on the Space's own host", async () => {
  await page.goto('https://tides.example')
  await signInButton(page).click()
  await choosePerson(page, 'emi')
  await authorize(page)
  await page.waitForURL(`${space}/`)
  expect(await greeting(page)).toBe('Hello, emi!')
})

test('who denies in a Space is told so', async () => {
  await page.goto(space)
  await signInButton(page).click()
  await choosePerson(page, 'Dana Whitfield')
  await page.getByRole('button', { name: 'Deny' }).click()
  await page.waitForURL(`${space}/`)
  expect(await shownText(page.getByRole('status'))).toBe('You did not allow the sign-in.')
  await signInButton(page).waitFor()
})

test("on the developer's machine, the same files use a local Hub", async () => {
  const local = await startExample(join(installed.directory, 'server.mjs'))
  try {
    await page.goto(local.url)
    await signInButton(page).click()
    await choosePerson(page, 'Ada Moreno')
    await authorize(page)
    await page.waitForURL(`${local.url}/`)
    expect(await greeting(page)).toBe('Hello, Ada Moreno!')
  } finally {
    await local.stop()
  }
})
