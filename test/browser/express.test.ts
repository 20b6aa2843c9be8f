import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { type Hub, startHub } from '../../testing'
import { newPerson, shownText, startChromium } from './support/chromium'
import { type Example, startExample } from './support/example'
import { authorize, choosePerson } from './support/hub-pages'
import { inspect } from './support/inspect'

const script = join(__dirname, '../../examples/express/server.mjs')

let browser: Browser
let hub: Hub
let example: Example
let person: BrowserContext
let page: Page

beforeAll(async () => {
  browser = await startChromium()
})

afterAll(async () => {
  await browser?.close()
})

beforeEach(async () => {
  // A Hub for each test, since it remembers who has authorized the app.
  hub = await startHub()
  const [{ clientID, clientSecret = '' }] = hub.clients
  example = await startExample(script, { HF_HUB_URL: hub.url, HF_CLIENT_ID: clientID, HF_CLIENT_SECRET: clientSecret })
  person = await newPerson(browser)
  page = await person.newPage()
})

afterEach(async () => {
  await Promise.all([person?.close(), example?.stop()])
  await hub?.close()
})

function signInButton(of = page): Locator {
  return of.getByRole('link', { name: 'Sign in with Hugging Face' })
}

async function beginSignIn(of = page): Promise<void> {
  await of.goto(example.url)
  await signInButton(of).click()
}

async function signIn(name: string): Promise<void> {
  await beginSignIn()
  await choosePerson(page, name)
  await authorize(page)
  await page.waitForURL(`${example.url}/profile`)
}

async function heading(of = page): Promise<string> {
  return shownText(of.getByRole('heading', { level: 1 }))
}

/** The width of a picture, or 0 if it did not load. */
async function loadedWidth(image: Locator): Promise<number> {
  return image.evaluate(async (element: HTMLImageElement) => {
    await element.decode().catch(() => {})
    return element.naturalWidth
  })
}

test('a person signs in, sees their profile, and signs out', async () => {
  await beginSignIn()
  await choosePerson(page, 'Ada Moreno')
  await page.getByLabel('Tidal Labs').check()
  await authorize(page)
  await page.waitForURL(`${example.url}/profile`)

  expect(await heading()).toBe('Ada Moreno')
  const main = await shownText(page.getByRole('main'))
  expect(main).toMatch(/@ada\s+Pro/)
  expect(main).toContain('ada@example.com verified')
  const orgs = await page.getByRole('listitem').allInnerTexts()
  expect(orgs).toHaveLength(5)
  // Only the organization that was ticked shows the role.
  expect(orgs[0]).toMatch(/Tidal Labs(.|\n)*admin(.|\n)*enterprise/)
  expect(orgs[1]).toMatch(/Open Atlas(.|\n)*team/)
  expect(orgs[1]).not.toContain('write')
  const pictures = await page.locator('main img').all()
  expect(pictures).toHaveLength(6)
  for (const picture of pictures) expect(await loadedWidth(picture)).toBeGreaterThan(0)

  await page.getByRole('button', { name: 'Sign out' }).click()
  await signInButton().waitFor()
})

test('who opens a page before they sign in gets that page afterwards', async () => {
  await page.goto(`${example.url}/profile?tab=orgs`)
  await signInButton().click()
  await choosePerson(page, 'emi')
  await authorize(page)
  await page.waitForURL(`${example.url}/profile?tab=orgs`)
  expect(await heading()).toBe('emi')
  expect(await shownText(page.getByRole('main'))).toContain('not shared')
})

test('who denies is told so, and can try again', async () => {
  await beginSignIn()
  await choosePerson(page, 'Bo Lindqvist')
  await page.getByRole('button', { name: 'Deny' }).click()
  await page.waitForURL(`${example.url}/sign-in-failed`)
  expect(await heading()).toBe('Sign-in not complete')
  expect(await shownText(page.getByRole('status'))).toBe('You did not allow the sign-in.')

  await page.getByRole('link', { name: 'Try again' }).click()
  await authorize(page)
  await page.waitForURL(`${example.url}/profile`)
  expect(await heading()).toBe('Bo Lindqvist')
})

test('a sign-in whose cookie is lost begins again by itself', async () => {
  await beginSignIn()
  await choosePerson(page, 'Ada Moreno')
  await person.clearCookies({ name: /^hf-signin/ })
  await authorize(page)
  await page.waitForURL(`${example.url}/profile`)
})

