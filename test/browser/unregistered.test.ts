import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { startHub } from '../../testing'
import { newPerson, shownText, startChromium } from './support/chromium'
import { startExample } from './support/example'
import { authorize, choosePerson } from './support/hub-pages'
import { inspect } from './support/inspect'
import { freePort, startRelay } from './support/relay'

const script = join(__dirname, '../../examples/unregistered/server.mjs')

let browser: Browser
let person: BrowserContext
let page: Page

beforeAll(async () => {
  browser = await startChromium()
})

afterAll(async () => {
  await browser?.close()
})

beforeEach(async () => {
  person = await newPerson(browser)
  page = await person.newPage()
})

afterEach(async () => {
  await person?.close()
})

async function greeting(): Promise<string> {
  return shownText(page.getByRole('heading', { level: 1 }))
}

test('an app without registration signs a person in', async () => {
  const port = await freePort()
  const clientMetadata = async (clientID: string): Promise<object> =>
    (await fetch(`http://127.0.0.1:${port}${new URL(clientID).pathname}`)).json() as Promise<object>
  const [relay, hub] = await Promise.all([startRelay(), startHub({ clientMetadata })])
  const appURL = `https://localhost:${relay.port}`
  relay.sites['localhost'] = new URL(`http://127.0.0.1:${port}`)
  const example = await startExample(script, { PORT: String(port), APP_URL: appURL, HF_HUB_URL: hub.url })
  try {
    await page.goto(appURL)
    await page.getByRole('link', { name: 'Sign in with Hugging Face' }).click()
    await choosePerson(page, 'Ada Moreno')
    // The Hub has the name from the document.
    expect(await shownText(page.getByRole('heading', { level: 1 }))).toBe('Authorize Tides?')
    await page.getByText(`${appURL}/.well-known/oauth-cimd`).waitFor()
    await authorize(page)
    await page.waitForURL(`${appURL}/`)
    expect(await greeting()).toBe('Hello, ada!')
    await page.reload()
    expect(await greeting()).toBe('Hello, ada!')

    const [request] = hub.requests.filter(({ endpoint }) => endpoint === 'token')
    expect(request?.body?.['client_id']).toBe(`${appURL}/.well-known/oauth-cimd`)
    expect(request?.body).not.toHaveProperty('client_secret')
    expect(request?.headers).not.toHaveProperty('authorization')

    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Sign in with Hugging Face' }).waitFor()
  } finally {
    await Promise.all([example.stop(), relay.stop(), hub.close()])
  }
})

test("on the developer's machine, the same app uses a local Hub", async () => {
  const example = await startExample(script)
  try {
    await page.goto(example.url)
    await inspect(page, 'unregistered')
    await page.getByRole('link', { name: 'Sign in with Hugging Face' }).click()
    await choosePerson(page, 'Bo Lindqvist')
    await page.getByRole('button', { name: 'Deny' }).click()
    expect(await shownText(page.getByRole('status'))).toBe('You did not allow the sign-in.')

    await page.getByRole('link', { name: 'Sign in with Hugging Face' }).click()
    await authorize(page)
    await page.waitForURL(`${example.url}/`)
    expect(await greeting()).toBe('Hello, bo!')
  } finally {
    await example.stop()
  }
})
