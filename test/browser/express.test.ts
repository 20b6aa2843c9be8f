import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { newPerson, shownText, startChromium, takeScreenshot } from './support/chromium'
import { type Example, startExample } from './support/example'
import { authorize, choosePerson } from './support/hub-pages'

let browser: Browser
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
  // a Hub of its own for each test: it remembers who has consented to what
  example = await startExample(join(__dirname, '../../examples/express/server.mjs'))
  person = await newPerson(browser)
  page = await person.newPage()
})

afterEach(async () => {
  await Promise.all([person?.close(), example?.stop()])
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

/** The width of a picture that has arrived; 0 of one that is broken. */
async function loadedWidth(image: Locator): Promise<number> {
  return image.evaluate(async (element: HTMLImageElement) => {
    await element.decode().catch(() => {})
    return element.naturalWidth
  })
}

test('a person signs in, sees their profile, and signs out', async () => {
  await page.goto(example.url)
  await takeScreenshot(page, 'express-home')
  await signInButton().click()
  await takeScreenshot(page, 'express-hub-people')
  await choosePerson(page, 'Ada Moreno')
  await page.getByLabel('Tidal Labs').check()
  await takeScreenshot(page, 'express-hub-consent')
  await authorize(page)
  await page.waitForURL(`${example.url}/profile`)
  await takeScreenshot(page, 'express-profile')

  expect(await heading()).toBe('Ada Moreno Pro')
  const main = await shownText(page.getByRole('main'))
  expect(main).toContain('@ada')
  expect(main).toContain('ada@example.com ✓ verified')
  const orgs = await page.getByRole('listitem').allInnerTexts()
  expect(orgs).toHaveLength(5)
  // the role shows only where the organization was granted
  expect(orgs[0]).toMatch(/Tidal Labs(.|\n)*admin(.|\n)*enterprise/)
  expect(orgs[1]).toMatch(/Open Atlas(.|\n)*team/)
  expect(orgs[1]).not.toContain('write')
  const pictures = await page.locator('main img').all()
  expect(pictures).toHaveLength(6)
  for (const picture of pictures) expect(await loadedWidth(picture)).toBeGreaterThan(0)

  await page.getByRole('button', { name: 'Sign out' }).click()
  await signInButton().waitFor()
  await page.goto(`${example.url}/profile`)
  await signInButton().waitFor()
})

test('a person whose account has little has a profile page all the same', async () => {
  await signIn('emi')
  await takeScreenshot(page, 'express-profile-emi')
  expect(await heading()).toBe('emi')
  expect(await shownText(page.getByRole('main'))).toContain('not shared')
})

test('who says no gets a friendly page, and may change their mind', async () => {
  await beginSignIn()
  await choosePerson(page, 'Bo Lindqvist')
  await page.getByRole('button', { name: 'Deny' }).click()
  await page.waitForURL(`${example.url}/sign-in-failed`)
  await takeScreenshot(page, 'express-denied')
  expect(await heading()).toBe('Sign-in not finished')
  expect(await shownText(page.getByRole('status'))).toBe('The user denied the request')

  await page.getByRole('link', { name: 'Try again' }).click()
  await authorize(page)
  await page.waitForURL(`${example.url}/profile`)
  expect(await heading()).toBe('Bo Lindqvist')
})

test('opening the callback a second time leads back to the profile', async () => {
  await beginSignIn()
  await choosePerson(page, 'Ada Moreno')
  const callback = page.waitForRequest((request) => request.url().includes('/auth/huggingface/callback?'))
  await authorize(page)
  await page.waitForURL(`${example.url}/profile`)

  await page.goto((await callback).url())
  await takeScreenshot(page, 'express-callback-again')
  expect(await heading()).toBe('Ada Moreno Pro')
})

test('who goes back in the middle of a sign-in can sign in again', async () => {
  await beginSignIn()
  await page.getByRole('button', { name: 'Ada Moreno', exact: true }).waitFor()
  await page.goBack()
  await signInButton().click()
  await choosePerson(page, 'Chidi Okafor')
  await authorize(page)
  await page.waitForURL(`${example.url}/profile`)
  expect(await heading()).toBe('Chidi Okafor')

  // and when it is done, back to where it has ended already
  await page.goBack()
  await page.goto(`${example.url}/auth/huggingface`)
  await page.waitForURL(`${example.url}/profile`)
  expect(await heading()).toBe('Chidi Okafor')
})

test.each([
  ['the first tab first', [0, 1]],
  ['the second tab first', [1, 0]],
])('two tabs sign in at once: %s', async (_, order) => {
  // signed in at the Hub before, so that each tab has only its consent to give
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
  expect(await heading()).toBe('Ada Moreno Pro')
  expect(await heading(otherPage)).toBe('Bo Lindqvist')
  await other.close()
})
