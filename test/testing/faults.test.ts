import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { type EndpointFault, type Hub, startHub } from '../../testing'
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

test('everyone denies, even an app they allowed before, until the fault ends', async () => {
  await app.signIn('ada')
  hub.faults = { deny: true }
  for (const username of ['ada', 'bo']) {
    expect(await app.signIn(username)).toHaveProperty('error', 'access_denied')
  }
  hub.faults = {}
  expect(await app.signIn('ada')).toHaveProperty('code')
})

test('codes have expired, but refresh tokens have not', async () => {
  const { refresh_token: refreshToken } = await app.tokens('ada')
  hub.faults = { expireCode: true }
  expect(await app.tokens('ada')).toHaveProperty('error', 'invalid_grant')
  expect((await app.refresh(refreshToken)).status).toBe(200)
})

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe.each(['token', 'userinfo', 'jwks'] as const)('the %s endpoint', (endpoint) => {
  const send = (signal = AbortSignal.timeout(5000)): Promise<Response> =>
    fetch(`${hub.url}/oauth/${endpoint}`, {
      ...(endpoint === 'token' && { method: 'POST', body: new URLSearchParams({ any: 'form' }) }),
      signal,
    })
  const set = (fault: EndpointFault): void => {
    hub.faults = { [endpoint]: fault }
  }

  test('responds with a status and a text', async () => {
    set({ status: 503, body: 'down for maintenance', headers: { 'retry-after': '7' } })
    const res = await send()
    expect([res.status, await res.text()]).toEqual([503, 'down for maintenance'])
    expect(res.headers.get('retry-after')).toBe('7')
    expect(res.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('responds with any JSON', async () => {
    set({ body: { keys: [] } })
    const res = await send()
    expect([res.status, await res.json()]).toEqual([200, { keys: [] }])
  })

  test('breaks off in the middle of the response', async () => {
    set({ cut: true })
    await expect(send().then((res) => res.text())).rejects.toThrow()
  })

  test('responds as usual after a delay', async () => {
    const { status } = await send()
    set({ delay: 30 })
    const start = performance.now()
    expect((await send()).status).toBe(status)
    expect(performance.now() - start).toBeGreaterThan(25)
  })

  test('never responds', async () => {
    set({ hang: true })
    const seen = hub.requests.length
    const controller = new AbortController()
    const outcome = expect(send(controller.signal)).rejects.toThrow('aborted')
    await until(() => hub.requests.length > seen)
    controller.abort()
    await outcome
  })
})

test('a Hub that hangs or is slow closes at once', async () => {
  const own = await startHub()
  own.faults = { userinfo: { hang: true }, jwks: { delay: 60_000 } }
  const pending = ['userinfo', 'jwks'].map((endpoint) =>
    expect(fetch(`${own.url}/oauth/${endpoint}`)).rejects.toThrow(),
  )
  await until(() => own.requests.length === 2)
  await own.close()
  await Promise.all(pending)
})
