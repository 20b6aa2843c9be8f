import { once } from 'node:events'
import http, { type RequestListener } from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { RequestHandler } from 'express'
import { HuggingFaceStrategy, type HuggingFaceStrategyOptions } from '../../lib'
import { type Hub, startHub } from '../../testing'
import { Browser, toPort } from '../support/browser'
import apps from './apps'

const callbackPath = '/auth/huggingface/callback'
const client = { clientID: 'an-app', clientSecret: 'the secret of an app' }
const publicOrigin = 'https://app.example'
const people = ['ada', 'bo', 'cy', 'dee', 'eli']

let hub: Hub
const atEnd: (() => unknown)[] = []
beforeAll(async () => {
  const redirectURIs = ['http://127.0.0.1', publicOrigin].map((origin) => origin + callbackPath)
  hub = await startHub({ clients: [{ ...client, redirectURIs }], people: people.map((username) => ({ username })) })
})
afterEach(() => {
  hub.faults = {}
  hub.requests.length = 0
})
afterAll(async () => {
  for (const close of atEnd) close()
  await hub.close()
})

/** Made of what apps.js has names for. */
type Config = Record<string, unknown> & { host?: keyof typeof apps; strategy?: Partial<HuggingFaceStrategyOptions> }

/** Starts an app. Resolves with its origin, and with what its error handler is going to get. */
async function start({ host = 'express', strategy: changed, ...config }: Config, create: typeof http | typeof http2 = http) {
  // node:http has no setting for it
  const proxy = host === 'http' && config['trustProxy'] !== undefined
  const all = { ...client, hubURL: hub.url, callbackURL: callbackPath, scope: 'openid profile', timeout: 5000, proxy, ...changed }
  const strategy = new HuggingFaceStrategy(all, async (_accessToken, _refreshToken, { id, username }) => ({ id, username }))
  const errors: unknown[] = []
  const listener: RequestListener = await apps[host](strategy, { ...config, errors })
  const server = create.createServer(listener)
  atEnd.push(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, errors }
}
const tokenRequests = () => hub.requests.filter(({ endpoint }) => endpoint === 'token')
/** Begins a sign-in and consents to it. Returns the callback that the Hub sends the browser to. */
const begin = async (browser: Browser, username = 'ada', kept = '') =>
  hub.signIn(await browser.begin(`/auth/huggingface?kept=${kept}`), username)
/** Follows a callback that begins again at the Hub, and consents there. */
const beginAgain = async (browser: Browser, callback: string, username: string) => {
  const { status, location = '' } = await browser.visit(callback)
  expect([status, location.startsWith(`${hub.url}/oauth/authorize?`)]).toEqual([302, true])
  return hub.signIn(location, username)
}
const signedIn = (username: string, info: object = {}) => ({ status: 200, json: { user: { username }, info } })

const expressSession = require('express-session')({ secret: 'of sessions', resave: false, saveUninitialized: false })
const cookieSession = require('cookie-session')({ secret: 'of sessions', sameSite: 'lax' })
/** Passport 0.7 calls two methods that cookie-session does not have. */
const shim: RequestHandler = (req, _res, next) => {
  const call = (done: () => void) => done()
  for (const name of ['regenerate', 'save']) Object.defineProperty(req.session, name, { value: call })
  next()
}

