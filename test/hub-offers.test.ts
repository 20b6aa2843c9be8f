import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { clientMetadata, type HuggingFaceProfile, HuggingFaceStrategy } from '../lib'
import { type Hub, startHub } from '../testing'
import { Browser, startApp } from './support/express-app'
import { certificate } from './testing/certificate'

/** What Hugging Face offers a signed-in app, against an OpenID provider for the Hub. */
const client = { clientID: 'the-client', clientSecret: 'the-secret', redirectURIs: ['http://127.0.0.1/auth/huggingface/callback'] }

let hub: Hub
beforeAll(async () => {
  hub = await startHub({ clients: [client] })
})
beforeEach(() => {
  hub.requests.length = 0
})
afterAll(() => hub.close())

const { clientID, clientSecret } = client
const startWith = (options: object = {}) =>
  startApp(
    (callbackURL) =>
      new HuggingFaceStrategy(
        { clientID, clientSecret, callbackURL, hubURL: hub.url, ...options },
        (accessToken, refreshToken, params, profile, done) => done(null, { accessToken, refreshToken, params, profile }),
      ),
  )

interface Session {
  accessToken: string
  refreshToken: string
  params: Record<string, unknown>
  profile: HuggingFaceProfile
}

async function signIn(app: { url: string }, person: string, options: object = {}, orgs?: string[]): Promise<Session> {
  const browser = new Browser()
  const callback = await hub.signIn(await browser.begin(app.url, options), person, orgs && { orgs })
  const { body } = await browser.json(callback)
  return (body as { user: Session }).user
}

describe('organizations', () => {
  test('tell the role only where the person granted them, which orgIds asks for', async () => {
    const app = await startWith()
    const tidal = hub.people.find((person) => person.username === 'bo')?.orgs.find((org) => org.username === 'tidal-labs')
    const before = await signIn(app, 'bo')
    expect(before.profile.orgs).toMatchObject([{ username: 'tidal-labs', plan: 'enterprise' }, { username: 'open-atlas' }])
    expect(before.profile.orgs?.map((org) => org.role)).toEqual([undefined, undefined])
    const after = await signIn(app, 'bo', { orgIds: tidal?.sub, prompt: 'consent' })
    expect(after.profile.orgs).toMatchObject([{ id: tidal?.sub, role: 'contributor' }, { username: 'open-atlas' }])
    expect(after.profile.orgs?.[1]).not.toHaveProperty('role')
    await app.close()
  })

  test('can be asked for several at once', async () => {
    const app = await startWith()
    const ids =
      hub.people
        .find((person) => person.username === 'ada')
        ?.orgs.slice(0, 2)
        .map((org) => org.sub) ?? []
    const { profile } = await signIn(app, 'ada', { orgIds: ids, prompt: 'consent' })
    expect(profile.orgs?.filter((org) => org.role !== undefined).map((org) => org.id)).toEqual(ids)
    expect(profile.orgs?.[0]).toMatchObject({ resourceGroups: [{ id: '65f000000000000000000a01', name: 'research', role: 'admin' }] })
    await app.close()
  })

  test('are shown for choice again by prompt=consent, once the person has consented', async () => {
    const app = await startWith()
    await signIn(app, 'chidi')
    const shown = async (options: object) => {
      const location = new URL(await new Browser().begin(app.url, options))
      return location.searchParams.get('prompt')
    }
    expect(await shown({})).toBeNull()
    expect(await shown({ prompt: 'consent' })).toBe('consent')
    await app.close()
  })
})

