import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { type Hub, startHub } from '../../testing'
import { certificate } from '../support/certificate'
import { freePort } from '../support/process'
import {
  authorize,
  choosePerson,
  deny,
  type Example,
  heading,
  inspect,
  installExample,
  type Relay,
  shownText,
  signInButton,
  signOut,
  startChromium,
  startExample,
  startRelay,
  statusIn,
} from './support'

let relay: Relay
let browser: Browser
let person: BrowserContext
let page: Page

beforeAll(async () => {
  relay = await startRelay()
  browser = await startChromium(relay.port)
})
afterAll(async () => {
  await browser?.close()
  relay?.stop()
})
beforeEach(async () => {
  person = await newPerson()
  page = await person.newPage()
})
afterEach(() => person?.close())

/** A browser profile of its own, with timeouts that end before the test does. */
async function newPerson(): Promise<BrowserContext> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 900 } })
  context.setDefaultTimeout(10_000)
  return context
}

/** Signs in with an example that brings its own Hub. */
async function signInAlone(script: string, arrival: string, name = 'Ada Moreno'): Promise<void> {
  const example = await startExample(script)
  try {
    await page.goto(example.url)
    await signInButton(page).click()
    await choosePerson(page, 'Ada Moreno')
    await authorize(page)
    await page.waitForURL(`${example.url}${arrival}`)
    expect(await heading(page)).toContain(name)
  } finally {
    await example.stop()
  }
}

