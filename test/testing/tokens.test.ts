import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { type EndpointFault, type Hub, startHub } from '../../testing'
import { callbackURL, idTokenParts, type Json, OAuthApp } from '../support/oauth-app'

const people = [
  { username: 'cy', email: 'cy@example.com', grant: ['openid', 'profile'] },
  { username: 'before', claims: { hobby: 'chess', isPro: 'perhaps' } },
]
const scopes = ['openid', 'profile']
const small = { clientID: 'small', clientSecret: 's', redirectURIs: [callbackURL], scopes }

let hub: Hub
let own: Hub
let app: OAuthApp
let ownApp: OAuthApp
beforeAll(async () => {
  hub = await startHub()
  own = await startHub({ clients: [small], people })
  app = new OAuthApp(hub)
  ownApp = new OAuthApp(own)
})
afterEach(() => {
  hub.faults = {}
  jest.restoreAllMocks()
})
afterAll(() => Promise.all([hub.close(), own.close()]))

const invalidGrant = { status: 400, error: 'invalid_grant' }
const badToken = { status: 401, error: 'Invalid credentials in Authorization header' }

test('tokens look like those of the Hub', async () => {
  expect(await app.tokens('ada')).toMatchObject({
    token_type: 'bearer',
    expires_in: 28800,
    scope: 'openid profile email',
    access_token: expect.stringMatching(/^hf_oauth_[\w-]{500}$/),
    refresh_token: expect.stringMatching(/^hf_oauth__refresh_[\w-]{34}$/),
  })
})

test('an app without a secret gets tokens and refreshes them', async () => {
  const open = new OAuthApp(hub, hub.clients[1])
  expect(await open.refresh(await open.tokens('bo'))).toMatchObject({ status: 200, token_type: 'bearer' })
})

test('an app may send its secret in the body, and it has to be right', async () => {
  const inBody = new OAuthApp(hub, { clientID: 'local-app' })
  const redeem = async (secret: string) => inBody.redeem((await inBody.signIn('ada'))['code'], { client_secret: secret })
  expect(await redeem('local-app-secret')).toHaveProperty('status', 200)
  for (const failure of [redeem('wrong'), new OAuthApp(hub, { clientID: 'local-app', clientSecret: 'wrong' }).redeem('any')]) {
    expect(await failure).toMatchObject({ status: 401, error: 'invalid_client' })
  }
})

test('a code is worth nothing to who does not have its verifier', async () => {
  expect(await app.redeem((await new OAuthApp(hub).signIn('ada'))['code'])).toMatchObject(invalidGrant)
})

test('a code that is used twice revokes the tokens of its own sign-in only', async () => {
  const other = await app.tokens('ada')
  const { code } = await app.signIn('ada')
  const tokens = await app.redeem(code)
  expect(await app.redeem(code)).toMatchObject(invalidGrant)
  expect(await app.userinfo(tokens)).toEqual(badToken)
  expect(await app.refresh(tokens)).toMatchObject(invalidGrant)
  expect(await app.userinfo(other)).toHaveProperty('status', 200)
})

test('each refresh kills the old refresh token and starts three new months', async () => {
  const start = Date.now()
  const now = jest.spyOn(Date, 'now')
  const after = (days: number) => now.mockReturnValue(start + days * 24 * 60 * 60 * 1000)
  const first = await app.tokens('ada')
  after(89)
  const second = await app.refresh(first)
  expect(second).toMatchObject({ token_type: 'bearer', scope: first['scope'] })
  after(178)
  const third = await app.refresh(second)
  expect(await app.userinfo(third)).toHaveProperty('preferred_username', 'ada')
  expect(await app.refresh(second)).toMatchObject(invalidGrant)
  const late = await app.tokens('ada')
  after(178 + 91)
  expect(await app.refresh(late)).toMatchObject(invalidGrant)
})

