import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { type Hub, startHub } from '../../testing'
import { type Example, startExample } from '../support/example'
import {
  authorize,
  beginSignIn,
  choosePerson,
  deny,
  heading,
  inspect,
  installExample,
  shownText,
  signInButton,
  signOut,
  startChromium,
  startRelay,
  statusIn,
} from './support'

let relay: Awaited<ReturnType<typeof startRelay>>
let browser: Browser
let person: BrowserContext
let page: Page
/** The example of a Space, with all that it needs. */
const spaceFolder = installExample('space')

beforeAll(async () => {
  relay = await startRelay()
  browser = await startChromium(relay.port)
})
afterAll(async () => {
  await browser?.close()
  relay?.stop()
  rmSync(spaceFolder, { recursive: true })
})
beforeEach(async () => {
  person = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 900 } })
  // ends before the test does
  person.setDefaultTimeout(10_000)
  page = await person.newPage()
})
afterEach(() => person?.close())

describe('examples/express', () => {
  let hub: Hub
  let example: Example

  beforeAll(async () => {
    hub = await startHub()
    const [{ clientID, clientSecret = '' }] = hub.clients
    const env = { HF_HUB_URL: hub.url, HF_CLIENT_ID: clientID, HF_CLIENT_SECRET: clientSecret }
    example = await startExample('examples/express/server.mjs', env)
  })
  afterAll(async () => {
    await example?.stop()
    await hub?.close()
  })

  const showsProfileOf = async (name: string) => {
    await page.waitForURL(`${example.url}/profile`)
    expect(await heading(page)).toBe(name)
  }

  test('a person signs in, sees their profile, opens the callback again, chooses organizations again, and signs out', async () => {
    await page.goto(example.url)
    await beginSignIn(page, 'Ada Moreno')
    await page.getByLabel('Tidal Labs').check()
    const callback = page.waitForRequest((request) => request.url().includes('/auth/huggingface/callback?'))
    await authorize(page)
    await showsProfileOf('Ada Moreno')

    const main = await shownText(page.getByRole('main'))
    expect(main).toMatch(/@ada\s+Pro/)
    expect(main).toContain('ada@example.com verified')
    const orgs = await page.getByRole('listitem').allInnerTexts()
    expect(orgs).toHaveLength(5)
    // Only the organization that was ticked shows the role.
    expect(orgs[0]).toMatch(/Tidal Labs(.|\n)*admin(.|\n)*enterprise/)
    expect(orgs[1]).toMatch(/Open Atlas(.|\n)*team/)
    expect(orgs[1]).not.toContain('write')
    const pictures = await page
      .locator('main img')
      .evaluateAll((images: HTMLImageElement[]) => Promise.all(images.map((image) => image.decode().then(() => 'loaded'))))
    expect(pictures).toEqual(Array(6).fill('loaded'))

    await page.goto((await callback).url())
    expect(await heading(page)).toBe('Ada Moreno')
    await page.goto(`${example.url}/auth/huggingface/again`)
    await authorize(page)
    await showsProfileOf('Ada Moreno')
    await signOut(page)
  })

  test('every page can be read by everybody, on a phone too', async () => {
    const { url } = example
    const [ada] = hub.people
    const name = 'Ada Wolfeschlegelsteinhausenbergerdorff-Moreno'
    const email = `${name.replace(' ', '.')}@example.com`
    hub.people.push({ ...ada, sub: 'long', username: 'long', name, email, orgs: ada?.orgs ?? [] })
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
    await choosePerson(page, name)
    await page.getByRole('heading', { name: 'Authorize My app?' }).waitFor()
    await inspect(page, 'hub-consent')
    await deny(page)
    await page.waitForURL(`${url}/sign-in-failed`)
    expect(await statusIn(page)).toBe('You did not allow the sign-in.')
    await inspect(page, 'denied')
    hub.faults = { token: { status: 503 } }
    await page.getByRole('link', { name: 'Try again' }).click()
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
})

describe('examples/space', () => {
  const space = 'https://ada-tides.hf.space'
  /** A site that shows the Space in a frame, as huggingface.co does. */
  const embedder = 'https://huggingface.test'
  const client = { clientID: 'tides', clientSecret: 'the secret of the Space', redirectURIs: [`${space}/auth/huggingface/callback`] }
  let hub: Hub
  let example: Example

  beforeAll(async () => {
    hub = await startHub({ clients: [client] })
    example = await startExample(join(spaceFolder, 'server.mjs'), {
      SPACE_ID: 'ada/tides',
      SPACE_HOST: 'ada-tides.hf.space,tides.example',
      OAUTH_CLIENT_ID: client.clientID,
      OAUTH_CLIENT_SECRET: client.clientSecret,
      OAUTH_SCOPES: 'openid profile email',
      OPENID_PROVIDER_URL: hub.url,
    })
    Object.assign(relay.sites, { 'ada-tides.hf.space': example.port, 'tides.example': example.port })
    // As on huggingface.co: the frame may open tabs, but not navigate the page around it.
    relay.sites['huggingface.test'] = `<!doctype html><title>tides, a Space by ada</title>
<iframe src="${space}/" style="width:100%;height:700px" sandbox="allow-forms allow-popups allow-popups-to-escape-sandbox allow-same-origin allow-scripts"></iframe>`
  })
  afterAll(async () => {
    await example?.stop()
    await hub?.close()
  })

  test('a person denies the sign-in to a Space and is told so, signs in and out', async () => {
    await page.goto(space)
    expect(await heading(page)).toBe('Hello!')
    await inspect(page, 'space')
    await beginSignIn(page, 'Ada Moreno')
    await deny(page)
    expect(await statusIn(page)).toBe('You did not allow the sign-in.')
    await signInButton(page).click()
    await authorize(page)
    await page.waitForURL(`${space}/`)
    expect(await heading(page)).toBe('Hello, Ada Moreno!')
    await page.getByText('ada@example.com').waitFor()
    await signOut(page)
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
    await tab.reload()
    expect(await heading(tab)).toBe('Hello, Bo Lindqvist!')
  })

  test('a sign-in that stays within the frame keeps its cookies, and so does the session', async () => {
    await page.goto(embedder)
    const frame = page.frameLocator('iframe')
    const asked = page.waitForRequest((request) => request.url().startsWith(`${hub.url}/oauth/authorize`))
    await signInButton(frame).evaluate((link) => link.removeAttribute('target'))
    await signInButton(frame).click()
    // The cookies of the Hub are not sent to a frame, so the person consents elsewhere.
    const callback = await hub.signIn((await asked).url(), 'chidi')
    const keptFor = async () => (await person.cookies(space)).map(({ name, partitionKey }) => `${name.split('.')[0]} ${partitionKey}`)
    expect(await keptFor()).toEqual([`__Host-hf-signin ${embedder}`])
    await frame.getByRole('heading').evaluate((_heading, address) => location.assign(address), callback)
    await frame.getByText('Hello, Chidi Okafor!').waitFor()
    expect(await keptFor()).toEqual([`connect ${embedder}`])

    await page.reload()
    expect(await heading(frame)).toBe('Hello, Chidi Okafor!')
    await signOut(frame)
  })

  test("a sign-in that begins on a custom domain ends on the Space's own host", async () => {
    await page.goto('https://tides.example')
    await beginSignIn(page, 'emi')
    await authorize(page)
    await page.waitForURL(`${space}/`)
    expect(await heading(page)).toBe('Hello, emi!')
  })
})

test('an app without registration signs a person in', async () => {
  const clientMetadata = async (clientID: string) => (await fetch(example.url + new URL(clientID).pathname)).json() as Promise<object>
  const hub = await startHub({ clientMetadata })
  const appURL = 'https://unregistered.example'
  const example = await startExample('examples/unregistered/server.mjs', { APP_URL: appURL, HF_HUB_URL: hub.url })
  relay.sites['unregistered.example'] = example.port
  try {
    await page.goto(appURL)
    await inspect(page, 'unregistered')
    await beginSignIn(page, 'Ada Moreno')
    // The Hub has the name from the document.
    expect(await heading(page)).toBe('Authorize Tides?')
    await page.getByText(`${appURL}/.well-known/oauth-cimd`).waitFor()
    await deny(page)
    expect(await statusIn(page)).toBe('You did not allow the sign-in.')
    await signInButton(page).click()
    await authorize(page)
    await page.waitForURL(`${appURL}/`)
    await page.reload()
    expect(await heading(page)).toBe('Hello, ada!')
    await signOut(page)
  } finally {
    await example.stop()
    await hub.close()
  }
})

test.each([
  ['express', 'examples/express', '/profile', 'Ada Moreno'],
  ['space', spaceFolder, '/', 'Hello, Ada Moreno!'],
  ['unregistered', 'examples/unregistered', '/', 'Hello, ada!'],
])("on the developer's machine, the example %s needs no Hub: it brings its own", async (_, folder, arrival, greeting) => {
  const example = await startExample(`${folder}/server.mjs`)
  try {
    await page.goto(example.url)
    await beginSignIn(page, 'Ada Moreno')
    await authorize(page)
    await page.waitForURL(example.url + arrival)
    expect(await heading(page)).toBe(greeting)
  } finally {
    await example.stop()
  }
})
