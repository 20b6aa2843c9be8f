import { afterEach, describe, expect, jest, test } from '@jest/globals'
import type { StateStore } from '../../lib'
import { isUsed, markUsed } from '../../lib/state/store'
import { Person, secureCallback } from '../support/person'
import { startRawHub, strategyFor, watchSignIns } from '../support/sign-in'
import { storeKinds } from '../support/stores'

watchSignIns()
afterEach(() => {
  jest.restoreAllMocks()
})

const strategyWith = async (options: object = {}) => {
  const hub = await startRawHub()
  return { hub, ...strategyFor(hub, { callbackURL: secureCallback, ...options }) }
}

describe.each(storeKinds)('with %s', (_, makeStore) => {
  test('of two callbacks at the same moment one signs in, and the code is sent once', async () => {
    const { hub, strategy } = await strategyWith({ store: makeStore() })
    const person = new Person({})
    const state = await person.begin(strategy)
    const outcomes = await Promise.all([person.finish(hub, strategy, state), person.finish(hub, strategy, state)])
    // a database that removes what it returns knows nothing of it the second time
    expect(outcomes.map(({ action }) => action).filter((action) => action === 'success')).toHaveLength(1)
    expect(hub.to('token')).toHaveLength(1)
  })

  test('a callback that is loaded again is done', async () => {
    const { hub, strategy } = await strategyWith({ store: makeStore() })
    const person = new Person({})
    const state = await person.begin(strategy)
    const { session, jar } = person
    const cookies = jar.header(secureCallback)
    expect(await person.finish(hub, strategy, state)).toMatchObject({ action: 'success' })
    // as if the browser had not received the first response
    person.session = session
    const again = await person.finish(hub, strategy, state, { headers: { cookie: cookies } })
    expect(again).toMatchObject({ action: 'fail', args: [{ code: 'state_used' }, 403] })
    expect(hub.to('token')).toHaveLength(1)
  })
})

test('a sign-in that ended in an error is done too', async () => {
  const { hub, strategy } = await strategyWith()
  const { token } = hub.answers
  hub.answers.token = (socket) => socket.destroy()
  const person = new Person()
  const state = await person.begin(strategy)
  const headers = { cookie: person.jar.header(secureCallback) }
  expect(await person.finish(hub, strategy, state)).toMatchObject({ action: 'error' })
  hub.answers.token = token
  expect(await person.finish(hub, strategy, state, { headers })).toMatchObject({ action: 'fail', args: [{ code: 'state_used' }, 403] })
})

test('what is done is remembered for as long as a sign-in may take, and forgotten afterwards', async () => {
  const { strategy } = await strategyWith()
  const person = new Person()
  const state = await person.begin(strategy)
  const headers = { cookie: person.jar.header(secureCallback) }
  expect(await person.deny(strategy, state)).toBe('access_denied')
  const now = performance.now()
  const minutesLater = async (minutes: number) => {
    jest.spyOn(performance, 'now').mockReturnValue(now + minutes * 60_000)
    // somebody else signs in
    const other = new Person()
    await other.deny(strategy, await other.begin(strategy))
    return person.deny(strategy, state, { headers })
  }
  expect(await minutesLater(59)).toBe('state_used')
  expect(await minutesLater(61)).toBe('access_denied')
})

test('at most ten thousand of them are remembered', () => {
  for (let count = 0; count <= 10_000; count += 1) markUsed(`handle ${count}`)
  expect([0, 1, 10_000].map((count) => isUsed(`handle ${count}`))).toEqual([false, true, true])
})

/** As an app may write one that uses the session's ID for a handle. */
function oneHandleStore(): StateStore {
  let kept: { verifier: string; state: object } | undefined
  return {
    store(_req, verifier, state, _meta, done) {
      kept = { verifier, state }
      done(null, 'the-session')
    },
    verify(_req, _handle, _meta, done) {
      done(null, kept?.verifier ?? false, kept?.state)
    },
  }
}

test('a store of the app may use a handle again for the next sign-in', async () => {
  const { hub, strategy } = await strategyWith({ store: oneHandleStore() })
  const person = new Person()
  for (let count = 0; count < 2; count++) {
    expect(await person.finish(hub, strategy, await person.begin(strategy))).toMatchObject({ action: 'success' })
    expect(await person.finish(hub, strategy, 'the-session')).toMatchObject({ args: [{ code: 'state_used' }, 403] })
  }
})

test('two clients whose stores use the same handle do not disturb each other', async () => {
  const { hub, strategy } = await strategyWith({ store: oneHandleStore() })
  const { strategy: other } = strategyFor(hub, {
    callbackURL: secureCallback,
    clientID: 'another',
    scope: 'profile',
    store: oneHandleStore(),
  })
  const person = new Person()
  const states = [await person.begin(strategy), await person.begin(other)]
  expect(await person.finish(hub, strategy, states[0] ?? '')).toMatchObject({ action: 'success' })
  expect(await person.finish(hub, other, states[1] ?? '')).toMatchObject({ action: 'success' })
})
