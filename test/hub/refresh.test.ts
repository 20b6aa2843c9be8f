import { Agent } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { AuthTokenRefresh } from 'passport-oauth2-refresh'
import { HuggingFaceStrategy, TokenError } from '../../lib/index'
import { type Hub, startHub } from '../../testing/index'
import { startApp } from '../support/app'
import { type Behaviour, clientSecret, type RawHub, type RawRequest, respond, silent } from '../support/raw-hub'
import { secretsIn } from '../support/secrets'
import { finallyDo, startRawHub, strategyFor, watchSignIns } from '../support/sign-in'

watchSignIns()

type Strategy = Pick<HuggingFaceStrategy, 'refreshAccessToken'>

/** What passport-oauth2-refresh does with a strategy. It rejects with the error that it passes on. */
function byPassport(strategy: HuggingFaceStrategy): Strategy {
  const refresh = new AuthTokenRefresh()
  refresh.use(strategy)
  return {
    refreshAccessToken: (token) =>
      new Promise((resolve, reject) => {
        refresh.requestNewAccessToken('huggingface', token, (error, accessToken = '', refreshToken = '', params = {}) =>
          error ? reject(error) : resolve({ accessToken, refreshToken, params }),
        )
      }),
  }
}

const ways: [string, (strategy: HuggingFaceStrategy) => Strategy][] = [
  ['refreshAccessToken', (strategy) => strategy],
  ['passport-oauth2-refresh', byPassport],
]

describe('at the local Hub', () => {
  let hub: Hub
  beforeAll(async () => {
    hub = await startHub()
  })
  afterAll(() => hub.close())

  /** Signs somebody in at the app with a secret, or at the one without. */
  async function signedIn(hasSecret = true) {
    const client = hub.clients.find((each) => (each.clientSecret !== undefined) === hasSecret)
    const options = { hubURL: hub.url, callbackURL: '/auth/huggingface/callback', scope: ['openid', 'profile'], stateSecret: clientSecret }
    let tokens = { accessToken: '', refreshToken: '' }
    const strategy = new HuggingFaceStrategy(
      { ...options, clientID: client?.clientID ?? '', clientSecret: client?.clientSecret },
      async (accessToken, refreshToken = '', profile) => {
        tokens = { accessToken, refreshToken }
        return profile
      },
    )
    const browser = (await startApp(strategy)).browser()
    const callback = new URL(await hub.signIn(await browser.begin(), 'ada'))
    expect(await browser.visit(callback.pathname + callback.search)).toMatchObject({ status: 200 })
    return { strategy, ...tokens }
  }

  test.each(ways)('%s exchanges a refresh token for a new pair, and the new one for another', async (_way, by) => {
    const { strategy, accessToken, refreshToken } = await signedIn()
    const second = await by(strategy).refreshAccessToken(refreshToken)
    expect(second.params).toMatchObject({ expires_in: expect.any(Number), scope: 'openid profile' })
    const third = await by(strategy).refreshAccessToken(second.refreshToken)
    expect(new Set([accessToken, second.accessToken, third.accessToken]).size).toBe(3)
    expect(new Set([refreshToken, second.refreshToken, third.refreshToken]).size).toBe(3)
    expect(await strategy.fetchProfile(third.accessToken)).toMatchObject({ username: 'ada' })
  })

  test('two refreshes of one token at once succeed, and a later one is rejected in the words of the Hub', async () => {
    const { strategy, refreshToken } = await signedIn()
    const [one, another] = await Promise.all([
      strategy.refreshAccessToken(refreshToken),
      byPassport(strategy).refreshAccessToken(refreshToken),
    ])
    expect(another).toEqual(one)
    const error = await strategy.refreshAccessToken(refreshToken).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(TokenError)
    expect(error).toMatchObject({ code: 'invalid_grant', phase: 'token', hubStatus: 400, status: 502 })
    expect(secretsIn(error, [refreshToken])).toEqual([])
  })

  test('a public client refreshes without a secret', async () => {
    const { strategy, refreshToken } = await signedIn(false)
    expect(await strategy.refreshAccessToken(refreshToken)).toMatchObject({ accessToken: expect.any(String) })
  })
})

test('the request is that of RFC 6749 6, and an old refresh token stays if no new one comes', async () => {
  const hub = await startRawHub()
  const params = { access_token: 'new', token_type: 'bearer', expires_in: 60 }
  hub.answers.token = respond(params)
  expect(await strategyFor(hub).strategy.refreshAccessToken('old')).toEqual({ accessToken: 'new', refreshToken: 'old', params })
  const [request] = hub.to('token') as [RawRequest]
  expect(Object.fromEntries(request.form)).toEqual({ grant_type: 'refresh_token', refresh_token: 'old' })
  expect(request.headers['authorization']).toMatch(/^Basic /)
})