describe('tokens', () => {
  test('come with what the Hub granted', async () => {
    const app = await startWith({ scope: ['openid', 'profile', 'read-repos'] })
    const { accessToken, refreshToken, params } = await signIn(app, 'ada')
    expect(accessToken).toMatch(/^hf_oauth_/)
    expect(refreshToken).toMatch(/^hf_oauth_/)
    expect(params).toMatchObject({
      token_type: 'bearer',
      expires_in: 28800,
      scope: 'openid profile read-repos',
      id_token: expect.stringMatching(/^ey/),
    })
    expect(params).not.toHaveProperty('refresh_token')
    await app.close()
  })

  test('are refreshed, and the old refresh token is dead then', async () => {
    const app = await startWith()
    const { refreshToken } = await signIn(app, 'ada')
    const refreshed = await app.strategy.refreshAccessToken(refreshToken)
    expect(refreshed.refreshToken).not.toBe(refreshToken)
    expect(await app.strategy.fetchProfile(refreshed.accessToken)).toMatchObject({ username: 'ada', isPro: true })
    await expect(app.strategy.refreshAccessToken(refreshToken)).rejects.toMatchObject({
      name: 'TokenError',
      code: 'invalid_grant',
      phase: 'token',
    })
    await app.close()
  })

  test('that the Hub does not know fetch no profile', async () => {
    const app = await startWith()
    await expect(app.strategy.fetchProfile('hf_oauth_unknown')).rejects.toMatchObject({
      name: 'HubError',
      code: 'unauthorized',
      hubStatus: 401,
      requestId: expect.any(String),
    })
    await app.close()
  })
})

describe("profileSource: 'id_token'", () => {
  test('takes the profile from the ID token and does not ask userinfo', async () => {
    const app = await startWith({ profileSource: 'id_token', scope: 'profile email' })
    const { profile } = await signIn(app, 'ada')
    expect(profile).toMatchObject({
      provider: 'huggingface',
      username: 'ada',
      displayName: 'Ada Moreno',
      emails: [{ value: 'ada@example.com', verified: true }],
    })
    expect(profile).not.toHaveProperty('isPro')
    expect(profile).not.toHaveProperty('orgs')
    expect(JSON.parse(profile._raw)).toMatchObject({ sub: profile.id, aud: clientID, iss: hub.url })
    expect(hub.requests.map((request) => request.endpoint)).not.toContain('userinfo')
    await app.close()
  })

  test('goes on when the Hub changes its keys', async () => {
    const app = await startWith({ profileSource: 'id_token' })
    await signIn(app, 'ada')
    await hub.rotateKeys()
    expect((await signIn(app, 'ada')).profile.username).toBe('ada')
    await app.close()
  })
})

test('another hub is named by its address alone, with or without a slash at its end', async () => {
  const app = await startWith({ hubURL: `${hub.url}/`, scope: 'openid profile' })
  expect((await signIn(app, 'dana')).profile.username).toBe('dana')
  await app.close()
})

test('an app that is registered nowhere signs people in, by the document at its client ID', async () => {
  const answers: unknown[] = []
  let document: object = {}
  const server = createServer(certificate, (_req, res) => res.setHeader('content-type', 'application/json').end(JSON.stringify(document)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  document = clientMetadata({
    clientID: `${origin}/.well-known/oauth-cimd`,
    clientName: 'Tides',
    redirectURIs: [`${origin}/auth/huggingface/callback`],
    scope: 'openid profile',
  })
  const app = await startApp(
    () =>
      new HuggingFaceStrategy(
        {
          clientID: `${origin}/.well-known/oauth-cimd`,
          callbackURL: `${origin}/auth/huggingface/callback`,
          hubURL: hub.url,
          stateSecret: 'the state secret',
          scope: 'openid profile',
        },
        async (_accessToken, _refreshToken, profile) => profile,
      ),
  )
  const browser = new Browser()
  const callback = new URL(await hub.signIn(await browser.begin(app.url), 'ada'))
  expect(callback.origin).toBe(origin)
  // the app's TLS is not what this is about: the same request, to where Express listens
  answers.push(await browser.json(`${app.url}${callback.pathname}${callback.search}`))
  expect(answers).toMatchObject([{ status: 200, body: { user: { username: 'ada' } } }])
  await app.close()
  server.closeAllConnections()
  server.close()
})
