import { describe, expect, test } from '@jest/globals'
import type { HuggingFaceAuthenticateOptions, HuggingFaceStrategyOptions } from '../../lib/index'
import { clientID } from '../support/raw-hub'
import { authenticate, begin, callbackURL, strategyFor as strategyAt, type TestRequest, watchSignIns } from '../support/sign-in'

watchSignIns()

/** At a hub that is not asked: nobody listens there. */
const hub = { url: 'http://127.0.0.1:1' }
const strategyFor = (options: Partial<HuggingFaceStrategyOptions> = {}) => strategyAt(hub, options).strategy
const urlOf = async (options?: Partial<HuggingFaceStrategyOptions>, perRequest?: HuggingFaceAuthenticateOptions) =>
  (await begin(strategyFor(options), perRequest)).url
const query = (url: URL) => Object.fromEntries(url.searchParams)

describe('a person who clicks "Sign in"', () => {
  test('is sent to the Hub, with PKCE and a state that the app did not ask for', async () => {
    const url = await urlOf({ scope: undefined })
    expect(url.origin + url.pathname).toBe(`${hub.url}/oauth/authorize`)
    expect(query(url)).toEqual({
      response_type: 'code',
      client_id: clientID,
      redirect_uri: callbackURL,
      scope: 'profile',
      state: expect.stringMatching(/^[\w-]+\.[\w-]{22}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    })
  })

  test('gets a state, a challenge and a nonce of their own', async () => {
    const strategy = strategyFor()
    const [one, two] = [query((await begin(strategy)).url), query((await begin(strategy)).url)]
    for (const name of ['state', 'code_challenge', 'nonce']) expect(one[name]).not.toBe(two[name])
  })

  test('gets a redirect that no cache keeps', async () => {
    const { res } = await authenticate(strategyFor())
    expect(res.getHeader('Cache-Control')).toBe('no-store')
  })

  test('reaches an authorization endpoint that has a query of its own', async () => {
    const authorizationURL = 'https://login.example/a?tenant=1&prompt=none&client_id=x'
    const url = await urlOf({ authorizationURL }, { prompt: 'consent' })
    expect(url.href).toMatch(/^https:\/\/login\.example\/a\?tenant=1&/)
    expect(['prompt', 'client_id'].map((name) => url.searchParams.getAll(name))).toEqual([['consent'], [clientID]])
  })

  test.each<[string, string[], HuggingFaceAuthenticateOptions]>([
    ['prompt', ['consent'], { prompt: 'consent' }],
    ['orgIds', ['org-1'], { orgIds: 'org-1' }],
    ['orgIds', ['org-1', 'org-2'], { orgIds: ['org-1', 'org-2'] }],
    ['orgIds', [], {}],
  ])('is asked with %s %j', async (name, values, options) => {
    expect((await urlOf({}, options)).searchParams.getAll(name)).toEqual(values)
  })
})

describe('the scope', () => {
  test.each<[unknown, string]>([
    [' openid   email ', 'openid email'],
    [['openid', 'profile'], 'openid profile'],
    [['openid profile', 'email'], 'openid profile email'],
    [['email', 'email'], 'email'],
  ])('%j is sent as %p, for every sign-in or for one', async (scope, sent) => {
    expect((await urlOf({ scope: scope as string })).searchParams.get('scope')).toBe(sent)
    expect((await urlOf({ scope: 'jobs' }, { scope: scope as string })).searchParams.get('scope')).toBe(sent)
  })

  test.each<[Partial<HuggingFaceStrategyOptions>, HuggingFaceAuthenticateOptions, boolean]>([
    [{ scope: 'openid' }, {}, true],
    [{ scope: 'profile' }, { scope: ['email', 'openid'] }, true],
    [{ scope: 'profile', profileSource: 'id_token' }, {}, true],
    [{ profileSource: 'id_token' }, { scope: 'profile' }, true],
    [{ scope: 'openid' }, { scope: 'openid-2' }, false],
  ])('%j and %j ask for an ID token, with the challenge as its nonce (Core 15.5.2): %j', async (options, perRequest, asks) => {
    const { scope, nonce, code_challenge } = query(await urlOf(options, perRequest))
    expect(scope?.split(' ').includes('openid')).toBe(asks)
    expect(nonce).toBe(asks ? code_challenge : undefined)
  })
})

describe('a callback URL that is relative', () => {
  const hidden = { 'x-forwarded-host': ' app.example , inner', 'x-forwarded-proto': ' https , http' }
  const forwarded = { host: 'inner', ...hidden }
  /** Express's setting: whether it trusts a proxy at this address. */
  const express = (trusts: (address: string, hop: number) => unknown) => ({ get: (name: string) => name === 'trust proxy fn' && trusts })
  const trusting = express((address, hop) => address === '10.0.0.1' && hop === 0)
  const proxy = { remoteAddress: '10.0.0.1' }

  test.each<[string, TestRequest, string, Partial<HuggingFaceStrategyOptions>?]>([
    ['TLS of Node.js', { socket: { encrypted: true } }, 'https://plain/cb'],
    ['plain Node.js behind a proxy', { headers: forwarded }, 'http://inner/cb'],
    ['plain Node.js, if the app trusts its proxy', { headers: forwarded }, 'https://app.example/cb', { proxy: true }],
    ['a proxy that says nothing', { socket: { encrypted: true } }, 'https://plain/cb', { proxy: true }],
    ['HTTP/2', { headers: { host: undefined, ':authority': 'app.example' } }, 'http://app.example/cb'],
    ['Express', { app: trusting, headers: forwarded, host: 'evil.example', protocol: 'https', socket: {} }, 'https://inner/cb'],
    ['Express, if it trusts the proxy', { app: trusting, headers: forwarded, socket: proxy }, 'https://app.example/cb'],
    ['Express, if its setting is no decision', { app: express(() => 'no'), headers: forwarded, socket: proxy }, 'http://inner/cb'],
    ['Fastify', { host: 'app.example', protocol: 'https' }, 'https://app.example/cb'],
    ['Koa', { app: {}, ctx: { host: 'app.example', protocol: 'https' }, protocol: 'http' }, 'https://app.example/cb'],
    ['the place of a router', { baseUrl: '/auth' }, 'http://plain/auth/back', { callbackURL: 'back' }],
    ['no host if it is absolute', { headers: { host: '' } }, callbackURL, { callbackURL }],
  ])('follows %s', async (_, { headers, ...request }, expected, options = {}) => {
    const strategy = strategyFor({ callbackURL: '/cb', ...options })
    const { args } = await authenticate(strategy, { headers: { host: 'plain', ...headers }, ...request })
    expect(query(new URL(String(args[0])))['redirect_uri']).toBe(expected)
  })

  test.each<[string | undefined, string?]>([
    [undefined],
    [''],
    ['app.example/evil'],
    ['user@evil.example'],
    ['evil.example\\@app.example'],
    ['app.example:99999'],
    ['a b'],
    ['app.example', 'ssh+https'],
  ])('begins nothing at the host "%s"', async (host, protocol = 'http') => {
    const { action, args } = await authenticate(strategyFor({ callbackURL: '/cb' }), { headers: { host }, protocol })
    expect([action, args]).toEqual(['fail', [expect.objectContaining({ code: 'invalid_host' }), 400]])
  })
})

test.each<HuggingFaceAuthenticateOptions>([
  ...['', [], 'openid,profile', [7]].map((scope) => ({ callbackURL, scope: scope as string })),
  ...[undefined, '', 'app.example:3000/callback'].map((each) => ({ callbackURL: each })),
])('with %j nobody is sent to the Hub', async (options) => {
  const outcome = await authenticate(strategyFor({ callbackURL: undefined }), {}, options)
  expect(outcome).toMatchObject({ action: 'error', args: [{ name: 'TypeError' }], cookie: '' })
})

test.each([
  ['HEAD', { method: 'HEAD' }],
  ['a prefetch', { headers: { 'sec-purpose': 'prefetch' } }],
  ['a prerendering', { headers: { 'sec-purpose': 'Prerender' } }],
  ['an older prefetch', { headers: { purpose: 'prefetch' } }],
])('%s begins nothing', async (_, request) => {
  const outcome = await authenticate(strategyFor(), request)
  expect(outcome).toMatchObject({ action: 'fail', args: [{ code: 'prefetched' }, 425], cookie: '' })
})
