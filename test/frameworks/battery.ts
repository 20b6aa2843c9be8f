import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import type { HuggingFaceAuthenticateOptions, HuggingFaceProfile, HuggingFaceStrategyOptions } from '../../lib'
import { type Hub, startHub } from '../../testing'
import { Browser } from '../support/browser'

/** What a test asks of an app. Everything else about it is the framework's usual way. */
export interface Setup {
  options: HuggingFaceStrategyOptions
  /** Trust the proxy in front, in the way the framework has for it. */
  trustProxy: boolean
}

export interface RunningApp {
  port: number
  close(): Promise<unknown>
}

/**
 * A framework's app. It serves
 *
 * - `/auth/huggingface?options=JSON`: begins a sign-in, with these options
 * - `/auth/huggingface/callback` and `/auth/elsewhere`: end one the plain way, and respond with `{ user, authInfo }`
 * - `/auth/huggingface/explained`: ends one by a custom callback, and responds with `{ user, info }`, or with the status and the info of the failure
 * - `/me`: who is signed in, if there is a session
 */
export interface Framework {
  start(setup: Setup): Promise<RunningApp>
  /** The app keeps people signed in, so that `/me` knows them. */
  session: boolean
}

export interface AppUser {
  id: string
  username: string | undefined
}

/** The app's verify. */
export async function findUser(_accessToken: string, _refreshToken: string | undefined, profile: HuggingFaceProfile): Promise<AppUser> {
  return { id: profile.id, username: profile.username }
}

/** The options in `/auth/huggingface?options=`. Passport's types do not know them. */
export function optionsIn(url = ''): object {
  return JSON.parse(new URL(url, 'http://localhost').searchParams.get('options') ?? '{}')
}

export const callbackPath = '/auth/huggingface/callback'
export const client = { clientID: 'an-app', clientSecret: 'the secret of an app' }
const publicOrigin = 'https://app.example'
const redirectURIs = ['http://127.0.0.1', publicOrigin].flatMap((origin) => [`${origin}${callbackPath}`, `${origin}/auth/elsewhere`])
const proxyHeaders = {
  host: 'app.internal',
  'x-forwarded-host': 'app.example',
  'x-forwarded-proto': 'https',
  'x-forwarded-for': '192.0.2.1',
}
const people = ['ada', 'bo', 'cy', 'dee', 'eli']

/** A Hub for the apps of a test file. */
export function startAppsHub(): Promise<Hub> {
  return startHub({ clients: [{ ...client, redirectURIs }], people: people.map((username) => ({ username })) })
}

const startURL = (options: HuggingFaceAuthenticateOptions) => `/auth/huggingface?options=${encodeURIComponent(JSON.stringify(options))}`
/** The same callback, at the route that says what went wrong. */
const explained = (callback: string) => callback.replace(callbackPath, '/auth/huggingface/explained')

