import { beforeEach, expect, jest, test } from '@jest/globals'
import { SessionStateStore } from '../../lib'
import { Person, secureCallback } from '../support/person'
import { watchSignIns } from '../support/sign-in'
import { strategyWith } from '../support/stores'

watchSignIns()
beforeEach(() => {
  // each reading of the clock is a millisecond later, so that of two sign-ins one is the older
  let now = Date.now()
  jest.spyOn(Date, 'now').mockImplementation(() => now++)
})

/** Whose session notices only what is assigned to it: a change inside throws. */
function somebody(session: Record<string, unknown> = { theme: 'dark' }): Person {
  return Object.assign(new Person(session), { freezesSession: true })
}

const strategy = strategyWith({ store: new SessionStateStore() })
const key = 'huggingface:sign-ins'

test.each([
  ['a key that can be relied on', strategy, key],
  ['a key of the app’s own', strategyWith({ store: new SessionStateStore({ key: 'my key' }) }), 'my key'],
])('a session keeps sign-ins under %s, beside what else is in it, and needs no cookie', async (_, by, name) => {
  const person = somebody()
  const handle = await person.begin(by)
  expect(Object.keys(person.session ?? {})).toEqual(['theme', name])
  expect(await person.deny(by, handle)).toBe('access_denied')
  expect(person.session).toMatchObject({ theme: 'dark' })
  expect(person.jar.header(secureCallback)).toBe('')
})

test('a session that is itself a cookie of 4 KB loses only the oldest of five with long states', async () => {
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
  'a session in which something else is under the key has it replaced: %j',
  async (value) => {
    const person = somebody({ [key]: value })
    const lost = await somebody().begin(strategy)
    expect(await person.deny(strategy, lost)).toBe('state_lost')
    expect(await person.deny(strategy, await person.begin(strategy))).toBe('access_denied')
  },
)
