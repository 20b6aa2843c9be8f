import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type Hub, startHub } from '../../testing/index'
import { App, callbackURL, idTokenParts, type Json } from './app'
import { certificate } from './certificate'

let hub: Hub

beforeAll(async () => {
  hub = await startHub()
})

afterAll(() => hub.close())

beforeEach(() => {
  hub.requests.length = 0
})

describe('the discovery document', () => {
  test.each(['openid-configuration', 'oauth-authorization-server'])('has the paths of the Hub, at %s', async (name) => {
    const document = (await (await fetch(`${hub.url}/.well-known/${name}`)).json()) as Json
    expect(document).toMatchObject({
      issuer: hub.url,
      authorization_endpoint: `${hub.url}/oauth/authorize`,
      token_endpoint: `${hub.url}/oauth/token`,
      userinfo_endpoint: `${hub.url}/oauth/userinfo`,
      jwks_uri: `${hub.url}/oauth/jwks`,
      id_token_signing_alg_values_supported: ['RS256'],
    })
    expect(hub.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  })
})

describe('a sign-in', () => {
  test('comes back with a code, the state and the issuer', async () => {
    const callback = new URL(await hub.signIn(new App(hub).authorizationURL(), 'ada'))
    expect(callback.origin + callback.pathname).toBe(callbackURL)
    expect(Object.fromEntries(callback.searchParams)).toEqual({
      code: expect.any(String),
      state: 'some state',
      iss: hub.url,
    })
  })

  test('of an app with a secret gives tokens that look like those of the Hub', async () => {
    const tokens = await new App(hub).tokens('ada')
    expect(tokens).toMatchObject({ token_type: 'bearer', expires_in: 28800, scope: 'openid profile email' })
    expect(tokens.access_token).toMatch(/^hf_oauth_[\w-]{500}$/)
    expect(tokens.refresh_token).toMatch(/^hf_oauth__refresh_[\w-]{34}$/)
  })

  test('of an app without a secret works as well', async () => {
    const app = new App(hub, hub.clients[1])
    expect(app.client.clientSecret).toBeUndefined()
    const tokens = await app.tokens('bo')
    expect(await app.userinfo(tokens.access_token)).toMatchObject({ preferred_username: 'bo' })
    expect((await app.refresh(tokens.refresh_token)).status).toBe(200)
  })

  test('takes the secret in the body as well', async () => {
    const { clientID, clientSecret = '' } = hub.clients[0]
    const app = new App(hub, { clientID })
    const answer = await app.token({
      client_secret: clientSecret,
      grant_type: 'authorization_code',
      code: await app.code('ada'),
      redirect_uri: callbackURL,
      code_verifier: app.verifier,
    })
    expect(answer.status).toBe(200)
  })

  test('with a wrong secret is an invalid client', async () => {
    const { clientID } = hub.clients[0]
    const answer = await new App(hub, { clientID, clientSecret: 'wrong' }).redeem('any')
    expect(answer.status).toBe(401)
    expect(await answer.json()).toMatchObject({ error: 'invalid_client' })
  })

  test('with another code verifier is an invalid grant', async () => {
    const code = await new App(hub).code('ada')
    const answer = await new App(hub).redeem(code)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: 'invalid_grant' })
  })

  test('cannot use its code twice, and loses its tokens when it tries, but others keep theirs', async () => {
    const app = new App(hub)
    const other = await app.tokens('ada')
    const code = await app.code('ada')
    const { access_token: token } = (await (await app.redeem(code)).json()) as { access_token: string }
    expect((await app.redeem(code)).status).toBe(400)
    const headers = { authorization: `Bearer ${token}` }
    expect((await fetch(`${hub.url}/oauth/userinfo`, { headers })).status).toBe(401)
    expect(await app.userinfo(other.access_token)).toMatchObject({ preferred_username: 'ada' })
  })

  test('of somebody who is not there names those who are', async () => {
    const signIn = hub.signIn(new App(hub).authorizationURL(), 'nobody')
    await expect(signIn).rejects.toThrow('Nobody at the local Hub is called nobody; there are ada, bo, chidi, dana, emi')
  })

  test('at another address is refused', async () => {
    await expect(hub.signIn('http://127.0.0.1:1/oauth/authorize', 'ada')).rejects.toThrow(`an address at ${hub.url}`)
  })

  test('leaves plain PKCE out', async () => {
    const url = new App(hub).authorizationURL({ code_challenge_method: 'plain' })
    const callback = new URL(await hub.signIn(url, 'ada'))
    expect(callback.searchParams.get('error')).toBe('invalid_request')
  })

  test('needs PKCE when the app has no secret', async () => {
    const url = new URL(new App(hub, hub.clients[1]).authorizationURL())
    url.searchParams.delete('code_challenge')
    url.searchParams.delete('code_challenge_method')
    expect(new URL(await hub.signIn(url.href, 'ada')).searchParams.get('error')).toBe('invalid_request')
  })
})

