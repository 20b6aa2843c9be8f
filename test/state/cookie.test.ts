import { afterEach, describe, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import { CookieStateStore, type CookieStateStoreOptions, type HuggingFaceStrategyOptions } from '../../lib'
import { Person, secureCallback } from '../support/person'
import { errorOf, strategyFor, watchSignIns } from '../support/sign-in'

watchSignIns()
afterEach(() => {
  jest.restoreAllMocks()
})

/** No token is asked for in these tests, so nobody listens at this address. */
const strategyWith = (options: Partial<HuggingFaceStrategyOptions> = {}) =>
  strategyFor({ url: 'http://127.0.0.1:9' }, { callbackURL: secureCallback, ...options }).strategy
const strategyOf = (options: Partial<CookieStateStoreOptions>, more = {}) =>
  strategyWith({ store: new CookieStateStore({ secret: 'a secret', ...options }), ...more })
const strategy = strategyWith()
const local = { callbackURL: 'http://localhost:3000/callback', address: 'http://localhost:3000/callback' }

const attributesOf = (line = '') =>
  Object.fromEntries(
    line
      .split('; ')
      .slice(1)
      .map((each) => each.toLowerCase().split('='))
      .map(([name, value = '']) => [name, value]),
  )

test('a handle says when the sign-in began, and cannot be guessed', async () => {
  const now = Date.parse('2026-11-22T12:00:00Z')
  jest.spyOn(Date, 'now').mockReturnValue(now)
  const handles = await Promise.all(Array.from({ length: 20 }, () => new Person().begin(strategy)))
  for (const handle of handles) {
    expect(handle).toMatch(/^[\da-z]{8}\.[\w-]{22}$/)
    expect(Number.parseInt(handle, 36)).toBe(now)
  }
  expect(new Set(handles).size).toBe(20)
})

describe('a cookie', () => {
  test.each<[string, Partial<CookieStateStoreOptions>, object]>([
    ['is bound to this host and to https', {}, { samesite: 'lax' }],
    ['may be for an app in a frame', { sameSite: 'none', partitioned: true }, { samesite: 'none', partitioned: '' }],
  ])('%s, also when it is removed', async (_, options, expected) => {
    const person = new Person()
    const framed = strategyOf(options)
    const { args, setCookie } = await person.visit(framed, 'https://app.example/auth/huggingface')
    const handle = new URL(String(args[0])).searchParams.get('state') ?? ''
    const denied = await person.callback(framed, { error: 'access_denied', state: handle })
    const common = { httponly: '', secure: '', path: '/', ...expected }
    for (const [line, age] of [
      [setCookie[0], '3600'],
      [denied.setCookie[0], '0'],
    ] as const) {
      expect(line).toMatch(`__Host-hf-signin.${handle}=`)
      expect(attributesOf(line)).toEqual({ ...common, 'max-age': age })
    }
    expect(person.signIns()).toEqual({})
  })

  test('works over http on a machine of one’s own', async () => {
    const person = new Person()
    const handle = await person.begin(strategyWith(local), { address: local.address })
    expect(person.jar.sentTo(local.address).map(([name]) => name)).toEqual([`hf-signin.${handle}`])
    expect(await person.deny(strategyWith(local), handle, local)).toBe('access_denied')
  })

  test('follows the callback URL of the sign-in, if one request asked for another', async () => {
    const person = new Person()
    const handle = await person.begin(strategyWith(local), { options: { callbackURL: secureCallback } })
    expect(Object.keys(person.signIns())).toEqual([handle])
    expect(await person.deny(strategyWith(local), handle)).toBe('access_denied')
  })

  test('that another subdomain may have planted does not open, also if the request looks like http', async () => {
    const [attacker, person] = [new Person(), new Person()]
    const secure = await attacker.begin(strategy)
    const plain = await attacker.begin(strategyWith(local), { address: local.address })
    person.plant(secure, attacker.signIns()[secure] ?? '', 'hf-signin.')
    person.plant(plain, attacker.signIns(local.address)[plain] ?? '', 'hf-signin.')
    expect(await person.deny(strategy, secure)).not.toBe('access_denied')
    expect(await person.deny(strategy, secure, { protocol: 'http' })).toBe('state_unknown')
    expect(await person.deny(strategyWith(local), plain)).not.toBe('access_denied')
  })

  test.each([
    ['the response cannot be reached', strategy, { res: undefined }, 'req.res'],
    ['the response cannot be reached from the store of the app', strategyOf({}), { res: undefined }, 'req.res'],
    ['there is no secret', strategyWith({ clientSecret: undefined }), {}, 'clientSecret'],
  ])('cannot be set if %s', async (_, without, arrival, cure) => {
    const outcome = await new Person().visit(without, 'https://app.example/', arrival)
    expect(errorOf(outcome).message).toContain(cure)
  })

  test('is replaced by the session if it cannot be set', async () => {
    for (const [without, arrival] of [
      [strategy, { res: undefined }],
      [strategyWith({ clientSecret: undefined }), {}],
    ] as const) {
      const person = new Person({})
      const handle = await person.begin(without, arrival)
      expect([person.signIns(), Object.keys(person.session ?? {})]).toEqual([{}, ['huggingface:sign-ins']])
      expect(await person.deny(without, handle, arrival)).toBe('access_denied')
    }
  })
})

describe('the cookies of others', () => {
  test.each([
    ['one', 'theme=dark; Path=/'],
    ['several', ['theme=dark; Path=/', 'lang=en; Path=/']],
  ])('stay if the app has set %s on the response', async (_, setCookie) => {
    const person = new Person()
    const handle = await person.begin(strategy, { setCookie })
    const denied = await person.callback(strategy, { error: 'access_denied', state: handle }, { setCookie })
    expect(denied.setCookie).toEqual([...[setCookie].flat(), expect.stringContaining(handle)])
    expect(person.jar.header(secureCallback)).toContain('theme=dark')
  })

  test('are neither changed nor removed', async () => {
    const person = new Person()
    for (const name of ['sid', 'hf-signin', '__Host-hf-signin', '__Host-hf-signinX', '__proto__']) person.plant(name, 'theirs', '')
    const before = person.jar.header(secureCallback)
    for (let count = 0; count < 8; count += 1) await person.begin(strategy)
    expect(person.jar.header(secureCallback)).toContain(before)
  })

  test('do not stand in the way, however odd, even with our prefix', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 }), { maxLength: 6 }), async (names) => {
        const person = new Person()
        const odd = names.map((name) => `__Host-hf-signin.${name.replaceAll(/[;=]/g, '')}=1`)
        const handle = await person.begin(strategy, { headers: { cookie: odd.join('; ') } })
        const cookie = [...odd, person.jar.header(secureCallback)].join('; ')
        expect(await person.deny(strategy, handle, { headers: { cookie } })).toBe('access_denied')
      }),
      { numRuns: 100 },
    ))

  test('of the other kind are not counted', async () => {
    const person = new Person()
    const times = [1, 2, 3, 4, 5].map((later) => (Date.now() + later).toString(36))
    for (const time of times) person.plant(`${time}.${'A'.repeat(22)}`, 'x', 'hf-signin.')
    const handle = await person.begin(strategy)
    expect(await person.begin(strategy)).not.toBe(handle)
    expect(Object.keys(person.signIns())).toHaveLength(7)
  })

  test('that were planted in great number are removed ten at a time', async () => {
    const person = new Person()
    for (let count = 10; count < 60; count += 1) person.plant(`${Date.now().toString(36)}.${'A'.repeat(20)}${count}`, 'x')
    const { action, setCookie } = await person.visit(strategy, 'https://app.example/auth/huggingface')
    expect([action, setCookie.length]).toEqual(['redirect', 11])
    expect(Object.keys(person.signIns())).toHaveLength(41)
  })
})

