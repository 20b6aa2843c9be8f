import http from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { AuthTokenRefresh } from 'passport-oauth2-refresh'
import { HubError, type HuggingFaceStrategyOptions, TokenError } from '../../lib/index'
import { type Hub, startHub } from '../../testing/index'
import { clientSecret, type RawRequest, respond, silent } from '../support/raw-hub'
import { startApp, visit } from './app'
import { secretsIn } from './secrets'
import { finallyDo, startRawHub, strategyFor, watchSignIns } from './sign-in'

watchSignIns()

interface Refreshed {
  error: unknown
  accessToken: string | undefined
  refreshToken: string | undefined
  params: Record<string, unknown> | undefined
}

/** What passport-oauth2-refresh does with this strategy. */
function refreshing(strategy: ReturnType<typeof strategyFor>['strategy']): (refreshToken: string) => Promise<Refreshed> {
  const refresh = new AuthTokenRefresh()
  refresh.use(strategy)
  return (refreshToken) =>
    new Promise((resolve) => {
      refresh.requestNewAccessToken('huggingface', refreshToken, (error, accessToken, newRefreshToken, params) =>
        resolve({ error, accessToken, refreshToken: newRefreshToken, params }),
      )
    })
}

describe('at the local Hub', () => {
  let hub: Hub
  beforeAll(async () => {
    hub = await startHub()
  })
  afterAll(() => hub.close())

  /** Signs somebody in, and answers with what the app was given. */
  async function granted(options: Partial<HuggingFaceStrategyOptions> = {}) {
    const [{ clientID, clientSecret: secret }] = hub.clients
    const { strategy } = strategyFor(hub, { clientID, clientSecret: secret, callbackURL: '/auth/huggingface/callback', ...options })
    const given: string[] = []
    Object.assign(strategy, {
      _verify: (accessToken: string, refreshToken: string, profile: object, done: (error: null, user: object) => void) => {
        given.push(accessToken, refreshToken)
        done(null, profile)
      },
    })
    const app = await startApp(strategy)
    const { location, cookie } = await visit(`${app.url}/auth/huggingface`)
    expect((await visit(await hub.signIn(location, 'ada'), cookie)).status).toBe(200)
    const [accessToken = '', refreshToken = ''] = given
    return { strategy, accessToken, refreshToken }
  }

  test('a refresh token is exchanged for a new pair, and the new one for another', async () => {
    const { strategy, accessToken, refreshToken } = await granted()
    const second = await strategy.refreshAccessToken(refreshToken)
    expect(second).toEqual({
      accessToken: expect.any(String),
      refreshToken: expect.any(String),
      params: expect.objectContaining({ expires_in: expect.any(Number), scope: 'openid profile' }),
    })
    const third = await strategy.refreshAccessToken(second.refreshToken)
    expect(new Set([accessToken, second.accessToken, third.accessToken]).size).toBe(3)
    expect(new Set([refreshToken, second.refreshToken, third.refreshToken]).size).toBe(3)
    expect(await strategy.fetchProfile(third.accessToken)).toMatchObject({ username: 'ada' })
  })

  test('a refresh token that was used already is refused in the words of the Hub', async () => {
    const { strategy, refreshToken } = await granted()
    await strategy.refreshAccessToken(refreshToken)
    const error = await strategy.refreshAccessToken(refreshToken).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(TokenError)
    expect(error).toMatchObject({ code: 'invalid_grant', phase: 'token', hubStatus: 400, status: 502 })
    expect(secretsIn(error, [refreshToken])).toEqual([])
  })

  test('passport-oauth2-refresh exchanges it too', async () => {
    const { strategy, refreshToken } = await granted()
    const refreshed = await refreshing(strategy)(refreshToken)
    expect(refreshed).toEqual({
      error: null,
      accessToken: expect.any(String),
      refreshToken: expect.any(String),
      params: expect.objectContaining({ scope: 'openid profile' }),
    })
    expect(refreshed.refreshToken).not.toBe(refreshToken)
    expect(await strategy.fetchProfile(refreshed.accessToken ?? '')).toMatchObject({ username: 'ada' })
  })

  test('a public client refreshes without a secret', async () => {
    const client = hub.clients.find(({ clientSecret: secret }) => secret === undefined)
    const { strategy, refreshToken } = await granted({
      clientID: client?.clientID ?? '',
      clientSecret: undefined,
      stateSecret: clientSecret,
    })
    expect(await strategy.refreshAccessToken(refreshToken)).toMatchObject({ accessToken: expect.any(String) })
  })
})

