import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import { CookieStateStore, SessionStateStore } from '../../lib'
import { Person, secureCallback, tickClock } from '../support/person'
import { errorOf, watchSignIns } from '../support/sign-in'
import { strategyWith } from '../support/stores'

watchSignIns()
beforeEach(tickClock)
afterEach(() => {
  jest.restoreAllMocks()
})

/** Whose session notices only what is assigned to it: a change inside throws. */
function somebody(session: Record<string, unknown> = { theme: 'dark' }): Person {
  return Object.assign(new Person(session), { freezesSession: true })
}

describe.each([
  ['cookies', new CookieStateStore({ secret: 'a secret' })],
  ['the session', new SessionStateStore()],
])('pending sign-ins in %s', (_, store) => {
  const strategy = strategyWith({ store })
  const begin = async (person: Person, count: number, state: unknown = { returnTo: '/models' }) => {
    const handles: string[] = []
    while (handles.length < count) handles.push(await person.begin(strategy, { options: { state } }))
    return handles
  }

  test('end in any order, and leave nothing behind', () =>
    fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }), async (order) => {
        const person = somebody()
        const handles = await begin(person, 5)
        for (const tab of order) expect(await person.deny(strategy, handles[tab] ?? '')).toBe('access_denied')
        expect(person.pending()).toEqual([])
        expect(JSON.stringify(person.session)).not.toContain('models')
      }),
      { numRuns: 20 },
    ))

  test('that are abandoned make room: the latest five of twelve are kept', async () => {
    const person = somebody()
    const handles = await begin(person, 12)
    expect(person.pending()).toEqual(handles.slice(-5))
    expect(await person.deny(strategy, handles[6] ?? '')).toBe('state_unknown')
    for (const handle of handles.slice(-5)) expect(await person.deny(strategy, handle)).toBe('access_denied')
  })

  test('are left alone by a forged callback', async () => {
    const person = somebody()
    const [handle = ''] = await begin(person, 1)
    for (const state of ['x', `${handle}x`, handle.slice(0, -1), '__proto__', 'constructor', '../../', `${handle}; Path=/`]) {
      const { setCookie, args } = await person.callback(strategy, { error: 'access_denied', state })
      expect([setCookie, args]).toEqual([[], [expect.objectContaining({ code: 'state_unknown' }), 403]])
    }
    expect(person.pending()).toEqual([handle])
    expect(await person.deny(strategy, handle)).toBe('access_denied')
  })

  test.each([
    ['hub', { hubURL: 'http://127.0.0.1:10' }],
    ['client', { clientID: 'another-app' }],
  ])('do not end for another %s', async (__, other) => {
    const person = somebody()
    const [handle = ''] = await begin(person, 1)
    expect(await person.deny(strategyWith({ store, ...other }), handle)).toBe('state_unknown')
  })
})

describe('a session', () => {
  const strategy = strategyWith({ store: new SessionStateStore() })
  const key = 'huggingface:sign-ins'

  test.each([
    ['a key that can be relied on', strategy, key],
    ['a key of the app’s own', strategyWith({ store: new SessionStateStore({ key: 'my key' }) }), 'my key'],
  ])('keeps them under %s, beside what else is in it, and needs no cookie', async (_, by, name) => {
    const person = somebody()
    const handle = await person.begin(by)
    expect(Object.keys(person.session ?? {})).toEqual(['theme', name])
    expect(await person.deny(by, handle)).toBe('access_denied')
    expect(person.session).toMatchObject({ theme: 'dark' })
    expect(person.jar.header(secureCallback)).toBe('')
  })

  test('that is itself a cookie of 4 KB loses only the oldest of five with long states', async () => {
    const person = somebody()
    const handles: string[] = []
    const state = { returnTo: `/${'x'.repeat(220)}` }
    while (handles.length < 5) handles.push(await person.begin(strategy, { options: { state } }))
    expect(JSON.stringify(person.session).length).toBeLessThan(2500)
    expect(person.pending()).toEqual(handles.slice(1))
    const latest = await person.begin(strategy, { options: { state: 'x'.repeat(3000) } })
    expect(person.pending()).toEqual([latest])
    expect(await person.deny(strategy, latest)).toBe('access_denied')
  })

  test.each([[null], ['a string'], [7], [[]], [{ nonsense: true }], [{ [`${'0'.repeat(8)}.${'a'.repeat(22)}`]: null }]])(
    'in which something else is under the key has it replaced: %j',
    async (value) => {
      const person = somebody({ [key]: value })
      const lost = await somebody().begin(strategy)
      expect(await person.deny(strategy, lost)).toBe('state_lost')
      expect(await person.deny(strategy, await person.begin(strategy))).toBe('access_denied')
    },
  )

  test('that is missing is an error on either leg', async () => {
    errorOf(await new Person().visit(strategy, 'https://app.example/'))
    errorOf(await new Person().callback(strategy, { code: 'c', state: 's' }))
  })
})