describe('the redirect URI', () => {
  test.each([
    'http://127.0.0.1/auth/huggingface/callback',
    'http://localhost:65000/auth/huggingface/callback',
    'http://[::1]:8080/auth/huggingface/callback',
  ])('may have any port on a loopback host: %s', async (redirectURI) => {
    const callback = await hub.signIn(new App(hub, hub.clients[0], redirectURI).authorizationURL(), 'ada')
    expect(callback.startsWith(`${redirectURI}?code=`)).toBe(true)
  })

  test.each([
    'http://127.0.0.1:4567/other',
    'http://127.0.0.1:4567/auth/huggingface/callback?more=1',
    'https://127.0.0.1:4567/auth/huggingface/callback',
    'http://127.0.0.1.example.com/auth/huggingface/callback',
    'http://127.0.0.1@evil.example/auth/huggingface/callback',
    'https://evil.example/auth/huggingface/callback',
  ])('that is not registered is shown on an error page: %s', async (redirectURI) => {
    const signIn = hub.signIn(new App(hub, hub.clients[0], redirectURI).authorizationURL(), 'ada')
    await expect(signIn).rejects.toThrow('The Hub refused (400): 400 Error: invalid redirect_uri')
    await expect(signIn).rejects.toThrow(`Asked for: ${redirectURI} Registered for this app: http://localhost/auth/`)
  })

  test('may belong to a native app', async () => {
    const native = await startHub({ clients: [{ clientID: 'desktop', redirectURIs: ['my-app://signed-in'] }] })
    try {
      const app = new App(native, native.clients[0], 'my-app://signed-in')
      const callback = await native.signIn(app.authorizationURL(), 'ada')
      expect(callback).toMatch(/^my-app:\/\/signed-in\?code=/)
      const { access_token: token } = (await (await app.redeem(new URL(callback).searchParams.get('code') ?? '')).json()) as {
        access_token: string
      }
      expect(await app.userinfo(token)).toMatchObject({ preferred_username: 'ada' })
      expect(await native.signIn(app.authorizationURL({ prompt: 'none' }), 'ada')).toContain('error=login_required')
    } finally {
      await native.close()
    }
  })
})

test('an unknown client is shown on an error page', async () => {
  const signIn = hub.signIn(new App(hub, { clientID: 'nobody' }).authorizationURL(), 'ada')
  await expect(signIn).rejects.toThrow('The Hub refused (400): 400 Error: Invalid client_id')
  await expect(signIn).rejects.toThrow('Asked for: nobody Registered here: local-app, local-public-app')
})

describe('scopes', () => {
  test('that the app may not ask for come back as invalid_scope', async () => {
    const small = await startHub({
      clients: [{ clientID: 'small', clientSecret: 's', redirectURIs: [callbackURL], scopes: ['openid', 'profile'] }],
    })
    try {
      const app = new App(small)
      for (const scope of ['openid email', 'profile no-such-scope', 'openid offline_access']) {
        const callback = new URL(await small.signIn(app.authorizationURL({ scope }), 'ada'))
        expect(Object.fromEntries(callback.searchParams)).toMatchObject({ error: 'invalid_scope', state: 'some state' })
      }
      const tokens = await app.tokens('ada', { scope: [] })
      expect(tokens.scope).toBe('openid profile')
    } finally {
      await small.close()
    }
  })

  test('without openid give no ID token, but userinfo all the same', async () => {
    const app = new App(hub)
    const tokens = await app.tokens('ada', { scope: 'profile' })
    expect(tokens.id_token).toBeUndefined()
    expect(await app.userinfo(tokens.access_token)).toMatchObject({ preferred_username: 'ada' })
  })

  test('decide what userinfo says', async () => {
    const app = new App(hub)
    const ids = { sub: expect.stringMatching(/^[0-9a-f]{24}$/), isPro: true, orgs: expect.any(Array) }
    const bare = await app.userinfo((await app.tokens('ada', { scope: 'openid' })).access_token)
    expect(bare).toEqual(ids)
    const billing = await app.userinfo((await app.tokens('ada', { scope: 'openid email read-billing' })).access_token)
    expect(billing).toEqual({
      ...ids,
      email: 'ada@example.com',
      email_verified: true,
      canPay: true,
      billingMode: 'postpaid',
    })
  })
})