describe('examples/express', () => {
  let hub: Hub
  let example: Example

  beforeAll(async () => {
    hub = await startHub()
    // The Hub asks for consent once. These people have not given it.
    for (const name of ['Fay', 'Gus', 'Hal']) hub.people.push({ username: name, sub: `${name.length}${name}`, name, orgs: [] })
    const [{ clientID, clientSecret = '' }] = hub.clients
    example = await startExample('express/server.mjs', { HF_HUB_URL: hub.url, HF_CLIENT_ID: clientID, HF_CLIENT_SECRET: clientSecret })
  })
  afterAll(async () => {
    await example?.stop()
    await hub?.close()
  })

  async function beginSignIn(name: string, of = page): Promise<void> {
    await of.goto(example.url)
    await signInButton(of).click()
    await choosePerson(of, name)
  }

  const showsProfileOf = async (name: string, of = page) => {
    await of.waitForURL(`${example.url}/profile`)
    expect(await heading(of)).toBe(name)
  }

  /** The width of a picture, or 0 if it did not load. */
  const loadedWidth = (image: Locator): Promise<number> =>
    image.evaluate(async (element: HTMLImageElement) => {
      await element.decode().catch(() => {})
      return element.naturalWidth
    })

  test('a person signs in, sees their profile, opens the callback again, and signs out', async () => {
    await beginSignIn('Ada Moreno')
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
    const pictures = await page.locator('main img').all()
    expect(pictures).toHaveLength(6)
    for (const picture of pictures) expect(await loadedWidth(picture)).toBeGreaterThan(0)

    await page.goto((await callback).url())
    expect(await heading(page)).toBe('Ada Moreno')
    await signOut(page)
    await signInButton(page).waitFor()
  })

  test('who opens a page before they sign in gets that page afterwards', async () => {
    await page.goto(`${example.url}/profile?tab=orgs`)
    await signInButton(page).click()
    await choosePerson(page, 'emi')
    await authorize(page)
    await page.waitForURL(`${example.url}/profile?tab=orgs`)
    expect(await heading(page)).toBe('emi')
    expect(await shownText(page.getByRole('main'))).toContain('not shared')
  })

  test('who denies is told so, and can try again', async () => {
    await beginSignIn('Bo Lindqvist')
    await deny(page)
    await page.waitForURL(`${example.url}/sign-in-failed`)
    expect(await heading(page)).toBe('Sign-in not complete')
    expect(await statusIn(page)).toBe('You did not allow the sign-in.')

    await page.getByRole('link', { name: 'Try again' }).click()
    await authorize(page)
    await showsProfileOf('Bo Lindqvist')
  })

  test('who goes back in the middle of a sign-in can sign in again, even if the cookie of it is lost', async () => {
    await page.goto(example.url)
    await signInButton(page).click()
    await page.getByRole('button', { name: 'Chidi Okafor' }).waitFor()
    await page.goBack()
    await signInButton(page).click()
    await choosePerson(page, 'Chidi Okafor')
    await person.clearCookies({ name: /^hf-signin/ })
    await authorize(page)
    await showsProfileOf('Chidi Okafor')

    await page.goBack()
    await page.goto(`${example.url}/auth/huggingface`)
    await showsProfileOf('Chidi Okafor')
  })

  test('two tabs sign in at once, in either order', async () => {
    // Signed in on the Hub before, so that each tab shows only its consent screen.
    await beginSignIn('Dana Whitfield')
    await authorize(page)
    await showsProfileOf('Dana Whitfield')
    const other = await person.newPage()
    for (const order of [
      [page, other],
      [other, page],
    ]) {
      await page.goto(example.url)
      await signOut(page)
      for (const tab of [page, other]) await tab.goto(`${example.url}/auth/huggingface/again`)
      for (const tab of order) {
        await authorize(tab)
        await showsProfileOf('Dana Whitfield', tab)
      }
    }
  })

  test('two people in two browsers get their own profiles', async () => {
    const other = await newPerson()
    const otherPage = await other.newPage()
    await beginSignIn('Fay')
    await beginSignIn('Gus', otherPage)
    await authorize(page)
    await authorize(otherPage)
    await showsProfileOf('Gus', otherPage)
    await showsProfileOf('Fay')
    await other.close()
  })

  test('`npm start` needs no Hub: it brings its own', () => signInAlone('express/server.mjs', '/profile'))

  test('every page can be read by everybody, on a phone too', async () => {
    const { url } = example
    const [ada] = hub.people
    const long = 'Ada Wolfeschlegelsteinhausenbergerdorff-Moreno'
    Object.assign(hub.people.at(-1) ?? {}, {
      ...ada,
      sub: 'long',
      username: 'Hal',
      name: long,
      email: `${long.replace(' ', '.')}@example.com`,
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
    await choosePerson(page, long)
    await page.getByRole('heading', { name: 'Authorize My app?' }).waitFor()
    await inspect(page, 'hub-consent')
    await deny(page)
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
})

describe('examples/space', () => {
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
  let hub: Hub
  let folder: string
  let example: Example

  beforeAll(async () => {
    const tls = await certificate()
    const hubPort = await freePort()
    hub = await startHub({ port: hubPort, tls, url: `https://localhost:${relay.port}`, clients: [client] })
    folder = installExample('space')
    const trusted = join(folder, 'trusted.pem')
    writeFileSync(trusted, tls.cert)
    example = await startExample(join(folder, 'server.mjs'), {
      SPACE_ID: 'ada/tides',
      SPACE_HOST: 'ada-tides.hf.space,tides.example',
      OAUTH_CLIENT_ID: client.clientID,
      OAUTH_CLIENT_SECRET: client.clientSecret,
      OAUTH_SCOPES: client.scopes.join(' '),
      OPENID_PROVIDER_URL: hub.url,
      NODE_EXTRA_CA_CERTS: trusted,
    })
    const app = new URL(example.url)
    Object.assign(relay.sites, { localhost: new URL(`https://127.0.0.1:${hubPort}`), 'ada-tides.hf.space': app, 'tides.example': app })
    relay.sites['cookies.test'] = (req, res) => {
      if (req.url === '/') res.setHeader('set-cookie', ['plain=1; SameSite=None; Secure', 'apart=1; SameSite=None; Secure; Partitioned'])
      res.setHeader('content-type', 'text/html').end(`<p>${req.headers.cookie ?? 'none'}</p><a href="/next">next</a>`)
    }
    relay.sites['huggingface.test'] = (req, res) => {
      const framed = req.url === '/cookies' ? 'https://cookies.test/' : `${space}/`
      // As on huggingface.co: the frame may open tabs, but not navigate the page around it.
      res.setHeader('content-type', 'text/html').end(`<!doctype html><title>tides, a Space by ada</title>
<iframe src="${framed}" style="width:100%;height:700px" sandbox="allow-forms allow-popups allow-popups-to-escape-sandbox allow-same-origin allow-scripts"></iframe>`)
    }
  })
  afterAll(async () => {
    await example?.stop()
    await hub?.close()
    rmSync(folder, { recursive: true, force: true })
  })
  afterEach(() => {
    relay.cookies = {}
  })

  test('this Chromium keeps no cookies in a frame of another site, except partitioned ones', async () => {
    await page.goto(`${embedder}/cookies`)
    const frame = page.frameLocator('iframe')
    await frame.getByRole('link').click()
    await frame.getByText('apart=1').waitFor()
    expect(await shownText(frame.getByRole('paragraph'))).toBe('apart=1')
  })

  test('a person signs in to a Space on its own host, and out', async () => {
    await page.goto(space)
    expect(await heading(page)).toBe('Hello!')
    await inspect(page, 'space')
    await signInButton(page).click()
    await choosePerson(page, 'Ada Moreno')
    await authorize(page)
    await page.waitForURL(`${space}/`)
    expect(await heading(page)).toBe('Hello, Ada Moreno!')
    await page.getByText('ada@example.com').waitFor()

    await signOut(page)
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
    await tab.reload()
    expect(await heading(tab)).toBe('Hello, Bo Lindqvist!')
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
    expect(await heading(frame)).toBe('Hello, Chidi Okafor!')
    const session = { name: 'connect.sid', sameSite: 'None', secure: true, httpOnly: true }
    expect(await person.cookies(space)).toContainEqual(expect.objectContaining(session))

    await signOut(frame)
    await signInButton(frame).waitFor()
  })

  test("a sign-in that begins on a custom domain ends on the Space's own host", async () => {
    await page.goto('https://tides.example')
    await signInButton(page).click()
    await choosePerson(page, 'emi')
    await authorize(page)
    await page.waitForURL(`${space}/`)
    expect(await heading(page)).toBe('Hello, emi!')
  })

  test('who denies in a Space is told so', async () => {
    await page.goto(space)
    await signInButton(page).click()
    await choosePerson(page, 'Dana Whitfield')
    await deny(page)
    await page.waitForURL(`${space}/`)
    expect(await statusIn(page)).toBe('You did not allow the sign-in.')
    await signInButton(page).waitFor()
  })

  test("on the developer's machine, the same files use a local Hub", () => signInAlone(join(folder, 'server.mjs'), '/'))
})

describe('examples/unregistered', () => {
  test('an app without registration signs a person in', async () => {
    const port = await freePort()
    const clientMetadata = async (clientID: string) => (await fetch(`http://127.0.0.1:${port}${new URL(clientID).pathname}`)).json()
    const [proxy, hub] = await Promise.all([startRelay(), startHub({ clientMetadata: clientMetadata as () => Promise<object> })])
    const appURL = `https://localhost:${proxy.port}`
    proxy.sites['localhost'] = new URL(`http://127.0.0.1:${port}`)
    const example = await startExample('unregistered/server.mjs', { PORT: String(port), APP_URL: appURL, HF_HUB_URL: hub.url })
    try {
      await page.goto(appURL)
      await inspect(page, 'unregistered')
      await signInButton(page).click()
      await choosePerson(page, 'Ada Moreno')
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

      const [request] = hub.requests.filter(({ endpoint }) => endpoint === 'token')
      expect(request?.body?.['client_id']).toBe(`${appURL}/.well-known/oauth-cimd`)
      expect(request?.body).not.toHaveProperty('client_secret')
      expect(request?.headers).not.toHaveProperty('authorization')

      await signOut(page)
      await signInButton(page).waitFor()
    } finally {
      await example.stop()
      proxy.stop()
      await hub.close()
    }
  })

  test("on the developer's machine, the same app uses a local Hub", () => signInAlone('unregistered/server.mjs', '/', 'ada'))
})
