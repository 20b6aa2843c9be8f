import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { type Client, type Hub, type HubOptions, startHub } from '../../testing'
import { App, badToken, callbackURL, idTokenParts, type Json, type Tokens } from './app'

let hub: Hub
let app: App
const others: Hub[] = []

beforeAll(async () => {
  hub = await startHub()
  app = new App(hub)
})
afterAll(() => hub.close())
afterEach(async () => {
  await Promise.all(others.splice(0).map((other) => other.close()))
})

async function start(options: HubOptions = {}): Promise<App> {
  const other = await startHub(options)
  others.push(other)
  return new App(other)
}

function client(more: Partial<Client>): Client {
  return { clientID: 'small', clientSecret: 's', redirectURIs: [callbackURL], ...more }
}

test('tokens look like those of the Hub', async () => {
  const tokens = await app.tokens('ada')
  expect(tokens).toMatchObject({
    token_type: 'bearer',
    expires_in: 28800,
    scope: 'openid profile email',
    access_token: expect.stringMatching(/^hf_oauth_[\w-]{500}$/),
    refresh_token: expect.stringMatching(/^hf_oauth__refresh_[\w-]{34}$/),
  })
})

test('an app without a secret gets tokens and can refresh them', async () => {
  const open = new App(hub, hub.clients[1])
  const { refresh_token: refreshToken } = await open.tokens('bo')
  expect((await open.refresh(refreshToken)).status).toBe(200)
})

test('an app may send its secret in the body', async () => {
  const { clientID, clientSecret = '' } = hub.clients[0]
  const other = new App(hub, { clientID })
  const { code } = await other.signIn('ada')
  expect((await other.redeem(code, { client_secret: clientSecret })).status).toBe(200)
})

test('a wrong secret is an invalid client', async () => {
  const res = await new App(hub, { clientID: 'local-app', clientSecret: 'wrong' }).redeem('any')
  expect([res.status, await res.json()]).toMatchObject([401, { error: 'invalid_client' }])
})

test('a wrong code verifier is an invalid grant', async () => {
  const { code } = await new App(hub).signIn('ada')
  const res = await new App(hub).redeem(code)
  expect([res.status, await res.json()]).toMatchObject([400, { error: 'invalid_grant' }])
})

test('a code that is used twice revokes the tokens of its own sign-in only', async () => {
  const other = await app.tokens('ada')
  const { code } = await app.signIn('ada')
  const tokens = (await (await app.redeem(code)).json()) as Tokens
  expect((await app.redeem(code)).status).toBe(400)
  expect(await app.userinfo(tokens)).toEqual(badToken)
  expect(await app.userinfo(other)).toHaveProperty('sub')
})

test('an app may set how long its access tokens live', async () => {
  const lasting = await start({ clients: [client({ tokenExpirationMinutes: 43_200 })] })
  expect(await lasting.tokens('ada')).toHaveProperty('expires_in', 43_200 * 60)
  const tooLong = start({ clients: [client({ tokenExpirationMinutes: 43_201 })] })
  await expect(tooLong).rejects.toThrow('tokenExpirationMinutes of small is not from 1 to 43200')
})

test('each refresh kills the old refresh token and starts three new months', async () => {
  const now = jest.spyOn(Date, 'now')
  try {
    const start = Date.now()
    const after = (days: number) => now.mockReturnValue(start + days * 24 * 60 * 60 * 1000)
    const first = await app.tokens('ada')
    after(89)
    const second = (await (await app.refresh(first.refresh_token)).json()) as Tokens
    expect(second).toMatchObject({ token_type: 'bearer', scope: first.scope })
    after(178)
    const third = (await (await app.refresh(second.refresh_token)).json()) as Tokens
    expect(await app.userinfo(third)).toHaveProperty('preferred_username', 'ada')
    const used = await app.refresh(second.refresh_token)
    expect([used.status, await used.json()]).toMatchObject([400, { error: 'invalid_grant' }])

    const late = await app.tokens('ada')
    after(178 + 91)
    expect((await app.refresh(late.refresh_token)).status).toBe(400)
  } finally {
    now.mockRestore()
  }
})

describe('scopes', () => {
  test('that the app may not ask for are refused', async () => {
    const small = await start({ clients: [client({ scopes: ['openid', 'profile'] })] })
    for (const scope of ['openid email', 'profile no-such-scope', 'openid offline_access']) {
      expect(await small.signIn('ada', { scope })).toMatchObject({
        error: 'invalid_scope',
        state: 'some state',
      })
    }
    expect(await small.tokens('ada', { scope: [] })).toHaveProperty('scope', 'openid profile')
  })

  test('include those for network security', async () => {
    const scope = 'openid read-network-security write-network-security'
    expect(await app.tokens('ada', { scope })).toHaveProperty('scope', scope)
  })

  test('may be granted in part', async () => {
    const cautious = await start({
      people: [{ username: 'cy', email: 'cy@example.com', grant: ['openid', 'profile'] }],
    })
    for (const _ of ['asked', 'remembered']) {
      const tokens = await cautious.tokens('cy', { scope: 'openid email profile jobs' })
      expect(tokens.scope.split(' ').sort()).toEqual(['openid', 'profile'])
      expect(await cautious.userinfo(tokens)).not.toHaveProperty('email')
      expect(idTokenParts(tokens)[1]).not.toHaveProperty('email')
    }
    expect(await cautious.signIn('cy', { scope: 'jobs' })).toHaveProperty('error', 'access_denied')
  })

  test('without openid give no ID token, but userinfo', async () => {
    const tokens = await app.tokens('ada', { scope: 'profile' })
    expect(tokens).not.toHaveProperty('id_token')
    expect(await app.userinfo(tokens)).toHaveProperty('preferred_username', 'ada')
  })

  test('decide what userinfo has', async () => {
    const ids = { sub: hub.people[0]?.sub, isPro: true, orgs: expect.any(Array) }
    expect(await app.userinfo(await app.tokens('ada', { scope: 'openid' }))).toEqual(ids)
    const tokens = await app.tokens('ada', { scope: 'openid email read-billing' })
    expect(await app.userinfo(tokens)).toEqual({
      ...ids,
      email: 'ada@example.com',
      email_verified: true,
      canPay: true,
      billingMode: 'postpaid',
    })
  })
})

