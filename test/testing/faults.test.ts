import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { type Faults, type Hub, startHub } from '../../testing/index'
import { App } from './app'

let hub: Hub
let app: App

beforeAll(async () => {
  hub = await startHub()
  app = new App(hub)
})

afterAll(() => hub.close())

afterEach(() => {
  hub.faults = {}
})

test('everybody denies, even an app they allowed before, until the fault is cleared', async () => {
  await app.code('ada')
  hub.faults = { deny: true }
  for (const person of ['ada', 'bo']) {
    expect(await hub.signIn(app.authorizationURL(), person)).toContain('error=access_denied')
  }
  hub.faults = {}
  expect(await app.code('ada')).toEqual(expect.any(String))
})

test('codes are expired, but refresh tokens are not', async () => {
  const { refresh_token: refreshToken } = await app.tokens('ada')
  hub.faults = { expireCode: true }
  const answer = await app.redeem(await app.code('ada'))
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ error: 'invalid_grant' })
  expect((await app.refresh(refreshToken)).status).toBe(200)
})

const paths = { token: '/oauth/token', userinfo: '/oauth/userinfo', jwks: '/oauth/jwks' } as const

describe.each(['token', 'userinfo', 'jwks'] as const)('the %s endpoint', (endpoint) => {
  const ask = (signal?: AbortSignal): Promise<Response> =>
    fetch(hub.url + paths[endpoint], {
      ...(endpoint === 'token' ? { method: 'POST', body: new URLSearchParams({ grant_type: 'x' }) } : {}),
      ...(signal === undefined ? {} : { signal }),
    })
  const fault = (faults: Faults['token']): void => {
    hub.faults = { [endpoint]: faults }
  }

  test('answers with a status and a text', async () => {
    fault({ status: 503, body: 'down for maintenance', headers: { 'retry-after': '7' } })
    const answer = await ask()
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('7')
    expect(answer.headers.get('x-request-id')).toMatch(/./)
    expect(await answer.text()).toBe('down for maintenance')
  })

  test('answers with any JSON', async () => {
    fault({ body: { keys: [] } })
    const answer = await ask()
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ keys: [] })
  })

  test('breaks off in the middle of the answer', async () => {
    fault({ cut: true })
    await expect(ask().then((answer) => answer.text())).rejects.toThrow()
  })

  test('answers as ever after a delay', async () => {
    const usual = (await ask()).status
    fault({ delay: 20 })
    expect((await ask()).status).toBe(usual)
  })

  test('never answers', async () => {
    fault({ hang: true })
    const seen = hub.requests.length
    const gaveUp = new AbortController()
    const answer = ask(gaveUp.signal)
    const outcome = expect(answer).rejects.toThrow('aborted')
    while (hub.requests.length === seen) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    gaveUp.abort()
    await outcome
  })
})

test('a Hub that hangs or is slow closes at once', async () => {
  const own = await startHub()
  own.faults = { userinfo: { hang: true }, jwks: { delay: 60_000 } }
  const left = ['/oauth/userinfo', '/oauth/jwks'].map((path) => expect(fetch(own.url + path)).rejects.toThrow())
  while (own.requests.length < 2) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await own.close()
  await Promise.all(left)
})