/** Declares the tests that every framework has to pass, with a new app for each. */
export function battery(name: string, framework: Framework): void {
  // loading a framework takes a while on a busy machine
  jest.setTimeout(30_000)
  describe(name, () => {
    let hub: Hub
    let app: RunningApp

    beforeAll(async () => {
      hub = await startAppsHub()
    })
    afterEach(async () => {
      hub.faults = {}
      hub.requests.length = 0
      await app.close()
    })
    afterAll(() => hub.close())

    const start = async ({ trustProxy = false, ...options }: Partial<HuggingFaceStrategyOptions> & { trustProxy?: boolean } = {}) => {
      app = await framework.start({ options: { ...client, hubURL: hub.url, callbackURL: callbackPath, ...options }, trustProxy })
      return new Browser(app.port)
    }
    const tokenRequests = () => hub.requests.filter(({ endpoint }) => endpoint === 'token')
    /** Begins a sign-in and consents to it. Returns the callback that the Hub sends the browser to. */
    const begin = async (browser: Browser, username = 'ada', options: HuggingFaceAuthenticateOptions = {}) =>
      hub.signIn(await browser.begin(startURL(options)), username)
    /** Follows a callback that begins again at the Hub, and signs in there. */
    const beginAgain = async (browser: Browser, callback: string, username: string) => {
      const { status, location = '' } = await browser.visit(callback)
      expect([status, location.startsWith(`${hub.url}/oauth/authorize?`)]).toEqual([302, true])
      return hub.signIn(location, username)
    }

    test('signs a person in, and the state of the app comes back', async () => {
      const browser = await start()
      const state = { returnTo: '/models?sort=trending', cart: [1, 2] }
      const callback = await begin(browser, 'ada', { state })
      expect(await browser.visit(callback)).toMatchObject({ status: 200, json: { user: { username: 'ada' }, authInfo: { state } } })
      if (framework.session) expect(await browser.visit('/me')).toMatchObject({ json: { username: 'ada' } })
      // nothing of the sign-in stays behind
      expect(browser.jar.header(browser.origin)).not.toContain('hf-signin')
    })

    test('passes the state of the app to a custom callback too', async () => {
      const browser = await start()
      const page = await browser.visit(explained(await begin(browser, 'bo', { state: '/models' })))
      expect(page).toMatchObject({ status: 200, json: { user: { username: 'bo' }, info: { state: '/models' } } })
    })

    test('tells a person who denied what happened', async () => {
      const browser = await start()
      const denied = async () => hub.signIn(await browser.begin(), 'cy', { deny: true })
      expect(await browser.visit(explained(await denied()))).toMatchObject({ status: 403, json: { code: 'access_denied' } })
      expect([401, 403]).toContain((await browser.visit(await denied())).status)
    })

    test('begins again for a forged callback, which does not spoil the sign-in in progress', async () => {
      const browser = await start()
      const callback = await begin(browser)
      expect(await browser.visit(`${callbackPath}?code=stolen`)).toMatchObject({ status: expect.any(Number), location: undefined })
      const again = await beginAgain(browser, `${callbackPath}?code=stolen&state=wrong`, 'bo')
      expect(tokenRequests()).toEqual([])
      for (const [url, username] of [
        [callback, 'ada'],
        [again, 'bo'],
      ] as const) {
        expect(await browser.visit(url)).toMatchObject({ status: 200, json: { user: { username } } })
      }
    })

    test('refuses a forged callback if the app wants no restart', async () => {
      const browser = await start({ restart: false })
      const callback = await begin(browser)
      const state = new URL(callback).searchParams.get('state') ?? ''
      for (const forged of ['wrong', `${state}x`, state.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'))]) {
        const page = await browser.visit(`/auth/huggingface/explained?code=stolen&state=${encodeURIComponent(forged)}`)
        expect(page).toMatchObject({ status: 403, json: { code: 'state_unknown' } })
      }
      expect(await browser.visit(callback)).toMatchObject({ status: 200, json: { user: { username: 'ada' } } })
    })

    test('does not sign in another browser that was sent the callback: it begins its own', async () => {
      const browser = await start()
      const callback = await begin(browser)
      const other = new Browser(app.port)
      const own = await beginAgain(other, callback, 'bo')
      expect(tokenRequests()).toEqual([])
      expect(await other.visit(own)).toMatchObject({ status: 200, json: { user: { username: 'bo' } } })
      expect(await browser.visit(callback)).toMatchObject({ status: 200, json: { user: { username: 'ada' } } })
    })

    test('says that a reloaded callback is done already', async () => {
      const browser = await start()
      const callback = await begin(browser)
      expect(await browser.visit(callback)).toMatchObject({ status: 200 })
      expect(await browser.visit(explained(callback))).toMatchObject({ status: 403, json: { code: 'state_used' } })
      expect(tokenRequests()).toHaveLength(1)
      if (framework.session) expect(await browser.visit('/me')).toMatchObject({ json: { username: 'ada' } })
    })

    test('finishes the sign-ins of several tabs in any order', async () => {
      const browser = await start()
      await fc.assert(
        fc.asyncProperty(fc.shuffledSubarray(people, { minLength: 2 }), async (order) => {
          const callbacks = new Map<string, string>()
          for (const username of people.filter((each) => order.includes(each))) {
            callbacks.set(username, await begin(browser, username, { state: `tab of ${username}` }))
          }
          for (const username of order) {
            const page = await browser.visit(callbacks.get(username) ?? '')
            expect(page).toMatchObject({ status: 200, json: { user: { username }, authInfo: { state: `tab of ${username}` } } })
          }
        }),
        { numRuns: 5 },
      )
    })

    test('keeps at most five abandoned sign-ins, in less than 4 KB of cookies, and begins an older one again', async () => {
      const browser = await start()
      const begun: string[] = []
      for (let count = 0; count < 7; count += 1) begun.push(await browser.begin(startURL({ state: { returnTo: '/spaces' } })))
      expect(browser.jar.sentTo(browser.origin).length).toBeLessThanOrEqual(5)
      expect(browser.jar.header(browser.origin).length).toBeLessThan(4096)
      for (const latest of begun.slice(-5)) expect(await browser.visit(await hub.signIn(latest, 'ada'))).toMatchObject({ status: 200 })
      await beginAgain(browser, await hub.signIn(begun[0] ?? '', 'ada'), 'ada')
    })

    test('uses up nothing if either leg is only prefetched', async () => {
      const browser = await start()
      const callback = await begin(browser)
      for (const visit of [
        { method: 'HEAD' },
        { headers: { 'sec-purpose': 'prefetch;prerender' } },
        { headers: { purpose: 'prefetch' } },
      ]) {
        const before = browser.jar.header(browser.origin)
        for (const url of [explained(callback), '/auth/huggingface']) expect((await browser.visit(url, visit)).location).toBeUndefined()
        expect(browser.jar.header(browser.origin)).toBe(before)
      }
      expect(tokenRequests()).toEqual([])
      expect(await browser.visit(callback)).toMatchObject({ status: 200, json: { user: { username: 'ada' } } })
    })

    test('gives everybody who comes back at the same moment their own account', async () => {
      await start()
      const tabs = await Promise.all(
        [...people, ...people].map(async (username) => {
          const browser = new Browser(app.port)
          return { browser, username, callback: await begin(browser, username, { state: username }) }
        }),
      )
      hub.faults = { userinfo: { delay: 20 } }
      await Promise.all(
        tabs.map(async ({ browser, username, callback }) => {
          expect(await browser.visit(callback)).toMatchObject({ status: 200, json: { user: { username }, authInfo: { state: username } } })
          if (framework.session) expect(await browser.visit('/me')).toMatchObject({ json: { username } })
        }),
      )
    })

    test('resolves a relative callbackURL without the forwarded headers of a proxy that is not trusted', async () => {
      const browser = await start()
      const lies = [
        { 'x-forwarded-host': 'evil.example, app.example', 'x-forwarded-proto': 'https, http', 'x-forwarded-port': '444' },
        { forwarded: 'host=evil.example;proto=https', 'x-original-host': 'evil.example' },
      ]
      for (const headers of lies) {
        const { searchParams } = new URL(await browser.begin('/auth/huggingface', { headers }))
        expect(searchParams.get('redirect_uri')).toBe(`${browser.origin}${callbackPath}`)
      }
      expect(await browser.visit(await begin(browser), { headers: lies[0] ?? {} })).toMatchObject({ status: 200 })
    })

    test('resolves it from a proxy that is trusted, and signs in over https', async () => {
      await start({ trustProxy: true })
      const browser = new Browser(app.port, publicOrigin, proxyHeaders)
      expect(await browser.visit(await begin(browser))).toMatchObject({ status: 200, json: { user: { username: 'ada' } } })
      expect(tokenRequests()).toMatchObject([{ body: { redirect_uri: `${publicOrigin}${callbackPath}` } }])
    })

    test('remembers the callbackURL of one request, and repeats it for the tokens', async () => {
      const browser = await start()
      const callback = await begin(browser, 'ada', { callbackURL: '/auth/elsewhere' })
      expect(callback.startsWith(`${browser.origin}/auth/elsewhere?`)).toBe(true)
      expect(await browser.visit(callback)).toMatchObject({ status: 200, json: { user: { username: 'ada' } } })
      expect(tokenRequests()).toMatchObject([{ body: { redirect_uri: `${browser.origin}/auth/elsewhere` } }])
    })

    test('passes a failure of the Hub to the error handling of the app', async () => {
      const browser = await start()
      const callback = await begin(browser)
      hub.faults = { token: { status: 503, body: 'down for maintenance' } }
      expect((await browser.visit(callback)).status).toBe(502)
    })
  })
}
