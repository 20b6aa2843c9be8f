import { afterEach, describe, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import { SessionStateStore } from '../../lib'
import { callbackURL, meta, Person, verifier } from './person'

const store = new SessionStateStore()
const key = 'huggingface:sign-ins'
const somebody = () => {
  const person = new Person()
  person.session = { theme: 'dark' }
  person.freezesSession = true
  return person
}

const setClock = (time: string) => jest.spyOn(Date, 'now').mockReturnValue(Date.parse(time))
afterEach(() => {
  jest.restoreAllMocks()
})

test('gives back the verifier and any JSON as the app state', () =>
  fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 2 }), async (state) => {
      const person = somebody()
      const answer = await person.finish(store, await person.begin(store, state))
      expect(answer).toMatchObject({ verifier, kept: { callbackURL } })
      expect(answer.state).toEqual(JSON.parse(JSON.stringify(state)))
    }),
    { numRuns: 50 },
  ))

test('keeps to its own key, and sets no cookie', async () => {
  const person = somebody()
  const handle = await person.begin(store)
  expect(Object.keys(person.session ?? {})).toEqual(['theme', key])
  expect((await person.finish(store, handle)).setCookie).toEqual([])
  expect(person.session).toMatchObject({ theme: 'dark' })

  const elsewhere = new SessionStateStore({ key: 'my key' })
  const other = somebody()
  expect(await other.finish(elsewhere, await other.begin(elsewhere))).toMatchObject({ verifier })
  expect(Object.keys(other.session ?? {})).toEqual(['theme', 'my key'])
})

test('several sign-ins end in any order, in a session that notices only what is assigned to it', () =>
  // a change inside what the session holds throws: it is frozen between requests
  fc.assert(
    fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }), async (order) => {
      const person = somebody()
      const handles: string[] = []
      for (const tab of [0, 1, 2, 3, 4]) handles.push(await person.begin(store, { tab }))
      for (const tab of order) expect(await person.finish(store, handles[tab] ?? '')).toMatchObject({ state: { tab } })
    }),
    { numRuns: 20 },
  ))

test('twelve abandoned ones leave the latest five', async () => {
  const person = somebody()
  const handles: string[] = []
  for (let count = 0; count < 12; count++) handles.push(await person.begin(store))
  expect(Object.keys(person.session?.[key] ?? {})).toEqual(handles.slice(-5))
  expect((await person.finish(store, handles[0] ?? '')).info).toMatchObject({ code: 'state_unknown' })
  for (const handle of handles.slice(-5)) expect(await person.finish(store, handle)).toMatchObject({ verifier })
})

test('what is used makes room for what is in progress', async () => {
  const person = somebody()
  const [first, ...others] = [
    await person.begin(store, 'first'),
    await person.begin(store),
    await person.begin(store),
    await person.begin(store),
    await person.begin(store),
  ]
  for (const handle of others) await person.finish(store, handle)
  for (let count = 0; count < 4; count++) await person.begin(store)
  expect(await person.finish(store, first)).toMatchObject({ state: 'first' })
})

test('a sign-in that has ended leaves nothing but that it has', async () => {
  const person = somebody()
  const handle = await person.begin(store, { returnTo: '/private-page' })
  await person.finish(store, handle)
  expect((await person.finish(store, handle)).info).toMatchObject({ code: 'state_used' })
  expect(JSON.stringify(person.session)).not.toContain(verifier)
  expect(JSON.stringify(person.session)).not.toContain('private-page')
})

test('a forged callback changes nothing', async () => {
  const person = somebody()
  const handle = await person.begin(store)
  const before = structuredClone(person.session)
  for (const forged of ['', 'x', `${handle}x`, handle.slice(0, -1), '__proto__', 'constructor', 'toString']) {
    expect((await person.finish(store, forged)).info).toMatchObject({ code: 'state_unknown' })
    expect(person.session).toEqual(before)
  }
  expect(await person.finish(store, handle)).toMatchObject({ verifier })
})

describe('does not end', () => {
  test.each([
    ['hub', { authorizationURL: 'https://another-hub.example/oauth/authorize' }],
    ['client', { clientID: 'another-app' }],
  ])('for another %s in the same session', async (_, other) => {
    const person = somebody()
    const handle = await person.begin(store)
    expect((await person.finish(store, handle, { meta: { ...meta, ...other } })).info).toMatchObject({ code: 'state_unknown' })
    expect(await person.finish(store, handle)).toMatchObject({ verifier })
  })

  test('after more than ten minutes', async () => {
    setClock('2026-11-22T12:00:00Z')
    const person = somebody()
    const [prompt, late] = [await person.begin(store), await person.begin(store)]
    setClock('2026-11-22T12:09:58Z')
    expect(await person.finish(store, prompt)).toMatchObject({ verifier })
    setClock('2026-11-22T12:10:02Z')
    expect((await person.finish(store, late)).info).toMatchObject({ code: 'state_expired' })
    await person.begin(store)
    expect(Object.keys(person.session?.[key] ?? {})).toHaveLength(1)
  })

  test.each([[null], ['a string'], [7], [[]], [{ nonsense: true }], [{ '0.aaaaaaaaaaaaaaaaaaaaaa': null }]])(
    'where something else is under the key, which a new sign-in replaces: %j',
    async (value) => {
      const person = somebody()
      person.session = { [key]: value }
      const unknown = await somebody().begin(store)
      expect((await person.finish(store, unknown)).info).toMatchObject({ code: 'state_lost' })
      expect(await person.finish(store, await person.begin(store))).toMatchObject({ verifier })
    },
  )
})

test('no session is an error that says what to do', async () => {
  const person = new Person()
  await expect(person.begin(store)).rejects.toThrow('session middleware before passport.authenticate')
  await expect(person.finish(store, 'x')).rejects.toThrow('session middleware before passport.authenticate')
})