test.each(['openid email', 'profile no-such-scope', 'openid offline_access'])('an app cannot ask for "%s"', async (scope) => {
  expect(await ownApp.signIn('cy', { scope })).toMatchObject({ error: 'invalid_scope', state: 'some state' })
})

test('an app that asks for no scope gets all that it may ask for', async () => {
  expect(await ownApp.tokens('before', { scope: undefined })).toHaveProperty('scope', 'openid profile')
  const all = await app.tokens('ada', { scope: undefined })
  expect(String(all['scope']).split(' ')).toEqual(expect.arrayContaining(['read-billing', 'jobs', 'write-network-security']))
})

test('a person may grant a part of the scopes, or nothing', async () => {
  const other = await startHub({ people })
  const wanting = new OAuthApp(other)
  for (const _ of ['asked', 'remembered']) {
    const tokens = await wanting.tokens('cy', { scope: 'openid email profile jobs' })
    expect(String(tokens['scope']).split(' ').sort()).toEqual(scopes)
    for (const claims of [await wanting.userinfo(tokens), idTokenParts(tokens)[1]]) expect(claims).not.toHaveProperty('email')
  }
  expect(await wanting.signIn('cy', { scope: 'jobs' })).toHaveProperty('error', 'access_denied')
  await other.close()
})

describe('claims', () => {
  const ada = {
    sub: expect.stringMatching(/^[0-9a-f]{24}$/),
    name: 'Ada Moreno',
    preferred_username: 'ada',
    profile: expect.stringMatching(/\/ada$/),
    picture: expect.stringMatching(/\/avatars\/ada\.svg$/),
    website: 'https://ada.example',
    email: 'ada@example.com',
    email_verified: true,
  }
  const pro = { sub: ada.sub, isPro: true, orgs: expect.any(Array) }
  const { website: _, ...none } = { ...ada, name: 'emi', preferred_username: 'emi', isPro: false, orgs: [] }
  const emi = { ...none, profile: expect.any(String), picture: expect.any(String), email: undefined, email_verified: undefined }

  test.each<[string, string, Json]>([
    ['ada', 'openid', pro],
    ['ada', 'profile email', { ...ada, ...pro }],
    ['ada', 'openid read-billing', { ...pro, canPay: true }],
    ['emi', 'openid profile email', emi],
    ['chidi', 'email', { sub: ada.sub, email: 'chidi@example.com', email_verified: false, isPro: false, orgs: [] }],
    ['dana', 'email', { sub: ada.sub, email: null, email_verified: false, isPro: false, orgs: [] }],
  ])('%s with the scopes "%s" has those of the Hub in userinfo', async (username, scope, claims) => {
    const tokens = await app.tokens(username, { scope })
    expect(await app.userinfo(tokens)).toEqual({ status: 200, ...claims })
    expect('id_token' in tokens).toBe(scope.includes('openid'))
  })

  test('an ID token has who the person is, and nothing more', async () => {
    const [header, claims] = idTokenParts(await app.tokens('ada', { nonce: 'a nonce' }))
    expect(header).toEqual({ alg: 'RS256', kid: expect.any(String) })
    const times = { auth_time: expect.any(Number), iat: expect.any(Number), exp: Number(claims?.['iat']) + 3600 }
    expect(claims).toEqual({ ...ada, ...times, nonce: 'a nonce', aud: 'local-app', iss: hub.url })
  })

  test('a person who is renamed keeps their sub, and may have any claim', async () => {
    const tokens = await ownApp.tokens('before', { scope: 'openid profile' })
    const { sub } = await ownApp.userinfo(tokens)
    Object.assign(own.people[1] ?? {}, { username: 'after' })
    expect(await ownApp.userinfo(tokens)).toMatchObject({ preferred_username: 'after', sub, hobby: 'chess', isPro: 'perhaps' })
  })

  test.each(['', 'Bearer hf_oauth_made_up', 'Basic YTpi'])('nobody gets them with "%s"', async (authorization) => {
    const res = await fetch(`${hub.url}/oauth/userinfo`, { headers: { authorization } })
    expect({ status: res.status, ...((await res.json()) as Json) }).toEqual(badToken)
  })
})

