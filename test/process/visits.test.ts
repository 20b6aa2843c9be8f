import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, jest, test } from '@jest/globals'
import { type AppConfig, startApp, startHub, Visitor } from '../support/process'
import { type RawHub, respond } from '../support/raw-hub'

jest.setTimeout(20_000)

async function start(config?: AppConfig) {
  const hub = await startHub({ keepAlive: true })
  const app = await startApp(hub, config)
  return { hub, app, visitor: new Visitor(app) }
}

/** How often the code of this callback came to the Hub. */
function sent(hub: RawHub, callback: string): number {
  const code = new URL(callback, 'http://localhost').searchParams.get('code')
  return hub.to('token').filter(({ form }) => form.get('code') === code).length
}

describe('a code is sent once', () => {
  const hosts: [string, AppConfig][] = [
    ['Koa', { host: 'koa' }],
    ['Express', {}],
    ['Express with a session', { session: 'express-session', callback: {} }],
  ]

  test.each(hosts)('when a page of %s is reloaded after an error of the Hub', async (_, config) => {
    const { hub, visitor } = await start(config)
    const callback = await visitor.begin()
    const { token } = hub.answers
    hub.answers.token = respond({}, { status: 500, keepAlive: true })
    expect(await visitor.get(callback)).toMatchObject({ status: 502, answers: 1 })
    hub.answers.token = token
    expect(await visitor.get(callback)).toMatchObject({ status: 403, answers: 1 })
    expect(sent(hub, callback)).toBe(1)
    expect(await visitor.signIn()).toMatchObject({ status: 200 })
  })

  const kept = (store: 'session' | 'pkce'): AppConfig => ({
    session: 'express-session',
    callback: {},
    strategies: { huggingface: { store, timeout: 3000 } },
  })
  const stores: [string, AppConfig][] = [
    ['a cookie', { strategies: { huggingface: { timeout: 3000 } } }],
    ['the session', kept('session')],
    ["passport-oauth2's own store", kept('pkce')],
    ['a cookie, by instance', { by: 'instance' }],
  ]

  describe.each(stores)('with %s', (_, config) => {
    test.each([0, 100])('when a second request comes %i ms after the first', async (gap) => {
      const { hub, visitor } = await start(config)
      const { token } = hub.answers
      hub.answers.token = (...asked) => setTimeout(token, 200, ...asked)
      const callback = await visitor.begin()
      const second = sleep(gap).then(() => visitor.get(callback))
      const answers = await Promise.all([visitor.get(callback), second])
      expect(sent(hub, callback)).toBe(1)
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 403])
    })
  })
})

test('eleven callbacks on one connection are answered without a warning', async () => {
  const { hub, visitor } = await start()
  const callback = await visitor.begin()
  expect(await visitor.get(callback, { times: 11 })).toMatchObject({ status: 200, answers: 11 })
  expect(sent(hub, callback)).toBe(1)
})

test('a visitor whose host is no host is told so', async () => {
  const { visitor } = await start()
  const answer = await visitor.get('/auth/huggingface', { headers: { host: 'no host/' } })
  expect(answer).toMatchObject({ status: 400, answers: 1 })
})

describe.each([
  ['a prefetch', { headers: { 'sec-purpose': 'prefetch' } }],
  ['a HEAD', { method: 'HEAD' }],
])('%s', (_, visit) => {
  test('of the first leg, five times, takes no sign-in away', async () => {
    const { visitor } = await start()
    const callback = await visitor.begin()
    for (let times = 0; times < 5; times += 1) {
      const { headers, answers } = await visitor.get('/auth/huggingface', visit)
      expect(headers.filter(([name]) => name === 'set-cookie')).toEqual([])
      expect(answers).toBe(1)
    }
    expect(await visitor.get(callback)).toMatchObject({ status: 200 })
  })

  test('of the callback leaves the code to the person', async () => {
    const { hub, visitor } = await start()
    const callback = await visitor.begin()
    expect((await visitor.get(callback, visit)).body).not.toHaveProperty('user')
    expect(sent(hub, callback)).toBe(0)
    expect(await visitor.get(callback)).toMatchObject({ status: 200 })
  })
})

describe('planted cookies', () => {
  function plant(visitor: Visitor, count: number): void {
    for (let planted = 0; planted < count; planted += 1) {
      const time = (Date.now() + 1000 + planted).toString(36)
      visitor.cookies.set(`hf-signin.${time}.${randomBytes(16).toString('base64url')}`, 'x')
    }
  }
  const ours = ({ cookies }: Visitor) => [...cookies.keys()].filter((name) => /^__Host-hf-signin\.\w+\.[\w-]{22}$/.test(name))

  test('of 14.5 KB do not keep a sign-in from beginning', async () => {
    const { visitor } = await start()
    // each is 43 bytes in a header, with its separators
    plant(visitor, Math.floor(14_500 / 45))
    const answer = await visitor.get('/auth/huggingface')
    expect(answer).toMatchObject({ status: 302, answers: 1 })
    expect(answer.head.length).toBeLessThan(8192)
  })

  test('do not take a secure sign-in away', async () => {
    const callbackURL = 'https://app.example/auth/huggingface/callback'
    const { visitor } = await start({ strategies: { huggingface: { callbackURL } } })
    await visitor.begin()
    const [first] = ours(visitor)
    expect(first).toBeDefined()
    plant(visitor, 6)
    await visitor.begin()
    expect(ours(visitor)).toEqual([first, expect.any(String)])
    for (let times = 0; times < 6; times += 1) await visitor.begin()
    expect(ours(visitor)).toHaveLength(5)
  })
})
