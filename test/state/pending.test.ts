import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import { CookieStateStore, SessionStateStore } from '../../lib'
import { Person, secureCallback, tickClock } from '../support/person'
import { strategyFor, watchSignIns } from '../support/sign-in'

watchSignIns()
beforeEach(tickClock)
afterEach(() => {
  jest.restoreAllMocks()
})

/** Whose session notices only what is assigned to it: a change inside throws. */
function somebody(): Person {
  const person = new Person({})
  person.freezesSession = true
  return person
}

describe.each([
  ['cookies', new CookieStateStore({ secret: 'a secret' })],
  ['the session', new SessionStateStore()],
])('pending sign-ins in %s', (_, store) => {
  /** No token is asked for in these tests, so nobody listens at this address. */
  const strategyWith = (options: object = {}) =>
    strategyFor({ url: 'http://127.0.0.1:9' }, { callbackURL: secureCallback, store, ...options }).strategy
  const strategy = strategyWith()
  const begin = async (person: Person, count: number) => {
    const handles: string[] = []
    while (handles.length < count) handles.push(await person.begin(strategy, { options: { state: { returnTo: '/models' } } }))
    return handles
  }

  test('end in any order', () =>
    fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }), async (order) => {
        const person = somebody()
        const handles = await begin(person, 5)
        for (const tab of order) expect(await person.deny(strategy, handles[tab] ?? '')).toBe('access_denied')
        expect(person.pending()).toEqual([])
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
    expect(await person.deny(strategyWith(other), handle)).toBe('state_unknown')
  })
})
