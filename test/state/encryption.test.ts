import { createDecipheriv, hkdfSync } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { CookieStateStore, type HuggingFaceStrategyOptions } from '../../lib'
import { Person, secureCallback } from '../support/person'
import { strategyFor, watchSignIns } from '../support/sign-in'

watchSignIns()

const stateSecret = 'a random string of more than thirty-two characters'
/** No token is asked for in these tests, so nobody listens at this address. */
const strategyWith = (options: Partial<HuggingFaceStrategyOptions> = {}) =>
  strategyFor({ url: 'http://127.0.0.1:9' }, { callbackURL: secureCallback, stateSecret, ...options }).strategy
const strategy = strategyWith()

async function begun(state?: unknown, person = new Person()) {
  const handle = await person.begin(strategy, { options: { state } })
  const value = person.signIns()[handle] ?? ''
  return { person, handle, value, bytes: Buffer.from(value, 'base64url') }
}

test('a cookie shows nothing of the sign-in, in any encoding', async () => {
  const { handle, value, bytes } = await begun({ returnTo: '/private-page' })
  const readings = (['utf8', 'base64', 'hex', 'latin1'] as const).map((encoding) => Buffer.from(value, encoding).toString('latin1'))
  for (const reading of [handle, value, bytes.toString('latin1'), ...readings]) {
    for (const content of ['private-page', 'returnTo', 'app.example', 'openid', stateSecret]) expect(reading).not.toContain(content)
  }
})

test('a cookie is encrypted by AES-256-GCM, bound to its handle, by a key for this purpose alone', async () => {
  const { handle, bytes } = await begun('mine')
  const key = hkdfSync('sha256', stateSecret, '', 'passport-huggingface sign-in', 32)
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key), bytes.subarray(0, 12))
  decipher.setAAD(Buffer.from(handle)).setAuthTag(bytes.subarray(-16))
  const text = decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8')
  expect(JSON.parse(text)).toMatchObject({ callbackURL: secureCallback, state: 'mine' })
})

test('each cookie is encrypted with an initialization vector of its own', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => begun('same')))
  expect(new Set(all.map(({ bytes }) => bytes.subarray(0, 12).toString('hex'))).size).toBe(20)
})

describe('a sign-in is unknown if its cookie', () => {
  test('was changed by a bit, cut short, made longer, or replaced', async () => {
    const { person, handle, value, bytes } = await begun({ returnTo: '/' })
    const flipped = fc.tuple(fc.nat(bytes.length - 1), fc.nat(7)).map(([at, bit]) => {
      const copy = Buffer.from(bytes)
      copy.writeUInt8(copy.readUInt8(at) ^ (1 << bit), at)
      return copy
    })
    const changed = fc.oneof(
      flipped,
      fc.nat(bytes.length - 1).map((length) => bytes.subarray(0, length)),
      fc.uint8Array({ minLength: 1, maxLength: 40 }).map((more) => Buffer.concat([bytes, more])),
      fc.uint8Array({ minLength: 1, maxLength: 300 }).map((any) => Buffer.from(any)),
    )
    await fc.assert(
      fc.asyncProperty(changed, async (other) => {
        person.plant(handle, other.toString('base64url'))
        expect(await person.deny(strategy, handle)).toBe('state_unknown')
      }),
      { numRuns: 300 },
    )
    person.plant(handle, value)
    expect(await person.deny(strategy, handle)).toBe('access_denied')
  })

  test('is that of another sign-in', async () => {
    const person = new Person()
    const [one, two] = [await begun('one', person), await begun('two', person)]
    person.plant(one.handle, two.value)
    expect(await person.deny(strategy, one.handle)).toBe('state_unknown')
    expect(await person.deny(strategy, two.handle)).toBe('access_denied')
  })

  test.each([
    ['another secret', { stateSecret: `${stateSecret} ` }],
    ['a list without its secret', { stateSecret: [stateSecret.toUpperCase(), stateSecret.slice(1)] }],
  ])('comes to a strategy with %s', async (_, options) => {
    const { person, handle } = await begun()
    expect(await person.deny(strategyWith(options), handle)).toBe('state_unknown')
  })
})

test('a secret can be rotated: the first of a list encrypts, and all decrypt', async () => {
  const newSecret = 'another random string, of more than thirty-two characters'
  const rotated = strategyWith({ stateSecret: [newSecret, stateSecret] })
  const { person, handle } = await begun()
  expect(await person.deny(rotated, handle)).toBe('access_denied')

  const later = await person.begin(rotated)
  expect(await person.deny(strategy, later)).toBe('state_unknown')
  expect(await person.deny(strategyWith({ stateSecret: newSecret }), later)).toBe('access_denied')
})

test.each([[''], [[]], [['a secret', '']], [undefined], [null]])('a cookie store needs a secret, and %j is none', (secret) => {
  expect(() => new CookieStateStore({ secret: secret as string })).toThrow(TypeError)
})