describe.each<[string, Config]>([
  ['Express 5 with express-session', { session: [expressSession] }],
  ['Express 5 with cookie-session', { session: [cookieSession, shim] }],
  ['Express 5 with passport.authenticate(instance)', { byInstance: true }],
  ['Express 4 without a session', { host: 'express4' }],
  ['Fastify 5 with @fastify/secure-session', { host: 'fastify', session: true }],
  ['Fastify 5 with request.res and no session', { host: 'fastify' }],
  ['Koa 3 without a session', { host: 'koa' }],
  ['node:http', { host: 'http' }],
])('%s', (_, config) => {
  let origin: string
  let browser: Browser
  beforeAll(async () => {
    origin = (await start(config)).origin
  })
  beforeEach(() => {
    browser = new Browser(origin)
  })

  test('signs a person in once, and the state of the app comes back', async () => {
    const callback = await begin(browser, 'ada', '/models')
    expect(await browser.visit(callback)).toMatchObject(signedIn('ada', { state: '/models' }))
    // nothing of the sign-in stays behind
    expect(browser.jar.header(origin)).not.toContain('hf-signin')
    expect(await browser.visit(callback)).toMatchObject({ status: 403 })
    expect(tokenRequests()).toHaveLength(1)
    if (config['session']) expect(await browser.visit('/me')).toMatchObject({ json: { username: 'ada' } })
  })

  test('begins again for a callback that is forged or of another browser, and the sign-in in progress stays', async () => {
    const callback = await begin(browser)
    expect(await browser.visit(`${callbackPath}?code=stolen`)).toMatchObject({ status: expect.any(Number), location: undefined })
    const again = await beginAgain(browser, `${callbackPath}?code=stolen&state=wrong`, 'bo')
    const other = new Browser(origin)
    const own = await beginAgain(other, callback, 'cy')
    expect(tokenRequests()).toEqual([])
    expect(await browser.visit(callback)).toMatchObject(signedIn('ada'))
    expect(await browser.visit(again)).toMatchObject(signedIn('bo'))
    expect(await other.visit(own)).toMatchObject(signedIn('cy'))
  })

  test('finishes five tabs in any order, keeps 4 KB of cookies at most, and begins an older tab again', async () => {
    const tabs: string[] = []
    for (const state of [0, 1, 2, 3, 4, 5, 6]) tabs.push(await browser.begin(`/auth/huggingface?kept=${state}`))
    expect(browser.jar.sentTo(origin).length).toBeLessThanOrEqual(5)
    expect(browser.jar.header(origin).length).toBeLessThan(4096)
    for (const state of [4, 2, 6, 3, 5]) {
      expect(await browser.visit(await hub.signIn(tabs[state] ?? '', 'ada'))).toMatchObject(signedIn('ada', { state: String(state) }))
    }
    await beginAgain(browser, await hub.signIn(tabs[0] ?? '', 'ada'), 'ada')
  })

  test('gives everybody who comes back at the same moment their own account', async () => {
    const tabs = await Promise.all(
      people.map(async (username) => {
        const own = new Browser(origin)
        return { own, username, callback: await begin(own, username, username) }
      }),
    )
    hub.faults = { userinfo: { delay: 20 } }
    const pages = await Promise.all(tabs.map(({ own, callback }) => own.visit(callback)))
    expect(pages).toMatchObject(people.map((username) => signedIn(username, { state: username })))
    for (const { own, username } of config['session'] ? tabs : []) expect(await own.visit('/me')).toMatchObject({ json: { username } })
  })

  test('resolves a relative callbackURL by the headers of a proxy only if it is trusted, and signs in over https', async () => {
    for (const headers of [
      { 'x-forwarded-host': 'evil.example, app.example', 'x-forwarded-proto': 'https, http', 'x-forwarded-port': '444' },
      { forwarded: 'host=evil.example;proto=https', 'x-original-host': 'evil.example' },
    ]) {
      const { searchParams } = new URL(await browser.begin('/auth/huggingface', { headers }))
      expect(searchParams.get('redirect_uri')).toBe(origin + callbackPath)
    }
    const app = await start({ ...config, trustProxy: 'loopback' })
    const proxied = new Browser(publicOrigin, toPort(new URL(app.origin).port))
    const headers = { host: 'app.internal', 'x-forwarded-host': 'app.example', 'x-forwarded-proto': 'https' }
    const callback = await hub.signIn(await proxied.begin('/auth/huggingface', { headers }), 'ada')
    expect(await proxied.visit(callback, { headers })).toMatchObject(signedIn('ada'))
    expect(tokenRequests()).toMatchObject([{ body: { redirect_uri: publicOrigin + callbackPath } }])
  })

  test('passes a failure of the Hub to the app, and does not send the code again when the page is reloaded', async () => {
    const callback = await begin(browser)
    hub.faults = { token: { status: 503, body: 'down for maintenance' } }
    expect(await browser.visit(callback)).toMatchObject({ status: 502 })
    hub.faults = {}
    expect(await browser.visit(callback)).toMatchObject({ status: 403 })
    expect(tokenRequests()).toHaveLength(1)
  })
})