test('the request is a refresh by RFC 6749 6, and an old refresh token is kept where no new one comes', async () => {
  const hub = await startRawHub()
  hub.answers.token = respond({ access_token: 'hf_oauth_new', token_type: 'bearer', expires_in: 60 })
  const { strategy } = strategyFor(hub)
  expect(await strategy.refreshAccessToken('hf_oauth__refresh_old')).toEqual({
    accessToken: 'hf_oauth_new',
    refreshToken: 'hf_oauth__refresh_old',
    params: { access_token: 'hf_oauth_new', token_type: 'bearer', expires_in: 60 },
  })
  const [request] = hub.to('token') as [RawRequest]
  expect(Object.fromEntries(request.form)).toEqual({ grant_type: 'refresh_token', refresh_token: 'hf_oauth__refresh_old' })
  expect(request.headers['authorization']).toMatch(/^Basic /)
})

test('a Hub that echoes the refresh token does not put it into the error', async () => {
  const hub = await startRawHub()
  hub.answers.token = respond((request) => ({ error: 'invalid_grant', error_description: `unknown: ${request.form}` }), { status: 400 })
  const refreshToken = hub.secret('hf_oauth__refresh_')
  const { strategy } = strategyFor(hub)
  const error = await strategy.refreshAccessToken(refreshToken).catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'invalid_grant', message: expect.stringContaining('unknown: ') })
  expect(secretsIn(error, hub.secrets)).toEqual([])
})

test('a profile that cannot be fetched is an error with a code', async () => {
  const hub = await startRawHub()
  hub.answers.userinfo = respond({}, { status: 401 })
  const accessToken = hub.secret('hf_oauth_')
  const error = await strategyFor(hub)
    .strategy.fetchProfile(accessToken)
    .catch((error: unknown) => error)
  expect(error).toBeInstanceOf(HubError)
  expect(error).toMatchObject({ code: 'unauthorized', phase: 'userinfo', hubStatus: 401 })
  expect(secretsIn(error, hub.secrets)).toEqual([])
})

describe('passport-oauth2-refresh', () => {
  test("keeps the strategy's timeout", async () => {
    const hub = await startRawHub()
    hub.answers.token = silent
    const { strategy } = strategyFor(hub, { timeout: 200 })
    expect((await refreshing(strategy)(hub.secret('hf_oauth__refresh_'))).error).toMatchObject({ code: 'timeout', phase: 'token' })
  })

  test("keeps the strategy's agent and headers", async () => {
    const hub = await startRawHub()
    let made = 0
    class CountingAgent extends http.Agent {
      override createConnection(...args: Parameters<http.Agent['createConnection']>) {
        made++
        return super.createConnection(...args)
      }
    }
    const { strategy } = strategyFor(hub, { agent: new CountingAgent(), customHeaders: { 'X-App': 'mine' } })
    expect(await refreshing(strategy)(hub.secret('hf_oauth__refresh_'))).toMatchObject({ error: null, accessToken: expect.any(String) })
    expect(made).toBe(1)
    expect(hub.to('token')[0]?.headers['x-app']).toBe('mine')
  })

  test.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['without an access token', { token_type: 'bearer' }],
  ])('gets an error, and the process lives, when the answer is %s', async (_title, answer) => {
    const hub = await startRawHub()
    hub.answers.token = respond(JSON.stringify(answer))
    const { error } = await refreshing(strategyFor(hub).strategy)(hub.secret('hf_oauth__refresh_'))
    expect(error).toMatchObject({ name: 'HubError', code: 'invalid_response', phase: 'token' })
    expect(secretsIn(error, hub.secrets)).toEqual([])
  })
})

test('a connection of the agent is gone with it', async () => {
  const hub = await startRawHub({ keepAlive: true })
  const agent = new http.Agent({ keepAlive: true })
  finallyDo(() => agent.destroy())
  const { strategy } = strategyFor(hub, { agent })
  await strategy.refreshAccessToken(hub.secret('hf_oauth__refresh_'))
  await strategy.refreshAccessToken(hub.secret('hf_oauth__refresh_'))
  expect(hub.connections).toBe(1)
})