describe('claims', () => {
  test('of a full account are in the ID token and in userinfo', async () => {
    const tokens = await app.tokens('ada', { nonce: 'a nonce' })
    const identity = {
      sub: expect.stringMatching(/^[0-9a-f]{24}$/),
      name: 'Ada Moreno',
      preferred_username: 'ada',
      profile: `${hub.url}/ada`,
      picture: `${hub.url}/avatars/ada.svg`,
      website: 'https://ada.example',
      email: 'ada@example.com',
      email_verified: true,
    }
    const [header, claims] = idTokenParts(tokens)
    expect(header).toEqual({ alg: 'RS256', kid: expect.any(String) })
    expect(claims).toEqual({
      ...identity,
      nonce: 'a nonce',
      aud: 'local-app',
      iss: hub.url,
      auth_time: expect.any(Number),
      iat: expect.any(Number),
      exp: Number(claims?.['iat']) + 3600,
    })
    expect(await app.userinfo(tokens, 'POST')).toMatchObject({ ...identity, isPro: true })
  })

  test('of an account without anything optional', async () => {
    expect(await app.userinfo(await app.tokens('emi'))).toEqual({
      sub: expect.any(String),
      name: 'emi',
      preferred_username: 'emi',
      profile: `${hub.url}/emi`,
      picture: `${hub.url}/avatars/emi.svg`,
      isPro: false,
      orgs: [],
    })
  })

  test('of an address that is not verified, and of none', async () => {
    const chidi = await app.userinfo(await app.tokens('chidi'))
    expect(chidi).toMatchObject({ email: 'chidi@example.com', email_verified: false })
    const dana = await app.userinfo(await app.tokens('dana'))
    expect(dana).toMatchObject({ email: null, email_verified: false })
  })

  test('follow a rename, except for the sub', async () => {
    const own = await start({ people: [{ username: 'before', claims: { hobby: 'chess' } }] })
    const tokens = await own.tokens('before')
    const { sub } = await own.userinfo(tokens)
    Object.assign(own.hub.people[0] ?? {}, { username: 'after' })
    const claims = { preferred_username: 'after', hobby: 'chess', sub }
    expect(await own.userinfo(tokens)).toMatchObject(claims)
  })

  test('need a valid access token', async () => {
    for (const authorization of ['', 'Bearer hf_oauth_made_up', 'Basic YTpi']) {
      const res = await fetch(`${hub.url}/oauth/userinfo`, { headers: { authorization } })
      expect([res.status, await res.json()]).toEqual([401, badToken])
    }
  })
})

test('the requests are recorded, with their forms and request ids', async () => {
  hub.requests.length = 0
  await app.userinfo(await app.tokens('ada'))
  expect(hub.requests).toMatchObject([
    { endpoint: 'authorize', method: 'GET', query: { client_id: 'local-app' } },
    { endpoint: 'token', method: 'POST', body: { code_verifier: app.verifier } },
    {
      endpoint: 'userinfo',
      headers: { authorization: expect.stringMatching(/^Bearer hf_oauth_/) },
    },
  ])
  const res = await fetch(`${hub.url}/oauth/jwks`)
  expect(hub.requests.at(-1)?.requestId).toBe(res.headers.get('x-request-id'))
})

test('two Hubs share nothing', async () => {
  const second = await start()
  expect(await second.userinfo(await app.tokens('ada'))).toEqual(badToken)
  expect(await publishedKeys(second.hub)).not.toEqual(await publishedKeys(hub))
})

test('a new key signs from now on, and sign-ins in progress go on', async () => {
  const own = await start()
  const before = await own.tokens('ada')
  const { code } = await own.signIn('ada')
  await own.hub.rotateKeys()
  const after = (await (await own.redeem(code)).json()) as Tokens
  const kids = [after, before].map((tokens) => idTokenParts(tokens)[0]?.['kid'])
  expect(await publishedKeys(own.hub)).toEqual(kids)
  expect(await own.userinfo(before)).toHaveProperty('preferred_username', 'ada')
})

async function publishedKeys({ url }: Hub): Promise<unknown[]> {
  const { keys } = (await (await fetch(`${url}/oauth/jwks`)).json()) as { keys: Json[] }
  expect(keys.every((key) => key['kty'] === 'RSA' && key['d'] === undefined)).toBe(true)
  return keys.map((key) => key['kid'])
}

test.each(['openid-configuration', 'oauth-authorization-server'])(
  'the discovery document at %s has the addresses of the Hub',
  async (name) => {
    const document = await (await fetch(`${hub.url}/.well-known/${name}`)).json()
    expect(document).toMatchObject({
      issuer: hub.url,
      authorization_endpoint: `${hub.url}/oauth/authorize`,
      token_endpoint: `${hub.url}/oauth/token`,
      userinfo_endpoint: `${hub.url}/oauth/userinfo`,
      jwks_uri: `${hub.url}/oauth/jwks`,
    })
  },
)