test('a Hub that repeats the refresh token does not put it into the error', async () => {
  const hub = await startRawHub()
  hub.answers.token = respond((request) => ({ error: 'invalid_grant', error_description: `unknown: ${request.form}` }), { status: 400 })
  const error = await strategyFor(hub)
    .strategy.refreshAccessToken(hub.secret())
    .catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'invalid_grant', message: expect.stringContaining('unknown: ') })
  expect(secretsIn(error, hub.secrets)).toEqual([])
})

test('a profile that cannot be fetched again is an error with a code', async () => {
  const hub = await startRawHub()
  hub.answers.userinfo = respond({}, { status: 401 })
  const { strategy } = strategyFor(hub)
  await expect(strategy.fetchProfile(hub.secret())).rejects.toMatchObject({ code: 'unauthorized', phase: 'userinfo', hubStatus: 401 })
})

describe('passport-oauth2-refresh', () => {
  test("keeps the strategy's agent, headers and timeout", async () => {
    const hub = await startRawHub({ keepAlive: true })
    const agent = new Agent({ keepAlive: true })
    finallyDo(() => agent.destroy())
    const strategy = byPassport(strategyFor(hub, { agent, customHeaders: { 'X-App': 'mine' }, timeout: 200 }).strategy)
    await strategy.refreshAccessToken(hub.secret())
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1)
    expect(hub.to('token')[0]?.headers).toMatchObject({ 'x-app': 'mine' })
    hub.answers.token = silent
    await expect(strategy.refreshAccessToken(hub.secret())).rejects.toMatchObject({ code: 'timeout', phase: 'token' })
  })

  test.each(['null', '[]', '{"token_type":"bearer"}'])('gets an error if the response is %s', async (body) => {
    const hub = await startRawHub()
    hub.answers.token = respond(body)
    const strategy = byPassport(strategyFor(hub).strategy)
    await expect(strategy.refreshAccessToken(hub.secret())).rejects.toMatchObject({ code: 'invalid_response', phase: 'token' })
  })
})

describe('refreshes at once', () => {
  /** A Hub that responds when it is told to. */
  async function waitingHub() {
    const hub: RawHub = await startRawHub()
    const { token } = hub.answers
    const waiting: ((behaviour?: Behaviour) => unknown)[] = []
    hub.answers.token = (socket, request) => {
      waiting.push((behaviour = token) => behaviour(socket, request, hub))
    }
    const asked = async (count: number) => {
      while (waiting.length < count) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return { hub, waiting, asked }
  }

  test('of one token are one request, and everybody gets the new tokens', async () => {
    const { hub, waiting, asked } = await waitingHub()
    const { strategy } = strategyFor(hub)
    const refreshes = [strategy, byPassport(strategy), strategy].map((each) => each.refreshAccessToken('one'))
    await asked(1)
    refreshes.push(strategy.refreshAccessToken('one'))
    waiting[0]?.()
    const [first, ...others] = await Promise.all(refreshes)
    expect(others).toEqual([first, first, first])
    expect(hub.to('token')).toHaveLength(1)
    // what one does to its tokens is not the others' concern
    Object.assign(first?.params ?? {}, { changed: true })
    expect(others[0]?.params).not.toHaveProperty('changed')
  })

  test('of two tokens, or by two strategies, are two requests', async () => {
    const { hub, waiting, asked } = await waitingHub()
    const [one, another] = [strategyFor(hub).strategy, strategyFor(hub).strategy]
    const refreshes = [one.refreshAccessToken('one'), one.refreshAccessToken('two'), another.refreshAccessToken('one')]
    await asked(3)
    for (const respondNow of waiting) respondNow()
    expect(new Set((await Promise.all(refreshes)).map(({ accessToken }) => accessToken)).size).toBe(3)
  })

  test.each<[string, Behaviour | undefined]>([
    ['succeeded', undefined],
    ['failed', respond({ error: 'invalid_grant' }, { status: 400 })],
  ])('do not keep a later one, after they have %s, from a request of its own', async (_how, behaviour) => {
    const { hub, waiting, asked } = await waitingHub()
    const { strategy } = strategyFor(hub)
    const refreshes = [strategy.refreshAccessToken('one'), strategy.refreshAccessToken('one')]
    await asked(1)
    waiting[0]?.(behaviour)
    const [first, second] = await Promise.allSettled(refreshes)
    expect(first?.status).toBe(behaviour ? 'rejected' : 'fulfilled')
    expect(second?.status).toBe(first?.status)
    const later = strategy.refreshAccessToken('one')
    await asked(2)
    waiting[1]?.()
    expect(await later).toMatchObject({ accessToken: expect.any(String) })
    expect(hub.to('token')).toHaveLength(2)
  })
})
