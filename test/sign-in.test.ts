import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type HuggingFaceProfile, HuggingFaceStrategy, type VerifyWithParams } from '../lib/index'
import { type Hub, startHub } from '../testing'
import { begin, callbackURL, watchSignIns } from './support/sign-in'

watchSignIns()

/** The local Hub, which behaves as the real one does. */
let hub: Hub
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

const confidential = { clientID: 'local-app', clientSecret: 'local-app-secret' }
const publicApp = { clientID: 'local-public-app', clientSecret: undefined, stateSecret: 's'.repeat(32) }

const verify: VerifyWithParams = (accessToken, refreshToken, params, profile, done) =>
  done(null, { accessToken, refreshToken, params, profile })
const strategyFor = (options: object = {}) => new HuggingFaceStrategy({ ...confidential, callbackURL, hubURL: hub.url, ...options }, verify)

async function signIn(strategy: HuggingFaceStrategy, state?: object) {
  const { url, comeBack } = await begin(strategy, { state })
  const { searchParams } = new URL(await hub.signIn(url.href, 'ada'))
  return comeBack(Object.fromEntries(searchParams))
}

const emails = [{ value: 'ada@example.com', verified: true }]

describe.each([confidential, publicApp])('$clientID', (client) => {
  test('signs a person in, with their profile and its own state', async () => {
    const strategy = strategyFor({ ...client, scope: 'openid profile email' })
    const outcome = await signIn(strategy, { returnTo: '/models' })
    const profile = { provider: 'huggingface', username: 'ada', displayName: 'Ada Moreno', emails, isPro: true }
    const params = { scope: 'openid profile email', token_type: 'bearer', expires_in: 28800, id_token: expect.any(String) }
    expect(outcome).toMatchObject({ action: 'success', args: [{ profile, params }, { state: { returnTo: '/models' } }] })
  })

  test('refreshes its tokens, once for each refresh token', async () => {
    const strategy = strategyFor(client)
    const [user] = (await signIn(strategy)).args
    const { refreshToken } = user as { refreshToken: string }
    const second = await strategy.refreshAccessToken(refreshToken)
    const third = await strategy.refreshAccessToken(second.refreshToken)
    expect(await strategy.fetchProfile(third.accessToken)).toMatchObject({ username: 'ada', isPro: true })
    const expected = { name: 'TokenError', code: 'invalid_grant', phase: 'token', hubStatus: 400, status: 502 }
    await expect(strategy.refreshAccessToken(refreshToken)).rejects.toMatchObject(expected)
  })
})

test('a profile from the ID token has no PRO, no organizations and no userinfo', async () => {
  const strategy = strategyFor({ profileSource: 'id_token', scope: 'profile email', userProfileURL: 'https://nobody.example' })
  const [user] = (await signIn(strategy)).args
  const { profile } = user as { profile: HuggingFaceProfile }
  expect(profile).toMatchObject({ username: 'ada', displayName: 'Ada Moreno', emails })
  expect([profile.isPro, profile.orgs]).toEqual([undefined, undefined])
  expect(JSON.parse(profile._raw)).toMatchObject({ sub: profile.id, aud: 'local-app', iss: hub.url })
})
