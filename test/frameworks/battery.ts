import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import type { HuggingFaceProfile, HuggingFaceStrategyOptions } from '../../lib'
import { type Hub, startHub } from '../../testing'
import { Browser } from './browser'

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
 * - `/auth/huggingface?with=JSON`: begins a sign-in, with that app state
 * - `/auth/huggingface/elsewhere`: begins one with `callbackURL: '/auth/elsewhere'`
 * - `/auth/huggingface/callback` and `/auth/elsewhere`: end one the plain way, and answer `{ user, authInfo }`
 * - `/auth/huggingface/explained`: ends one by a custom callback, and answers `{ user, info }`, or the status and the info of the failure
 * - `/me`: who is signed in, where there is a session
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

/** The app state that `/auth/huggingface?with=` asks for. */
export function stateIn(url = ''): unknown {
  const json = new URL(url, 'http://localhost').searchParams.get('with')
  return json === null ? undefined : JSON.parse(json)
}

const publicOrigin = 'https://app.example'
const proxyHeaders = {
  host: 'app.internal',
  'x-forwarded-host': 'app.example',
  'x-forwarded-proto': 'https',
  'x-forwarded-for': '192.0.2.1',
}
const callbackPath = '/auth/huggingface/callback'
const client = {
  clientID: 'an-app',
  clientSecret: 'the secret of an app',
  redirectURIs: ['http://127.0.0.1', publicOrigin].flatMap((origin) => [`${origin}${callbackPath}`, `${origin}/auth/elsewhere`]),
}
const people = ['ada', 'bo', 'cy', 'dee', 'eli']

