import { Agent } from 'node:http'
import { describe, expect, test } from '@jest/globals'
import { AuthTokenRefresh } from 'passport-oauth2-refresh'
import type { HuggingFaceStrategy } from '../../lib/index'
import { respond, silent } from '../support/raw-hub'
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
})

test('an old refresh token stays if no new one comes', async () => {
  const hub = await startRawHub()
  const params = { access_token: 'new', token_type: 'bearer', expires_in: 60 }
  hub.answers.token = respond(params)
  const refreshed = { accessToken: 'new', refreshToken: 'old', params }
  expect(await strategyFor(hub).strategy.refreshAccessToken('old')).toEqual(refreshed)
})

describe('refreshes at once', () => {
  test('of one token are one request, everybody gets the new tokens, and a later one is its own', async () => {
    const hub = await startRawHub()
    const { strategy } = strategyFor(hub)
    const waiting = hub.hold('token')
    const refreshes = [strategy.refreshAccessToken('one'), byPassport(strategy)('one')]
    await until(() => waiting.length === 1)
    refreshes.push(strategy.refreshAccessToken('one'))
    waiting[0]?.()
    const [first, ...others] = await Promise.all(refreshes)
    expect(others).toEqual([first, first])
    // what one does to its tokens is not the others' concern
    Object.assign(first?.params ?? {}, { changed: true })
    expect(others[0]?.params).not.toHaveProperty('changed')
    const later = strategy.refreshAccessToken('one')
    await until(() => waiting.length === 2)
    waiting[1]?.()
    expect((await later).accessToken).not.toBe(first?.accessToken)
  })

  test('of one token that is refused leave a later one its own request', async () => {
    const hub = await startRawHub()
    const { strategy } = strategyFor(hub)
    const { token } = hub.answers
    hub.answers.token = respond({ error: 'invalid_grant' }, { status: 400 })
    const refreshes = await Promise.allSettled([strategy.refreshAccessToken('one'), strategy.refreshAccessToken('one')])
    expect(refreshes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    hub.answers.token = token
    expect(await strategy.refreshAccessToken('one')).toMatchObject({ accessToken: expect.any(String) })
    expect(hub.to('token')).toHaveLength(2)
  })

  test('of two tokens, or by two strategies, are two requests', async () => {
    const hub = await startRawHub()
    const [one, another] = [strategyFor(hub).strategy, strategyFor(hub).strategy]
    const refreshes = [one.refreshAccessToken('one'), one.refreshAccessToken('two'), another.refreshAccessToken('one')]
    expect(new Set((await Promise.all(refreshes)).map(({ accessToken }) => accessToken)).size).toBe(3)
  })
})