describe('a person with many tabs', () => {
  test('never sends 4 KB of cookies, whatever their size, and can always finish the latest', () => {
    const visits = fc.array(fc.record({ size: fc.integer({ min: 0, max: 2000 }), finishes: fc.boolean() }), { minLength: 6, maxLength: 12 })
    return fc.assert(
      fc.asyncProperty(visits, async (all) => {
        const person = new Person()
        for (const { size, finishes } of all) {
          const handle = await person.begin(strategy, { options: { state: 'x'.repeat(size) } })
          expect(person.jar.header(secureCallback).length).toBeLessThan(4096)
          if (finishes) expect(await person.deny(strategy, handle)).toBe('access_denied')
        }
      }),
      { numRuns: 30 },
    )
  })
})

describe('the state of the app', () => {
  test.each([
    ['a long string', 'x'.repeat(4000)],
    ['a large object', { list: Array(500).fill('models') }],
  ])('is refused at the first leg if it is too large for a cookie: %s', async (_, state) => {
    const outcome = await new Person().visit(strategy, 'https://app.example/', { options: { state } })
    expect(errorOf(outcome)).toBeInstanceOf(RangeError)
    expect(errorOf(outcome).message).toMatch(/store it/)
    expect(outcome.setCookie).toEqual([])
  })

  test('is either refused or kept by the browser, whatever its size', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1500, max: 3500 }), async (size) => {
        const person = new Person()
        const state = '抱'.repeat(size / 3)
        const outcome = await person.visit(strategy, 'https://app.example/', { options: { state } })
        if (outcome.action === 'error') expect(errorOf(outcome)).toBeInstanceOf(RangeError)
        else expect(Object.keys(person.signIns())).toHaveLength(1)
      }),
      { numRuns: 30 },
    ))

  test.each([
    ['a bigint', 1n],
    ['a cycle', cycle()],
  ])('that is no JSON value is an error at the first leg: %s', async (_, state) => {
    expect(errorOf(await new Person().visit(strategy, 'https://app.example/', { options: { state } }))).toBeInstanceOf(TypeError)
  })

  function cycle(): object {
    const value: Record<string, unknown> = {}
    value['self'] = value
    return value
  }
})