/** Declares the tests that every framework has to pass, with a new app for each. */
export function battery(name: string, framework: Framework): void {
  // loading a framework takes a while on a busy machine
  jest.setTimeout(30_000)
  describe(name, () => {
    let hub: Hub
    let app: RunningApp | undefined

    beforeAll(async () => {
      hub = await startHub({ clients: [client], people: people.map((username) => ({ username })) })
    })
    afterEach(async () => {
      hub.faults = {}
      hub.requests.length = 0
      await app?.close()
      app = undefined
    })
    afterAll(() => hub.close())

    const start = async ({ trustProxy = false, ...options }: Partial<HuggingFaceStrategyOptions> & { trustProxy?: boolean } = {}) => {
      const { clientID, clientSecret } = client
      app = await framework.start({
        options: { clientID, clientSecret, hubURL: hub.url, callbackURL: callbackPath, ...options },
        trustProxy,
      })
      return new Browser(app.port)
    }
    /** The same callback, at the route that says what went wrong. */
    const explained = (callback: string) => callback.replace(callbackPath, '/auth/huggingface/explained')
    const tokenRequests = () => hub.requests.filter(({ endpoint }) => endpoint === 'token')

    test('signs a person in, and the app state comes back', async () => {
      const browser = await start()
      const state = { returnTo: '/models?sort=trending', cart: [1, 2] }
      const callback = await hub.signIn(await browser.begin(`/auth/huggingface?with=${encodeURIComponent(JSON.stringify(state))}`), 'ada')
      expect(await browser.visit(callback)).toMatchObject({ status: 200, json: { user: { username: 'ada' }, authInfo: { state } } })
      if (framework.session) expect(await browser.visit('/me')).toMatchObject({ json: { username: 'ada' } })
    })

    test('hands the app state to a custom callback too', async () => {
      const browser = await start()
      const callback = await hub.signIn(await browser.begin('/auth/huggingface?with="/models"'), 'bo')
      expect(await browser.visit(explained(callback))).toMatchObject({
        status: 200,
        json: { user: { username: 'bo' }, info: { state: '/models' } },
      })
    })

    test('tells a person who denied what happened', async () => {
      const browser = await start()
      const callback = await hub.signIn(await browser.begin(), 'cy', { deny: true })
      expect(await browser.visit(explained(callback))).toMatchObject({
        status: 403,
        json: { code: 'access_denied', message: expect.stringMatching(/\w/) },
      })
      const again = await hub.signIn(await browser.begin(), 'cy', { deny: true })
      expect([401, 403]).toContain((await browser.visit(again)).status)
    })

    test('refuses a forged callback, which does not spoil the sign-in in progress', async () => {
      const browser = await start()
      const callback = await hub.signIn(await browser.begin(), 'ada')
      const state = new URL(callback).searchParams.get('state') ?? ''
      for (const forged of ['wrong', `${state}x`, state.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'))]) {
        const { status, json } = await browser.visit(`/auth/huggingface/explained?code=stolen&state=${encodeURIComponent(forged)}`)
        expect({ status, json }).toMatchObject({ status: 403, json: { code: 'state_unknown' } })
      }
      expect(await browser.visit('/auth/huggingface/explained?code=stolen')).toMatchObject({ status: 403, json: { code: 'state_missing' } })
      expect(tokenRequests()).toEqual([])
      expect(await browser.visit(callback)).toMatchObject({ status: 200, json: { user: { username: 'ada' } } })
    })

    test('does not sign in another browser that was sent the callback', async () => {
      const browser = await start()
      const callback = await hub.signIn(await browser.begin(), 'ada')
      const other = new Browser((app as RunningApp).port)
      expect(await other.visit(explained(callback))).toMatchObject({ status: 403, json: { code: 'state_lost' } })
      expect(tokenRequests()).toEqual([])
      expect(await browser.visit(callback)).toMatchObject({ status: 200 })
    })

    test('says that a reloaded callback is done already', async () => {
      const browser = await start()
      const callback = await hub.signIn(await browser.begin(), 'ada')
      expect(await browser.visit(callback)).toMatchObject({ status: 200 })
      expect(await browser.visit(explained(callback))).toMatchObject({ status: 403, json: { code: 'state_used' } })
      expect(tokenRequests()).toHaveLength(1)
      if (framework.session) expect(await browser.visit('/me')).toMatchObject({ json: { username: 'ada' } })
    })

    test.each([[2], [3]])('finishes %i tabs in every order', async (tabs) => {
      const browser = await start()
      for (const order of permutations(people.slice(0, tabs))) await finishTabs(browser, order)
    })

    test('finishes five tabs in any order', async () => {
      const browser = await start()
      const orders = fc.shuffledSubarray(people, { minLength: people.length })
      await fc.assert(
        fc.asyncProperty(orders, (order) => finishTabs(browser, order)),
        { numRuns: 3 },
      )
    })

    /** Opens a tab for each person, and comes back in the given order. */
    async function finishTabs(browser: Browser, order: readonly string[]): Promise<void> {
      const callbacks = new Map<string, string>()
      for (const username of people.filter((each) => order.includes(each))) {
        const authorizationURL = await browser.begin(`/auth/huggingface?with="tab of ${username}"`)
        callbacks.set(username, await hub.signIn(authorizationURL, username))
      }
      for (const username of order) {
        expect(await browser.visit(callbacks.get(username) ?? '')).toMatchObject({
          status: 200,
          json: { user: { username }, authInfo: { state: `tab of ${username}` } },
        })
      }
    }

    test('lets a person go back and begin again, and come back from either', async () => {
      const browser = await start()
      const abandoned = await hub.signIn(await browser.begin(), 'ada')
      const again = await hub.signIn(await browser.begin(), 'bo')
      expect(await browser.visit(again)).toMatchObject({ status: 200, json: { user: { username: 'bo' } } })
      expect(await browser.visit(abandoned)).toMatchObject({ status: 200, json: { user: { username: 'ada' } } })
    })

    test('keeps at most five abandoned sign-ins, in less than 4 KB of cookies', async () => {
      const browser = await start()
      const begun: string[] = []
      for (let count = 0; count < 12; count++) begun.push(await browser.begin('/auth/huggingface?with={"returnTo":"/spaces"}'))
      const cookies = browser.jar.sentTo(browser.origin).map(([name]) => name)
      expect(cookies.length).toBeLessThanOrEqual(5)
      expect(browser.jar.header(browser.origin).length).toBeLessThan(4096)
      const pushedOut = await hub.signIn(begun[0] ?? '', 'ada')
      expect(await browser.visit(explained(pushedOut))).toMatchObject({ status: 403, json: { code: 'state_unknown' } })
      for (const latest of begun.slice(-5)) {
        expect(await browser.visit(await hub.signIn(latest, 'ada'))).toMatchObject({ status: 200 })
      }
    })

    test.each<{ method?: string; headers?: Record<string, string> }>([
      { method: 'HEAD' },
      { headers: { 'sec-purpose': 'prefetch' } },
      { headers: { 'sec-purpose': 'prefetch;prerender' } },
      { headers: { purpose: 'prefetch' } },
    ])('leaves the sign-in alone where the callback is only prefetched: %j', async (visit) => {
      const browser = await start()
      const callback = await hub.signIn(await browser.begin(), 'ada')
      expect(await browser.visit(explained(callback), visit)).toMatchObject({ status: 425 })
      expect(tokenRequests()).toEqual([])
      expect(await browser.visit(callback)).toMatchObject({ status: 200, json: { user: { username: 'ada' } } })
    })

    test('gives everybody who comes back at the same moment their own account', async () => {
      await start()
      const tabs = await Promise.all(
        [...people, ...people].map(async (username) => {
          const browser = new Browser((app as RunningApp).port)
          return { browser, username, callback: await hub.signIn(await browser.begin(`/auth/huggingface?with="${username}"`), username) }
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
        { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
        { 'x-forwarded-host': 'evil.example, app.example', 'x-forwarded-proto': 'https, http', 'x-forwarded-port': '444' },
        { forwarded: 'host=evil.example;proto=https', 'x-original-host': 'evil.example' },
      ]
      for (const headers of lies) {
        const { searchParams } = new URL(await browser.begin('/auth/huggingface', { headers }))
        expect(searchParams.get('redirect_uri')).toBe(`${browser.origin}${callbackPath}`)
      }
      const callback = await hub.signIn(await browser.begin(), 'ada')
      expect(await browser.visit(callback, { headers: lies[0] ?? {} })).toMatchObject({ status: 200 })
      expect(JSON.stringify(hub.requests)).not.toContain('evil')
    })

    test('resolves it from a proxy that is trusted, and signs in over https', async () => {
      await start({ trustProxy: true })
      const browser = new Browser((app as RunningApp).port, publicOrigin, proxyHeaders)
      const authorizationURL = await browser.begin()
      expect(new URL(authorizationURL).searchParams.get('redirect_uri')).toBe(`${publicOrigin}${callbackPath}`)
      const callback = await hub.signIn(authorizationURL, 'ada')
      expect(await browser.visit(callback)).toMatchObject({ status: 200, json: { user: { username: 'ada' } } })
      expect(tokenRequests()).toMatchObject([{ body: { redirect_uri: `${publicOrigin}${callbackPath}` } }])
    })

    test('remembers the callbackURL of one request, and repeats it for the tokens', async () => {
      const browser = await start()
      const authorizationURL = await browser.begin('/auth/huggingface/elsewhere')
      const elsewhere = `${browser.origin}/auth/elsewhere`
      expect(new URL(authorizationURL).searchParams.get('redirect_uri')).toBe(elsewhere)
      const callback = await hub.signIn(authorizationURL, 'ada')
      expect(callback.startsWith(`${elsewhere}?`)).toBe(true)
      expect(await browser.visit(callback)).toMatchObject({ status: 200, json: { user: { username: 'ada' } } })
      expect(tokenRequests()).toMatchObject([{ body: { redirect_uri: elsewhere } }])
    })

    test("hands the Hub's trouble to the app's error handling", async () => {
      const browser = await start()
      const callback = await hub.signIn(await browser.begin(), 'ada')
      hub.faults = { token: { status: 503, body: 'down for maintenance' } }
      const { status, text } = await browser.visit(callback)
      expect(status).toBe(502)
      expect(text).not.toContain(client.clientSecret)
    })
  })
}

export function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]))
}