test('two Hubs share nothing', async () => {
  expect(await ownApp.userinfo(await app.tokens('ada'))).toEqual(badToken)
  const keys = async ({ url }: Hub) => ((await (await fetch(`${url}/oauth/jwks`)).json()) as { keys: Json[] }).keys
  const [[key], [ownKey]] = [await keys(hub), await keys(own)]
  expect(key).toMatchObject({ kty: 'RSA', kid: idTokenParts(await app.tokens('ada'))[0]?.['kid'] })
  expect(key).not.toHaveProperty('d')
  expect(key?.['kid']).not.toBe(ownKey?.['kid'])
})

test('the discovery document has the addresses of the Hub', async () => {
  expect(await (await fetch(`${hub.url}/.well-known/openid-configuration`)).json()).toMatchObject({
    issuer: hub.url,
    authorization_endpoint: `${hub.url}/oauth/authorize`,
    token_endpoint: `${hub.url}/oauth/token`,
    userinfo_endpoint: `${hub.url}/oauth/userinfo`,
    jwks_uri: `${hub.url}/oauth/jwks`,
  })
})

test('a test reads the requests of an app, with their forms', async () => {
  hub.requests.length = 0
  await app.userinfo(await app.tokens('ada'))
  const authorization = expect.stringMatching(/^Bearer hf_oauth_/)
  expect(hub.requests).toMatchObject([
    { endpoint: 'authorize' },
    { endpoint: 'token', body: { grant_type: 'authorization_code', redirect_uri: callbackURL } },
    { endpoint: 'userinfo', headers: { authorization } },
  ])
})

test('codes have expired, and refresh tokens have not', async () => {
  const tokens = await app.tokens('ada')
  hub.faults = { expireCode: true }
  expect(await app.tokens('ada')).toMatchObject(invalidGrant)
  expect(await app.refresh(tokens)).toHaveProperty('status', 200)
})

describe.each(['token', 'userinfo', 'jwks'] as const)('the %s endpoint', (endpoint) => {
  const form = { method: 'POST', body: new URLSearchParams({ any: 'form' }) }
  const send = () => fetch(`${hub.url}/oauth/${endpoint}`, endpoint === 'token' ? form : {})

  test.each<[string, EndpointFault, number, string]>([
    ['a status and a text', { status: 503, body: 'down', headers: { 'retry-after': '7' } }, 503, 'down'],
    ['any JSON', { body: { keys: [] } }, 200, '{"keys":[]}'],
    ['a status alone', { status: 500 }, 500, '{"error":"Fault with status 500"}'],
  ])('responds with %s', async (_, fault, status, text) => {
    hub.faults = { [endpoint]: fault }
    const res = await send()
    expect([res.status, await res.text()]).toEqual([status, text])
    expect(res.headers.get('retry-after')).toBe(fault.headers?.['retry-after'] ?? null)
    expect(res.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('breaks off in the middle of the response', async () => {
    hub.faults = { [endpoint]: { cut: true } }
    const res = await send()
    await expect(res.text()).rejects.toThrow('terminated')
  })

  test('responds as usual, only later', async () => {
    const { status } = await send()
    hub.faults = { [endpoint]: { delay: 30 } }
    const start = performance.now()
    expect((await send()).status).toBe(status)
    expect(performance.now() - start).toBeGreaterThan(25)
  })
})

test('a Hub that hangs or is slow closes at once', async () => {
  const closing = await startHub()
  closing.faults = { userinfo: { hang: true }, jwks: { delay: 60_000 } }
  const pending = ['userinfo', 'jwks'].map((endpoint) => expect(fetch(`${closing.url}/oauth/${endpoint}`)).rejects.toThrow('fetch failed'))
  while (closing.requests.length < 2) await new Promise(setImmediate)
  await closing.close()
  await Promise.all(pending)
})