test('over HTTP/2, where the host is in :authority, a person signs in', async () => {
  const { origin: url } = await start({ host: 'http' }, http2)
  const session = http2.connect(url)
  atEnd.push(() => session.destroy())
  const visit = async (target: string, cookie = '') => {
    const { pathname, search } = new URL(target, url)
    const stream = session.request({ ':path': pathname + search, cookie })
    const [{ location, 'set-cookie': cookies }] = await once(stream, 'response')
    return { location, cookies, text: (await stream.setEncoding('utf8').toArray()).join('') }
  }
  const { location, cookies } = await visit('/auth/huggingface')
  const callback = await hub.signIn(location, 'ada')
  expect(callback.startsWith(url + callbackPath)).toBe(true)
  expect(await visit(callback, cookies[0].split(';')[0])).toMatchObject({ text: expect.stringContaining('"username":"ada"') })
})

describe.each(['express', 'express4'] as const)('in %s, a callbackURL', (host) => {
  const redirectURI = async (config: Config, headers: Record<string, string>, path = '/auth/huggingface') => {
    const { origin } = await start({ ...config, host })
    return new URL(await new Browser(origin).begin(path, { headers })).searchParams.get('redirect_uri')
  }

  test.each([
    ['./huggingface/callback', '/en/auth/huggingface/callback'],
    ['/auth/callback', '/auth/callback'],
    ['?callback', '/en/auth/?callback'],
    ['https://app.example/callback', 'https://app.example/callback'],
  ])('starts where the router is mounted, or at the root, and an absolute one stays: %s', async (callbackURL, expected) => {
    for (const at of ['app.example:8443', '[::1]:3000']) {
      const uri = await redirectURI({ mount: '/en/auth', strategy: { callbackURL } }, { host: at }, '/en/auth/huggingface')
      expect(uri).toBe(new URL(expected, `http://${at}`).href)
    }
  })

  test.each([
    ['10.0.0.0/8', 'http://app.internal'],
    ['loopback', 'https://app.example'],
  ])('that is relative believes the first of several proxies only if "trust proxy" trusts the peer: %s', async (trustProxy, origin) => {
    const headers = { host: 'app.internal', 'x-forwarded-host': 'app.example, inner.example', 'x-forwarded-proto': 'https, http' }
    expect(await redirectURI({ trustProxy }, headers)).toBe(origin + callbackPath)
  })
})

const fail = () => {
  throw new Error('no such luck')
}
const breakSession: RequestHandler = (req, _res, next) => {
  req.session.regenerate = fail
  next()
}
test.each<[string, Config]>([
  ['failureFlash without flash', { options: { failureFlash: true } }],
  ['a session that cannot be regenerated', { session: [expressSession, breakSession] }],
  ['a callback that throws', { callback: fail }],
  ['a callback that rejects, in Express 4', { host: 'express4', callback: async () => fail() }],
  ['a callback that rejects, in node:http', { host: 'http', callback: async () => fail() }],
  ['a callback that throws, by instance', { byInstance: true, callback: fail }],
])('%s is an error page, and no more', async (_, config) => {
  const { origin, errors } = await start(config)
  const browser = new Browser(origin)
  const callback = await hub.signIn(await browser.begin(), 'ada', { deny: config['options'] !== undefined })
  expect(await browser.visit(callback)).toMatchObject({ status: 500, json: { isError: true } })
  expect(errors).toHaveLength(1)
  // the next visitor gets a page too
  await browser.begin()
})

test('cookie-session without what Passport needs is an error that explains the one of Passport', async () => {
  const { origin, errors } = await start({ session: [cookieSession] })
  const browser = new Browser(origin)
  expect(await browser.visit(await begin(browser))).toMatchObject({ status: 500 })
  expect(errors).toMatchObject([{ cause: { message: expect.stringContaining('req.session.regenerate') } }])
})

test('the keys that one strategy has fetched serve no other', async () => {
  const [first, second] = [new Browser((await start({})).origin), new Browser((await start({})).origin)]
  expect(await first.visit(await begin(first))).toMatchObject(signedIn('ada'))
  hub.faults = { jwks: { status: 500 } }
  expect(await second.visit(await begin(second))).toMatchObject({ status: 502, json: { phase: 'jwks' } })
  expect(await first.visit(await begin(first))).toMatchObject(signedIn('ada'))
})