test('opening the callback a second time leads to the profile', async () => {
  await beginSignIn()
  await choosePerson(page, 'Ada Moreno')
  const callback = page.waitForRequest((request) => request.url().includes('/auth/huggingface/callback?'))
  await authorize(page)
  await page.waitForURL(`${example.url}/profile`)

  await page.goto((await callback).url())
  expect(await heading()).toBe('Ada Moreno')
})

test('who goes back in the middle of a sign-in can sign in again', async () => {
  await beginSignIn()
  await page.getByRole('button', { name: 'Ada Moreno' }).waitFor()
  await page.goBack()
  await signInButton().click()
  await choosePerson(page, 'Chidi Okafor')
  await authorize(page)
  await page.waitForURL(`${example.url}/profile`)
  expect(await heading()).toBe('Chidi Okafor')

  await page.goBack()
  await page.goto(`${example.url}/auth/huggingface`)
  await page.waitForURL(`${example.url}/profile`)
  expect(await heading()).toBe('Chidi Okafor')
})

test.each([
  ['the first tab first', [0, 1]],
  ['the second tab first', [1, 0]],
])('two tabs sign in at once: %s', async (_, order) => {
  // Signed in on the Hub before, so that each tab shows only its consent screen.
  await signIn('Dana Whitfield')
  await page.getByRole('button', { name: 'Sign out' }).click()
  const tabs = [page, await person.newPage()]
  for (const tab of tabs) await tab.goto(`${example.url}/auth/huggingface/again`)
  for (const index of order) {
    const tab = tabs[index]
    if (tab === undefined) throw new Error('there are two tabs')
    await authorize(tab)
    await tab.waitForURL(`${example.url}/profile`)
    expect(await heading(tab)).toBe('Dana Whitfield')
  }
})

test('two people in two browsers get their own profiles', async () => {
  const other = await newPerson(browser)
  const otherPage = await other.newPage()
  await beginSignIn()
  await beginSignIn(otherPage)
  await choosePerson(otherPage, 'Bo Lindqvist')
  await choosePerson(page, 'Ada Moreno')
  await authorize(page)
  await authorize(otherPage)
  await Promise.all([page.waitForURL(`${example.url}/profile`), otherPage.waitForURL(`${example.url}/profile`)])
  expect(await heading()).toBe('Ada Moreno')
  expect(await heading(otherPage)).toBe('Bo Lindqvist')
  await other.close()
})

test('`npm start` needs no Hub: it brings its own', async () => {
  const alone = await startExample(script)
  try {
    await page.goto(alone.url)
    await signInButton().click()
    await choosePerson(page, 'Ada Moreno')
    await authorize(page)
    await page.waitForURL(`${alone.url}/profile`)
  } finally {
    await alone.stop()
  }
})

test('every page can be read by everybody, on a phone too', async () => {
  const { url } = example
  const [ada] = hub.people
  if (ada === undefined) throw new Error('there are people on the Hub')
  Object.assign(ada, {
    name: 'Ada Wolfeschlegelsteinhausenbergerdorff-Moreno',
    email: 'ada.wolfeschlegelsteinhausenbergerdorff@example.com',
  })
  const visit = async (address: string, name: string) => {
    await page.goto(address)
    await inspect(page, name)
  }
  await visit(url, 'home')
  await visit(`${url}/profile`, 'sign-in-required')
  await visit(`${url}/nothing`, 'not-found')
  expect(await shownText(page.getByRole('main'))).not.toContain('again')

  await visit(`${url}/auth/huggingface`, 'hub-people')
  const interaction = page.url()
  await choosePerson(page, 'Ada')
  await page.getByRole('heading', { name: 'Authorize My app?' }).waitFor()
  await inspect(page, 'hub-consent')
  await page.getByRole('button', { name: 'Deny' }).click()
  await page.waitForURL(`${url}/sign-in-failed`)
  await inspect(page, 'denied')
  await page.goto(`${url}/auth/huggingface`)
  hub.faults = { token: { status: 503 } }
  await authorize(page)
  await page.getByRole('heading', { name: 'Sign-in is not available' }).waitFor()
  await inspect(page, 'error')
  hub.faults = {}
  await page.getByRole('link', { name: 'Try again' }).click()
  await page.waitForURL(`${url}/profile`)
  await inspect(page, 'profile')
  await visit(url, 'home-signed-in')

  await visit(hub.url, 'hub-home')
  await visit(`${hub.url}/ada`, 'hub-person')
  await visit(`${hub.url}/nothing`, 'hub-not-found')
  await visit(interaction, 'hub-expired')
  await visit(`${hub.url}/oauth/authorize?client_id=nobody`, 'hub-invalid-client')
}, 90_000)
