import { createDecipheriv, hkdfSync } from 'node:crypto'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { beforeEach, describe, expect, jest, test } from '@jest/globals'
import { CookieStateStore, type CookieStateStoreOptions, type HuggingFaceStrategy, type HuggingFaceStrategyOptions } from '../../lib'
import { type Arrival, Person, secureCallback, stateOf } from '../support/person'
import { errorOf, watchSignIns } from '../support/sign-in'
import { strategyWith } from '../support/stores'

watchSignIns()

const stateSecret = 'a random string of more than thirty-two characters'
let strategy: HuggingFaceStrategy
beforeEach(() => {
  strategy = strategyWith({ stateSecret })
})
const local = { callbackURL: 'http://localhost:3000/callback' }
const storeOf = (options: Partial<CookieStateStoreOptions>) => new CookieStateStore({ secret: 'a secret', ...options })

async function begun(state?: unknown, person = new Person()) {
  const handle = await person.begin(strategy, { options: { state } })
  const value = person.signIns()[handle] ?? ''
  return { person, handle, value, bytes: Buffer.from(value, 'base64url') }
}

describe('a cookie', () => {
  const attributesOf = (line = '') => Object.fromEntries(new URLSearchParams(line.split('; ').slice(1).join('&').toLowerCase()))
  const secure = { secure: '', httponly: '', path: '/', samesite: 'lax' }
  const { secure: _, ...plain } = secure
  const framed = { sameSite: 'none', partitioned: true } as const
  test.each<[string, () => Partial<HuggingFaceStrategyOptions>, Arrival, string, object]>([
    ['is bound to this host and to https', () => ({}), {}, '__Host-hf-signin.', secure],
    ["is the same in a store of the app's", () => ({ store: storeOf({}) }), {}, '__Host-hf-signin.', secure],
    [
      'can be for an app in a frame',
      () => ({ store: storeOf(framed) }),
      {},
      '__Host-hf-signin.',
      { ...secure, samesite: 'none', partitioned: '' },
    ],
    ['works over http on a machine of one’s own', () => local, { address: local.callbackURL }, 'hf-signin.', plain],
    ['works there if the host takes http for https', () => local, { address: 'https://localhost:3000/' }, 'hf-signin.', plain],
    ['follows the callback URL of the request', () => local, { options: { callbackURL: secureCallback } }, '__Host-hf-signin.', secure],
  ])('%s, also when it is removed', async (__, options, arrival, prefix, attributes) => {
    const by = strategyWith({ stateSecret, ...options() })
    const person = new Person()
    const { args, setCookie } = await person.visit(by, arrival)
    const handle = stateOf(args[0])
    const denied = await person.callback(by, { error: 'access_denied', state: handle }, arrival)
    expect(denied).toMatchObject({ action: 'fail', args: [{ code: 'access_denied' }, 403] })
    const lines = [...setCookie, ...denied.setCookie]
    expect(lines.map((line) => line.split('=')[0])).toEqual([prefix + handle, prefix + handle])
    expect(denied.setCookie[0]).toContain('=;')
    expect(lines.map(attributesOf)).toEqual(['3600', '0'].map((age) => ({ ...attributes, 'max-age': age })))
    expect(person.jar.header(arrival.address ?? secureCallback)).toBe('')
  })

  test.each([{ sameSite: 'none' as const }, { partitioned: true }])('with %j is for https only', async (options) => {
    const { setCookie } = await new Person().visit(strategyWith({ ...local, store: storeOf(options) }), {})
    expect(setCookie).toEqual([expect.stringMatching(/^__Host-.*; Secure/)])
  })

  test('that another subdomain may have planted does not open, also if the request looks like http', async () => {
    const [attacker, person] = [new Person(), new Person()]
    const handle = await attacker.begin(strategy)
    person.plant(handle, attacker.signIns()[handle] ?? '', 'hf-signin.')
    expect(await person.deny(strategy, handle)).toBe('state_unknown')
    expect(await person.deny(strategy, handle, { protocol: 'http' })).toBe('state_unknown')
    // the attacker has told the app another host
    const { args, setCookie } = await attacker.visit(strategyWith(local), { address: local.callbackURL })
    person.plant(stateOf(args[0]), /=([^;]+)/.exec(String(setCookie))?.[1] ?? '', 'hf-signin.')
    expect(await person.deny(strategyWith(local), stateOf(args[0]))).toBe('state_unknown')
  })

  test.each<[string, Partial<HuggingFaceStrategyOptions>, Arrival]>([
    ['the response cannot be reached', {}, { res: undefined }],
    ['there is no secret', { clientSecret: undefined }, {}],
  ])('is replaced by the session if %s', async (__, options, arrival) => {
    const by = strategyWith(options)
    const person = new Person({})
    const handle = await person.begin(by, arrival)
    expect([person.signIns(), Object.keys(person.session ?? {})]).toEqual([{}, ['huggingface:sign-ins']])
    expect(await person.deny(by, handle, arrival)).toBe('access_denied')
  })
})