describe('the claims', () => {
  test('of a full account', async () => {
    const app = new App(hub)
    const tokens = await app.tokens('ada', { nonce: 'a nonce' })
    const identity = {
      sub: hub.people[0]?.sub,
      name: 'Ada Moreno',
      preferred_username: 'ada',
      profile: `${hub.url}/ada`,
      picture: `${hub.url}/avatars/ada.svg`,
      website: 'https://ada.example',
      email: 'ada@example.com',
      email_verified: true,
    }
    const { header, claims } = idTokenParts(tokens)
    expect(header).toEqual({ alg: 'RS256', kid: expect.any(String) })
    expect(claims).toEqual({
      ...identity,
      nonce: 'a nonce',
      aud: 'local-app',
      iss: hub.url,
      auth_time: expect.any(Number),
      iat: expect.any(Number),
      exp: Number(claims['iat']) + 3600,
    })
    expect(await app.userinfo(tokens.access_token)).toMatchObject({ ...identity, isPro: true })
  })

  test('of an account with nothing optional', async () => {
    const app = new App(hub)
    const userinfo = await app.userinfo((await app.tokens('emi')).access_token)
    expect(userinfo).toEqual({
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
    const app = new App(hub)
    const chidi = await app.userinfo((await app.tokens('chidi')).access_token)
    expect(chidi).toMatchObject({ email: 'chidi@example.com', email_verified: false })
    const dana = await app.userinfo((await app.tokens('dana')).access_token)
    expect(dana).toMatchObject({ email: null, email_verified: false })
  })

  test('follow a rename, except for the sub', async () => {
    const own = await startHub({ people: [{ username: 'before', claims: { hobby: 'chess' } }] })
    try {
      const app = new App(own)
      const tokens = await app.tokens('before')
      const before = await app.userinfo(tokens.access_token)
      for (const person of own.people) {
        person.username = 'after'
      }
      const after = await app.userinfo(tokens.access_token)
      expect(before).toMatchObject({ preferred_username: 'before', hobby: 'chess' })
      expect(after).toMatchObject({ preferred_username: 'after', sub: before['sub'] })
    } finally {
      await own.close()
    }
  })

  test('come by POST as well', async () => {
    const { access_token: token } = await new App(hub).tokens('ada')
    const answer = await fetch(`${hub.url}/oauth/userinfo`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    })
    expect(await answer.json()).toMatchObject({ preferred_username: 'ada' })
  })

  test.each([{}, { authorization: 'Bearer hf_oauth_made_up' }, { authorization: 'Basic YTpi' }])(
    'need a good access token, not %j',
    async (headers) => {
      const answer = await fetch(`${hub.url}/oauth/userinfo`, { headers: headers as Record<string, string> })
      expect(answer.status).toBe(401)
      expect(await answer.json()).toEqual({ error: 'Invalid credentials in Authorization header' })
    },
  )
})

test('a refresh gives new tokens, and the old refresh token dies', async () => {
  const app = new App(hub)
  const first = await app.tokens('ada')
  const second = (await (await app.refresh(first.refresh_token)).json()) as typeof first
  expect(second).toMatchObject({ token_type: 'bearer', scope: first.scope })
  expect(second.refresh_token).not.toBe(first.refresh_token)
  expect(await app.userinfo(second.access_token)).toMatchObject({ preferred_username: 'ada' })
  const again = await app.refresh(first.refresh_token)
  expect(again.status).toBe(400)
  expect(await again.json()).toMatchObject({ error: 'invalid_grant' })
})

test('the requests that came are on record, with their forms', async () => {
  const app = new App(hub)
  const tokens = await app.tokens('ada')
  await app.userinfo(tokens.access_token)
  expect(hub.requests.map(({ endpoint, method }) => `${method} ${endpoint}`)).toEqual(['GET authorize', 'POST token', 'GET userinfo'])
  const [authorize, token, userinfo] = hub.requests
  expect(authorize?.query).toMatchObject({ client_id: 'local-app', state: 'some state' })
  expect(token?.body).toMatchObject({ grant_type: 'authorization_code', code_verifier: app.verifier })
  expect(userinfo?.headers.authorization).toBe(`Bearer ${tokens.access_token}`)
})

test('every answer has a request id', async () => {
  for (const path of ['/', '/oauth/jwks', '/oauth/userinfo', '/nothing/here']) {
    const answer = await fetch(hub.url + path)
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    await answer.text()
  }
  expect(hub.requests.map(({ path }) => path)).toEqual(['/oauth/jwks', '/oauth/userinfo'])
})

test('avatars and profile pages are there', async () => {
  const avatar = await fetch(`${hub.url}/avatars/ada.svg`)
  expect(avatar.headers.get('content-type')).toContain('image/svg+xml')
  expect(await avatar.text()).toContain('>A</text>')
  expect(await (await fetch(`${hub.url}/ada`)).text()).toContain('Ada Moreno')
  expect(await (await fetch(`${hub.url}/tidal-labs`)).text()).toContain('Tidal Labs')
  expect((await fetch(`${hub.url}/nobody`)).status).toBe(404)
})

test('names with markup in them are shown as text', async () => {
  const own = await startHub({
    people: [{ username: 'x', name: '<script>alert(1)</script>', orgs: [{ username: 'o', name: '"><i>o' }] }],
  })
  try {
    for (const path of ['/', '/x', '/o']) {
      const page = await (await fetch(own.url + path)).text()
      expect(page).not.toContain('<script>')
      expect(page).not.toContain('"><i>o')
    }
  } finally {
    await own.close()
  }
})

test('two Hubs share nothing', async () => {
  const second = await startHub()
  try {
    const { access_token: token } = await new App(hub).tokens('ada')
    const headers = { authorization: `Bearer ${token}` }
    expect((await fetch(`${second.url}/oauth/userinfo`, { headers })).status).toBe(401)
    expect(await publishedKeys(second)).not.toEqual(await publishedKeys(hub))
  } finally {
    await second.close()
  }
})

test('new keys sign from then on, the old ones stay published and sign-ins under way go on', async () => {
  const own = await startHub()
  try {
    const app = new App(own)
    const before = await app.tokens('ada')
    const code = await app.code('ada')
    await own.rotateKeys()
    const after = await (await app.redeem(code)).json()
    const oldKey = idTokenParts(before).header['kid']
    const newKey = idTokenParts(after as typeof before).header['kid']
    expect(newKey).not.toBe(oldKey)
    expect(await publishedKeys(own)).toEqual([newKey, oldKey])
    expect(await app.userinfo(before.access_token)).toMatchObject({ preferred_username: 'ada' })
  } finally {
    await own.close()
  }
})

async function publishedKeys(of: Hub): Promise<unknown[]> {
  const { keys } = (await (await fetch(`${of.url}/oauth/jwks`)).json()) as { keys: Json[] }
  expect(keys.every((key) => key['kty'] === 'RSA' && key['d'] === undefined)).toBe(true)
  return keys.map((key) => key['kid'])
}

test('it serves https, and the address it is known by may be another', async () => {
  const own = await startHub({ tls: certificate, url: 'https://hub.example/' })
  try {
    expect(own.url).toBe('https://hub.example')
    const callback = await own.signIn(new App(own).authorizationURL(), 'ada')
    expect(new URL(callback).searchParams.get('iss')).toBe('https://hub.example')
  } finally {
    await own.close()
  }
})

test('a port that is taken is an error', async () => {
  await expect(startHub({ port: Number(new URL(hub.url).port) })).rejects.toThrow('EADDRINUSE')
})

test('no clients at all is an error that says what to do', async () => {
  await expect(startHub({ clients: [] })).rejects.toThrow('leave `clients` out')
})
