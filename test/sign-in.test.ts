import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  type HuggingFaceAuthenticateOptions,
  type HuggingFaceProfile,
  HuggingFaceStrategy,
  type TokenParams,
  type VerifyWithParams,
} from '../lib/index'
import { type SignInOptions, signIn as signInAtHub } from '../testing/sign-in'
import { authenticate, begin, callbackURL, errorOf, watchSignIns } from './support/sign-in'

/** With the local Hub, in a process of its own: `npx passport-huggingface`. */
let command: ChildProcess
let hubURL: string
beforeAll(async () => {
  const script = path.join(__dirname, '..', 'dist', 'testing', 'cli.js')
  command = spawn(process.execPath, [script, '--port', '0'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [printed] = await once(command.stdout as NodeJS.ReadableStream, 'data')
  hubURL = /^HF_HUB_URL=(.*)$/m.exec(String(printed))?.[1] ?? ''
})
afterAll(async () => {
  command.kill()
  await once(command, 'close')
})

watchSignIns()

interface Session {
  accessToken: string
  refreshToken: string
  params: TokenParams
  profile: HuggingFaceProfile
}

const confidential = { clientID: 'local-app', clientSecret: 'local-app-secret' }
const publicApp = { clientID: 'local-public-app', clientSecret: undefined, stateSecret: 's'.repeat(32) }

const verify: VerifyWithParams = (accessToken, refreshToken, params, profile, done) =>
  done(null, { accessToken, refreshToken, params, profile })
const strategyFor = (options: object = {}) => new HuggingFaceStrategy({ ...confidential, callbackURL, hubURL, ...options }, verify)

async function signIn(strategy: HuggingFaceStrategy, username: string, options?: HuggingFaceAuthenticateOptions, choices?: SignInOptions) {
  const { url, cookie } = await begin(strategy, options)
  const callback = new URL(await signInAtHub(url.href, username, choices))
  return authenticate(strategy, { url: callback.pathname + callback.search, cookie })
}

async function sessionOf(...args: Parameters<typeof signIn>): Promise<Session> {
  const outcome = await signIn(...args)
  expect(outcome.action).toBe('success')
  return outcome.args[0] as Session
}

const emails = [{ value: 'ada@example.com', verified: true }]

describe.each([confidential, publicApp])('$clientID', (client) => {
  test('signs a person in, with their profile and its own state', async () => {
    const strategy = strategyFor({ ...client, scope: 'openid profile email' })
    const outcome = await signIn(strategy, 'ada', { state: { returnTo: '/models' } })
    const profile = { provider: 'huggingface', username: 'ada', displayName: 'Ada Moreno', emails, isPro: true }
    const params = { scope: 'openid profile email', token_type: 'bearer', expires_in: 28800, id_token: expect.any(String) }
    expect(outcome).toMatchObject({ action: 'success', args: [{ profile, params }, { state: { returnTo: '/models' } }] })
  })

  test('hears that a person denied', async () => {
    const outcome = await signIn(strategyFor(client), 'bo', {}, { deny: true })
    expect(outcome).toMatchObject({ action: 'fail', args: [{ code: 'access_denied' }, 403] })
  })

  test('refreshes its tokens, once for each refresh token', async () => {
    const strategy = strategyFor(client)
    const { accessToken, refreshToken } = await sessionOf(strategy, 'ada')
    const [second, same] = await Promise.all([strategy.refreshAccessToken(refreshToken), strategy.refreshAccessToken(refreshToken)])
    expect(same).toEqual(second)
    const third = await strategy.refreshAccessToken(second.refreshToken)
    const all = [accessToken, refreshToken, second.accessToken, second.refreshToken, third.accessToken, third.refreshToken]
    expect(new Set(all).size).toBe(6)
    expect(await strategy.fetchProfile(third.accessToken)).toMatchObject({ username: 'ada', isPro: true })
    const expected = { name: 'TokenError', code: 'invalid_grant', phase: 'token', hubStatus: 400, status: 502 }
    await expect(strategy.refreshAccessToken(refreshToken)).rejects.toMatchObject(expected)
  })
})

test('an app with a wrong secret hears invalid_client', async () => {
  const error = errorOf(await signIn(strategyFor({ clientSecret: 'wrong' }), 'ada'))
  expect(error).toMatchObject({ name: 'TokenError', code: 'invalid_client', phase: 'token', requestId: expect.any(String) })
})

test('an organization tells the role of a person who chose it, which orgIds asks for', async () => {
  const strategy = strategyFor()
  const before = (await sessionOf(strategy, 'bo')).profile.orgs ?? []
  expect(before.map(({ username, plan, role }) => [username, plan, role])).toEqual([
    ['tidal-labs', 'enterprise', undefined],
    ['open-atlas', 'team', undefined],
  ])
  const { profile } = await sessionOf(strategy, 'bo', { orgIds: before[0]?.id, prompt: 'consent' })
  expect(profile.orgs?.map(({ role }) => role)).toEqual(['contributor', undefined])
})

test('a profile from the ID token has no PRO, no organizations and no userinfo', async () => {
  const strategy = strategyFor({ profileSource: 'id_token', scope: 'profile email', userProfileURL: 'https://nobody.example' })
  const { profile } = await sessionOf(strategy, 'ada')
  expect(profile).toMatchObject({ username: 'ada', displayName: 'Ada Moreno', emails })
  expect([profile.isPro, profile.orgs]).toEqual([undefined, undefined])
  expect(JSON.parse(profile._raw)).toMatchObject({ sub: profile.id, aud: 'local-app', iss: hubURL })
})