describe('the cookies of others', () => {
  test('stay if the app has set some on the response', async () => {
    for (const lines of ['theme=dark; Path=/', ['theme=dark; Path=/', 'lang=en; Path=/']]) {
      const res = new ServerResponse(new IncomingMessage(new Socket()))
      res.setHeader('Set-Cookie', lines)
      const { args, setCookie } = await new Person().visit(strategy, { res })
      expect(setCookie).toEqual([...[lines].flat(), expect.stringContaining(stateOf(args[0]))])
    }
  })

  test('are neither changed nor removed', async () => {
    const person = new Person()
    const names = ['sid', 'hf-signin', '__Host-hf-signin', '__Host-hf-signinX', '__Host-hf-signin.theirs', '__proto__']
    for (const name of names) person.plant(name, 'theirs', '')
    const before = person.jar.header(secureCallback)
    for (let count = 0; count < 8; count += 1) await person.begin(strategy)
    expect(person.jar.header(secureCallback)).toContain(before)
  })
})

test('of six tabs the first is forgotten, and of many planted cookies a few are removed at a time', async () => {
  // all in one millisecond
  jest.spyOn(Date, 'now').mockReturnValue(Date.now())
  const person = new Person()
  const handles: string[] = []
  for (let tab = 0; tab < 6; tab++) handles.push(await person.begin(strategy))
  expect(person.pending()).toEqual(handles.slice(1).sort())
  for (let count = 10; count < 40; count++) person.plant(`000000${count}.${'x'.repeat(22)}`, 'planted')
  const { setCookie } = await person.visit(strategy, {})
  expect(setCookie.map((line) => /^[^=]+=;/.test(line))).toEqual([...Array(10).fill(true), false])
  expect(person.pending()).toEqual(expect.arrayContaining(handles.slice(2)))
})

describe('the state of the app', () => {
  const visit = (state: unknown, person = new Person()) => person.visit(strategy, { options: { state } })

  test('is kept or refused as too large, and many tabs never send 4 KB of cookies', async () => {
    expect(await visit('x'.repeat(1500))).toMatchObject({ action: 'redirect' })
    const tooLarge = await visit({ list: Array(500).fill('models') })
    expect(tooLarge).toMatchObject({ action: 'error', args: [expect.any(RangeError)], setCookie: [] })
    const person = new Person()
    for (const letter of ['xxx', '抱']) {
      for (let length = 0; length < 500; length += 5) {
        const { args } = await visit(letter.repeat(length), person)
        expect(person.jar.header(secureCallback).length).toBeLessThan(4096)
        expect(Object.keys(person.signIns())).toContain(stateOf(args[0]))
      }
    }
  })

  test('that is no JSON value is an error at the first leg', async () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    for (const state of [1n, cycle]) expect(errorOf(await visit(state))).toBeInstanceOf(TypeError)
  })
})

describe('encryption', () => {
  test('is by AES-256-GCM, bound to its cookie, by a key for this purpose alone', async () => {
    const { handle, bytes } = await begun('mine')
    const key = hkdfSync('sha256', stateSecret, '', 'passport-huggingface sign-in', 32)
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key), bytes.subarray(0, 12))
    decipher.setAAD(Buffer.from(`__Host-hf-signin.${handle}`)).setAuthTag(bytes.subarray(-16))
    const text = decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8')
    expect(JSON.parse(text)).toMatchObject({ callbackURL: secureCallback, state: 'mine' })
  })

  test('has a new initialization vector for each sign-in, and a handle that tells its time and nothing else', async () => {
    const now = Date.parse('2026-11-22T12:00:00Z')
    jest.spyOn(Date, 'now').mockReturnValue(now)
    const all = await Promise.all(Array.from({ length: 20 }, () => begun('same')))
    for (const { handle } of all) expect(handle).toMatch(new RegExp(`^${now.toString(36)}\\.[\\w-]{22}$`))
    expect(new Set(all.map(({ handle }) => handle)).size).toBe(20)
    expect(new Set(all.map(({ bytes }) => bytes.subarray(0, 12).toString('hex'))).size).toBe(20)
  })

  test('shows any change of a cookie, and the sign-in is unknown', async () => {
    const { person, handle, value, bytes } = await begun({ returnTo: '/' })
    const other = await begun('other', person)
    const changed = [...bytes].flatMap((byte, at) => [bytes.with(at, byte ^ (1 << (at % 8))), bytes.subarray(0, at)])
    for (const each of [...changed, Buffer.concat([bytes, Buffer.of(0)]), other.bytes]) {
      person.plant(handle, Buffer.from(each).toString('base64url'))
      expect(await person.deny(strategy, handle)).toBe('state_unknown')
    }
    person.plant(handle, value)
    expect(await person.deny(strategy, handle)).toBe('access_denied')
  })

  const newSecret = 'another random string, of more than thirty-two characters'
  const list = [newSecret, stateSecret]
  test.each([
    ['another secret', stateSecret, `${stateSecret} `, 'state_unknown'],
    ['a list without its secret', stateSecret, [newSecret, stateSecret.slice(1)], 'state_unknown'],
    ['a list with its secret', stateSecret, list, 'access_denied'],
    ['the second secret of its list', list, stateSecret, 'state_unknown'],
    ['the first secret of its list', list, newSecret, 'access_denied'],
  ])('is undone by the same secret only: %s', async (_, before, after, code) => {
    const person = new Person()
    const handle = await person.begin(strategyWith({ stateSecret: before }))
    expect(await person.deny(strategyWith({ stateSecret: after }), handle)).toBe(code)
  })

  test.each([[''], [[]], [['a secret', '']], [undefined], [null]])('needs a secret, and %j is none', (secret) => {
    expect(() => new CookieStateStore({ secret: secret as string })).toThrow(TypeError)
  })
})
