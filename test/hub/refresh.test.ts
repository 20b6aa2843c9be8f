import { Agent } from 'node:http'
import { describe, expect, test } from '@jest/globals'
import { AuthTokenRefresh } from 'passport-oauth2-refresh'
import type { HuggingFaceStrategy } from '../../lib/index'
import { type Behaviour, respond, silent } from '../support/raw-hub'
import { secretsIn } from '../support/secrets'
import { finallyDo, startRawHub, strategyFor, watchSignIns } from '../support/sign-in'
import { until } from '../support/until'

watchSignIns()

type Refresh = HuggingFaceStrategy['refreshAccessToken']

/** As passport-oauth2-refresh does it. */
function byPassport(strategy: HuggingFaceStrategy): Refresh {
  const refresh = new AuthTokenRefresh()
  refresh.use(strategy)
  return (token) =>
    new Promise((resolve, reject) => {
      refresh.requestNewAccessToken('huggingface', token, (error, accessToken = '', refreshToken = '', params = {}) =>
        error ? reject(error) : resolve({ accessToken, refreshToken, params }),
      )
    })
}

const ways: [string, (strategy: HuggingFaceStrategy) => Refresh][] = [
  ['refreshAccessToken', (strategy) => (token) => strategy.refreshAccessToken(token)],
  ['passport-oauth2-refresh', byPassport],
]

describe.each(ways)('%s', (_, by) => {
  test('exchanges a refresh token for new tokens (RFC 6749 6)', async () => {
    const hub = await startRawHub()
    const tokens = await by(strategyFor(hub).strategy)('old')
    const [granted] = hub.granted
    expect(tokens).toMatchObject({ accessToken: granted?.['access_token'], refreshToken: granted?.['refresh_token'] })
    expect(tokens.params).toMatchObject({ expires_in: 28800, scope: 'openid profile' })
    const [request] = hub.to('token')
    expect(Object.fromEntries(request?.form ?? [])).toEqual({ grant_type: 'refresh_token', refresh_token: 'old' })
    expect(request?.headers['authorization']).toMatch(/^Basic /)
  })

  test("uses the strategy's agent, headers and timeout", async () => {
    const hub = await startRawHub({ keepAlive: true })
    const agent = new Agent({ keepAlive: true })
    finallyDo(() => agent.destroy())
    const refresh = by(strategyFor(hub, { agent, customHeaders: { 'X-App': 'mine' }, timeout: 200 }).strategy)
    await refresh(hub.secret())
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1)
    expect(hub.to('token')[0]?.headers).toMatchObject({ 'x-app': 'mine' })
    hub.answers.token = silent
    await expect(refresh(hub.secret())).rejects.toMatchObject({ code: 'timeout', phase: 'token' })
  })

  test('gives no refresh token away that the Hub repeats', async () => {
    const hub = await startRawHub()
    hub.answers.token = respond(({ form }) => ({ error: 'invalid_grant', error_description: `unknown: ${form}` }), { status: 400 })
    const refresh = by(strategyFor(hub).strategy)
    const error = await refresh(hub.secret()).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'invalid_grant', message: expect.stringContaining('unknown: ') })
    expect(secretsIn(error, hub.secrets)).toEqual([])
  })
})

test('an old refresh token stays if no new one comes', async () => {
  const hub = await startRawHub()
  const params = { access_token: 'new', token_type: 'bearer', expires_in: 60 }
  hub.answers.token = respond(params)
  const refreshed = { accessToken: 'new', refreshToken: 'old', params }
  expect(await strategyFor(hub).strategy.refreshAccessToken('old')).toEqual(refreshed)
})

describe('refreshes at once', () => {
  /** A Hub that responds when it is told to. */
  async function waitingHub() {
    const hub = await startRawHub()
    const { token } = hub.answers
    const waiting: ((behaviour?: Behaviour) => unknown)[] = []
    hub.answers.token = (socket, request) => waiting.push((behaviour = token) => behaviour(socket, request, hub))
    return { hub, waiting, asked: (count: number) => until(() => waiting.length === count) }
  }

  test('of one token are one request, and everybody gets the new tokens', async () => {
    const { hub, waiting, asked } = await waitingHub()
    const { strategy } = strategyFor(hub)
    const refreshes = [strategy.refreshAccessToken('one'), byPassport(strategy)('one'), strategy.refreshAccessToken('one')]
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
    ['fulfilled', undefined],
    ['rejected', respond({ error: 'invalid_grant' }, { status: 400 })],
  ])('that are %s leave a later one its own request', async (status, behaviour) => {
    const { hub, waiting, asked } = await waitingHub()
    const { strategy } = strategyFor(hub)
    const refreshes = [strategy.refreshAccessToken('one'), strategy.refreshAccessToken('one')]
    await asked(1)
    waiting[0]?.(behaviour)
    expect((await Promise.allSettled(refreshes)).map((settled) => settled.status)).toEqual([status, status])
    const later = strategy.refreshAccessToken('one')
    await asked(2)
    waiting[1]?.()
    expect(await later).toMatchObject({ accessToken: expect.any(String) })
  })
})
