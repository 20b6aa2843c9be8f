import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals'
import { type EndpointFault, type Hub, startHub } from '../../testing'
import { callbackURL, idTokenParts, type Json, oauthApp } from '../support/oauth-app'

const client = { clientID: 'small', clientSecret: 's', redirectURIs: [callbackURL], scopes: ['openid', 'profile'] }
const people = [
  { username: 'cy', email: 'cy@example.com', grant: ['openid', 'profile'] },
  { username: 'before', claims: { hobby: 'chess', isPro: 'perhaps' } },
  { username: 'ada' },
]

let hub: Hub
let own: Hub
let app: ReturnType<typeof oauthApp>
let ownApp: ReturnType<typeof oauthApp>
beforeAll(async () => {
  hub = await startHub()
  own = await startHub({ clients: [client, { ...client, clientID: 'large', scopes: ['openid', 'profile', 'email', 'jobs'] }], people })
  app = oauthApp(hub)
  ownApp = oauthApp(own)
})
afterEach(() => {
  hub.faults = {}
  jest.restoreAllMocks()
})
afterAll(() => Promise.all([hub.close(), own.close()]))

const invalidGrant = { status: 400, error: 'invalid_grant' }
const badToken = { status: 401, error: 'Invalid credentials in Authorization header' }

test('a code that is used twice revokes the tokens of its own sign-in only', async () => {
  const other = await app.tokens('ada')
  const { code } = await app.signIn('ada')
  const tokens = await app.redeem(code)
  expect(await app.redeem(code)).toMatchObject(invalidGrant)
  expect(await app.userinfo(tokens)).toEqual(badToken)
  expect(await app.refresh(tokens)).toMatchObject(invalidGrant)
  expect(await app.userinfo(other)).toHaveProperty('status', 200)
})

test('each refresh gives tokens like those of the Hub, kills the old refresh token and starts three new months', async () => {
  const start = Date.now()
  const now = jest.spyOn(Date, 'now')
  const after = (days: number) => now.mockReturnValue(start + days * 24 * 60 * 60 * 1000)
  const first = await app.tokens('ada')
  after(89)
  const second = await app.refresh(first)
  const access_token = expect.stringMatching(/^hf_oauth_[\w-]{500}$/)
  const refresh_token = expect.stringMatching(/^hf_oauth__refresh_[\w-]{34}$/)
  expect(second).toMatchObject({ access_token, refresh_token, token_type: 'bearer', scope: first['scope'] })
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
  const { scope } = await app.tokens('ada', { scope: undefined })
  expect(String(scope).split(' ')).toEqual(expect.arrayContaining(['read-billing', 'jobs', 'write-network-security']))
})

test('a person may grant a part of the scopes, or nothing', async () => {
  const large = oauthApp(own, { clientID: 'large', clientSecret: 's' })
  for (const _ of ['asked', 'remembered']) {
    const tokens = await large.tokens('cy', { scope: 'openid email profile jobs' })
    expect(String(tokens['scope']).split(' ').sort()).toEqual(['openid', 'profile'])
    for (const claims of [await large.userinfo(tokens), idTokenParts(tokens)[1]]) expect(claims).not.toHaveProperty('email')
  }
  expect(await large.signIn('cy', { scope: 'jobs' })).toHaveProperty('error', 'access_denied')
})

const sub = expect.stringMatching(/^[0-9a-f]{24}$/)
const addresses = (username: string) => ({ profile: `${hub.url}/${username}`, picture: `${hub.url}/avatars/${username}.svg` })
const email = { email: 'ada@example.com', email_verified: true }
const ada = { sub, name: 'Ada Moreno', preferred_username: 'ada', website: 'https://ada.example', ...email }
const pro = { sub, isPro: true, orgs: expect.any(Array) }
const basic = { sub, isPro: false, orgs: [] }

test.each<[string, string, Json]>([
  ['ada', 'openid', pro],
  ['ada', 'profile email', { ...ada, ...pro }],
  ['ada', 'openid read-billing', { ...pro, canPay: true }],
  ['emi', 'openid profile email', { ...basic, name: 'emi', preferred_username: 'emi' }],
  ['chidi', 'email', { ...basic, email: 'chidi@example.com', email_verified: false }],
  ['dana', 'email', { ...basic, email: null, email_verified: false }],
])('userinfo of %s has what "%s" allows', async (username, scope, claims) => {
  const tokens = await app.tokens(username, { scope })
  const all = { ...claims, ...(scope.includes('profile') && addresses(username)) }
  expect(await app.userinfo(tokens)).toEqual({ status: 200, ...all })
  expect('id_token' in tokens).toBe(scope.includes('openid'))
})

test('an ID token says who the person is, and nothing more', async () => {
  const [header, claims] = idTokenParts(await app.tokens('ada', { nonce: 'a nonce' }))
  expect(header).toEqual({ alg: 'RS256', kid: expect.any(String) })
  const times = { auth_time: expect.any(Number), iat: expect.any(Number), exp: Number(claims?.['iat']) + 3600 }
  expect(claims).toEqual({ ...ada, ...addresses('ada'), ...times, nonce: 'a nonce', aud: 'local-app', iss: hub.url })
})

test('a person who is renamed keeps their sub, and may have any claim', async () => {
  const tokens = await ownApp.tokens('before', { scope: 'profile' })
  const { sub } = await ownApp.userinfo(tokens)
  Object.assign(own.people[1] ?? {}, { username: 'after' })
  expect(await ownApp.userinfo(tokens)).toMatchObject({ sub, preferred_username: 'after', hobby: 'chess', isPro: 'perhaps' })
})

test('two Hubs share no tokens', async () => {
  expect(await ownApp.userinfo(await app.tokens('ada'))).toEqual(badToken)
})

test('an endpoint responds as it is told, later, or only in part', async () => {
  const send = async (userinfo?: EndpointFault) => {
    hub.faults = userinfo ? { userinfo } : {}
    return fetch(`${hub.url}/oauth/userinfo`)
  }
  const down = await send({ status: 503, body: 'down', headers: { 'retry-after': '7' } })
  expect([down.status, await down.text(), down.headers.get('retry-after')]).toEqual([503, 'down', '7'])
  expect(down.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  const json = await send({ body: { keys: [] } })
  expect([json.status, await json.json()]).toEqual([200, { keys: [] }])
  await expect((await send({ cut: true })).text()).rejects.toThrow('terminated')
  // as usual, only later
  const { status } = await send()
  const start = performance.now()
  expect((await send({ delay: 30 })).status).toBe(status)
  expect(performance.now() - start).toBeGreaterThan(25)
})

test('a Hub that hangs closes at once', async () => {
  const closing = await startHub()
  closing.faults = { userinfo: { hang: true } }
  const pending = expect(fetch(`${closing.url}/oauth/userinfo`)).rejects.toThrow('fetch failed')
  while (closing.requests.length === 0) await new Promise(setImmediate)
  await closing.close()
  await pending
})
