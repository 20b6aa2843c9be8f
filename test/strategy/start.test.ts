import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { type HuggingFaceAuthenticateOptions, HuggingFaceStrategy, type HuggingFaceStrategyOptions } from '../../lib/index'
import { clientID, clientSecret, type RawHub } from '../support/raw-hub'
import { authenticate, begin, callbackURL, finish, startRawHub, strategyFor, watchSignIns } from '../support/sign-in'

watchSignIns()

let hub: RawHub
beforeEach(async () => {
  hub = await startRawHub()
})

const urlOf = async (options?: Partial<HuggingFaceStrategyOptions>, perRequest?: HuggingFaceAuthenticateOptions) =>
  (await begin(strategyFor(hub, options).strategy, perRequest)).url
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

  test('gets a state and a challenge of their own', async () => {
    const { strategy } = strategyFor(hub)
    const [one, two] = [query((await begin(strategy)).url), query((await begin(strategy)).url)]
    expect(one['state']).not.toBe(two['state'])
    expect(one['code_challenge']).not.toBe(two['code_challenge'])
  })

  test('gets a redirect that no cache keeps', async () => {
    const res = new ServerResponse(new IncomingMessage(new Socket()))
    await authenticate(strategyFor(hub).strategy, { url: '/auth/huggingface', res })
    expect(res.getHeader('Cache-Control')).toBe('no-store')
  })

  test('reaches an authorization endpoint that has a query of its own', async () => {
    const authorizationURL = 'https://login.example/a?tenant=1&prompt=none&client_id=x'
    const url = await urlOf({ authorizationURL }, { prompt: 'consent' })
    expect(url.href).toMatch(/^https:\/\/login\.example\/a\?tenant=1&/)
    const values = ['prompt', 'client_id'].map((name) => url.searchParams.getAll(name))
    expect(values).toEqual([['consent'], [clientID]])
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
    ['openid profile email', 'openid profile email'],
    [' openid   email ', 'openid email'],
    [['openid', 'profile'], 'openid profile'],
    [['openid profile', 'email'], 'openid profile email'],
    [['email', 'email'], 'email'],
  ])('%j is sent as %p, for every sign-in or for one', async (scope, sent) => {
    expect((await urlOf({ scope: scope as string })).searchParams.get('scope')).toBe(sent)
    expect((await urlOf({ scope: 'jobs' }, { scope: scope as string })).searchParams.get('scope')).toBe(sent)
  })

  test.each<[Partial<HuggingFaceStrategyOptions>, HuggingFaceAuthenticateOptions]>([
    [{ scope: 'openid' }, {}],
    [{ scope: 'profile' }, { scope: ['email', 'openid'] }],
    [{ scope: 'profile', profileSource: 'id_token' }, {}],
    [{ profileSource: 'id_token' }, { scope: 'profile' }],
  ])('%j and %j ask for an ID token, with the challenge as its nonce', async (options, perRequest) => {
    const { scope, nonce, code_challenge } = query(await urlOf(options, perRequest))
    expect(scope?.split(' ')).toContain('openid')
    expect(nonce).toBe(code_challenge)
  })

  test.each(['', [], 'openid,profile', [7]])('%j for one sign-in is an error', async (scope) => {
    const outcome = await authenticate(strategyFor(hub).strategy, { url: '/' }, { scope: scope as string })
    expect(outcome).toMatchObject({ action: 'error', args: [{ name: 'TypeError' }], cookie: '' })
  })
})

describe('the callback URL', () => {
  test('may be given for one sign-in, and is repeated to the token endpoint', async () => {
    const elsewhere = 'https://other.example/callback'
    const { strategy } = strategyFor(hub, { callbackURL: undefined })
    expect(query((await begin(strategy, { callbackURL: elsewhere })).url)['redirect_uri']).toBe(elsewhere)
    const { url, cookie } = await begin(strategy, { callbackURL: elsewhere.replace('https', 'http') })
    expect(await finish(hub, strategy, url, cookie)).toMatchObject({ action: 'success' })
    expect(hub.to('token')[0]?.form.get('redirect_uri')).toBe('http://other.example/callback')
  })

  test.each<[string, string | undefined]>([
    ['missing', undefined],
    ['empty', ''],
    ['without a scheme', 'app.example:3000/callback'],
  ])('that is %s is an error before anybody is sent to the Hub', async (_, callbackURL) => {
    const { strategy } = strategyFor(hub, { callbackURL: undefined })
    const outcome = await authenticate(strategy, { url: '/auth/huggingface' }, { callbackURL })
    expect(outcome).toMatchObject({ action: 'error', args: [{ name: 'TypeError' }], cookie: '' })
  })

  test('that is relative needs a usable host', async () => {
    const { strategy } = strategyFor(hub, { callbackURL: '/cb' })
    const outcome = await authenticate(strategy, { url: '/', headers: { host: 'app.example/<' } })
    expect(outcome).toMatchObject({ action: 'fail', args: [{ code: 'invalid_host' }, 400] })
  })

  test.each<[object, string]>([
    [{ encrypted: true }, 'https://app.example/cb'],
    [{}, 'http://app.example/cb'],
  ])('that is relative follows the socket of plain Node.js, %j', async (socket, expected) => {
    const { strategy } = strategyFor(hub, { callbackURL: '/cb' })
    const { args } = await authenticate(strategy, { url: '/', headers: { host: 'app.example' }, socket })
    expect(new URL(String(args[0])).searchParams.get('redirect_uri')).toBe(expected)
  })
})

describe('a sign-in in progress', () => {
  const publicApp = () => new HuggingFaceStrategy({ clientID, callbackURL, hubURL: hub.url }, async () => 'somebody')

  test.each<[string, () => HuggingFaceStrategy, object]>([
    ['a secret', publicApp, {}],
    ['a response', () => strategyFor(hub).strategy, { res: undefined }],
  ])('without %s is kept in the session, or is an error if there is none', async (_, strategyOf, request) => {
    const session = {}
    const strategy = strategyOf()
    expect(await authenticate(strategy, { url: '/', session, ...request })).toMatchObject({ action: 'redirect', cookie: '' })
    expect(Object.keys(session)).toHaveLength(1)
    expect(await authenticate(strategy, { url: '/', ...request })).toMatchObject({ action: 'error', cookie: '' })
  })

  test('of a public app is kept in a cookie if the app has a stateSecret', async () => {
    const options = { clientSecret: undefined, stateSecret: clientSecret }
    expect((await begin(strategyFor(hub, options).strategy)).cookie).toMatch(/^hf-signin\./)
  })
})

test.each([
  ['HEAD', { method: 'HEAD' }],
  ['a prefetch', { headers: { 'sec-purpose': 'prefetch;prerender' } }],
  ['an older prefetch', { headers: { purpose: 'prefetch' } }],
])('%s begins nothing and uses up nothing', async (_, request) => {
  const { strategy } = strategyFor(hub)
  const refused = { action: 'fail', args: [{ code: 'prefetched' }, 425], cookie: '' }
  expect(await authenticate(strategy, { url: '/auth/huggingface', ...request })).toMatchObject(refused)
  const { url, cookie } = await begin(strategy)
  const callback = { url: `/cb?code=opaque&state=${url.searchParams.get('state')}`, cookie }
  expect(await authenticate(strategy, { ...callback, ...request })).toMatchObject(refused)
  expect(await authenticate(strategy, callback)).toMatchObject({ action: 'success' })
})
