import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { SessionStateStore } from '../../lib'
import { Person, secureCallback, tickClock } from '../support/person'
import { errorOf, strategyFor, watchSignIns } from '../support/sign-in'

watchSignIns()
beforeEach(tickClock)
afterEach(() => {
  jest.restoreAllMocks()
})

const key = 'huggingface:sign-ins'
/** No token is asked for in these tests, so nobody listens at this address. */
const strategyWith = (options: object = {}) =>
  strategyFor({ url: 'http://127.0.0.1:9' }, { callbackURL: secureCallback, store: new SessionStateStore(), ...options }).strategy
const strategy = strategyWith()

/** Whose session notices only what is assigned to it: a change inside throws. */
function somebody(session: Record<string, unknown> = { theme: 'dark' }): Person {
  const person = new Person(session)
  person.freezesSession = true
  return person
}

test('a sign-in is kept under a key that can be relied on, or one of the app’s own, and sets no cookie', async () => {
  const own = strategyWith({ store: new SessionStateStore({ key: 'my key' }) })
  for (const [by, name] of [
    [strategy, key],
    [own, 'my key'],
  ] as const) {
    const person = somebody()
    const handle = await person.begin(by)
    expect(Object.keys(person.session ?? {})).toEqual(['theme', name])
    expect(await person.deny(by, handle)).toBe('access_denied')
    expect(person.session).toMatchObject({ theme: 'dark' })
    expect(person.jar.header(secureCallback)).toBe('')
  }
})

test('a sign-in that has ended makes room, and leaves nothing behind', async () => {
  const person = somebody()
  const first = await person.begin(strategy)
  for (let count = 0; count < 8; count += 1) {
    const handle = await person.begin(strategy, { options: { state: 'private-page' } })
    expect(await person.deny(strategy, handle)).toBe('access_denied')
  }
  expect(JSON.stringify(person.session)).not.toContain('private-page')
  expect(await person.deny(strategy, first)).toBe('access_denied')
})

describe('a session that is itself a cookie of 4 KB', () => {
  test('loses only the oldest of five sign-ins with long states', async () => {
    const person = somebody()
    const handles: string[] = []
    const state = { returnTo: `/${'x'.repeat(220)}` }
    for (let count = 0; count < 5; count += 1) handles.push(await person.begin(strategy, { options: { state } }))
    expect(JSON.stringify(person.session).length).toBeLessThan(2500)
    expect(person.pending()).toEqual(handles.slice(1).sort())
    for (const handle of handles.slice(1)) expect(await person.deny(strategy, handle)).toBe('access_denied')
  })

  test('keeps the latest, whatever its size', async () => {
    const person = somebody()
    await person.begin(strategy)
    const handle = await person.begin(strategy, { options: { state: 'x'.repeat(3000) } })
    expect(person.pending()).toEqual([handle])
    expect(await person.deny(strategy, handle)).toBe('access_denied')
  })
})

test.each([[null], ['a string'], [7], [[]], [{ nonsense: true }], [{ [`${'0'.repeat(8)}.${'a'.repeat(22)}`]: null }]])(
  'what else may be under the key does no harm, and is replaced: %j',
  async (value) => {
    const person = somebody({ [key]: value })
    const lost = await somebody().begin(strategy)
    expect(await person.deny(strategy, lost)).toBe('state_lost')
    expect(await person.deny(strategy, await person.begin(strategy))).toBe('access_denied')
  },
)

test('no session is an error', async () => {
  const person = new Person()
  expect(errorOf(await person.visit(strategy, 'https://app.example/')).message).toContain('session middleware')
  expect(errorOf(await person.callback(strategy, { code: 'c', state: 's' })).message).toContain('session middleware')
})
