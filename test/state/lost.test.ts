import { describe, expect, jest, test } from '@jest/globals'
import { CookieStateStore, SessionStateStore, type StateStore } from '../../lib'
import { Person, secureCallback, stateOf } from '../support/person'
import { strategyFor, watchSignIns } from '../support/sign-in'
import { startWith, storeKinds, strategyWith } from '../support/stores'

watchSignIns()

const strategy = strategyWith()
const failure = (code: unknown) => ({ action: 'fail', args: [{ code }, 403] })
const signedIn = { action: 'success', args: [{ username: 'ada' }, expect.anything()] }

const setClock = (time: string) => jest.spyOn(Date, 'now').mockReturnValue(Date.parse(`2026-11-22T${time}Z`))
const stores = [CookieStateStore, SessionStateStore].flatMap((Store) => [
  { name: Store.name, limit: 'an hour', store: new Store({ secret: 'a secret' }), intime: '12:59:58', late: '13:00:02' },
  { name: Store.name, limit: 'its maxAge', store: new Store({ secret: 'a secret', maxAge: 90_000 }), intime: '12:01:28', late: '12:01:32' },
])
test('a time to come back that is no number is refused', () => {
  for (const Store of [CookieStateStore, SessionStateStore]) {
    for (const maxAge of ['1h', null, Number.POSITIVE_INFINITY]) {
      expect(() => new Store({ secret: 'a secret', maxAge: maxAge as number })).toThrow(TypeError)
    }
  }
})

test.each(stores)('the time to come back with a $name is $limit', async ({ store, intime, late }) => {
  const limited = strategyWith({ store })
  setClock('12:00:00')
  const person = new Person({})
  const [prompt, slow] = [await person.begin(limited), await person.begin(limited)]
  const value = person.signIns()[slow]
  setClock(intime)
  expect(await person.deny(limited, prompt)).toBe('access_denied')
  setClock(late)
  expect(await person.deny(limited, slow)).toBe('state_expired')
  // a browser may keep cookies longer
  if (value) person.plant(slow, value)
  expect(await person.deny(limited, slow)).toBe('state_expired')
  // what has expired makes room, and is begun again
  expect(await person.callback(strategyWith({ store, restart: true }), { code: 'c', state: slow })).toMatchObject({ action: 'redirect' })
  if (!value) expect(person.pending()).toHaveLength(1)
})

test.each([
  ['cookies', new CookieStateStore({ secret: 'a secret' })],
  ['the session', new SessionStateStore()],
])('a sign-in in %s is left alone by a forged callback, and unknown to another hub', async (_, store) => {
  const strategy = strategyWith({ store })
  const person = new Person({})
  const handle = await person.begin(strategy)
  for (const state of ['x', `${handle}x`, handle.slice(0, -1), '__proto__', 'constructor', '../../', `${handle}; Path=/`]) {
    const forged = await person.callback(strategy, { error: 'access_denied', state })
    expect(forged).toMatchObject({ ...failure('state_unknown'), setCookie: [] })
  }
  expect(await person.deny(strategy, handle)).toBe('access_denied')
  const elsewhere = strategyWith({ store, hubURL: 'http://127.0.0.1:10' })
  expect(await person.deny(elsewhere, await person.begin(strategy))).toBe('state_unknown')
})

describe.each(storeKinds)('with %s', (_, makeStore) => {
  test('a lost sign-in is begun again, without the state of the app, and can be finished', async () => {
    const { hub, strategy, person } = await startWith({ store: makeStore() })
    const lost = await new Person({}).begin(strategy, { options: { state: 'mine' } })
    const again = await person.finish(strategy, lost, { options: { state: 'not this one either', scope: 'profile email' } })
    expect(again).toMatchObject({ action: 'redirect', args: [expect.stringMatching(/^http.*&scope=profile\+email&state=again\./)] })
    expect(hub.to('token')).toEqual([])
    const finished = await person.finish(strategy, stateOf(again.args[0]))
    expect(finished).toMatchObject(signedIn)
    expect(finished.args[1]).not.toHaveProperty('state')
  })

  test('a lost sign-in is not begun a third time, so that a browser that keeps nothing does not go round', async () => {
    const { hub, strategy, person } = await startWith({ store: makeStore() })
    const again = await person.finish(strategy, 'lost')
    const third = await new Person({}).finish(strategy, stateOf(again.args[0]))
    expect(third).toMatchObject(failure(expect.stringMatching(/^state_(lost|unknown)$/)))
    expect(hub.to('token')).toEqual([])
  })

  test('of two callbacks at the same moment one signs in, and one that is loaded later is done', async () => {
    const { hub, strategy, person } = await startWith({ store: makeStore(), restart: false })
    const state = await person.begin(strategy)
    const { session } = person
    const headers = { cookie: person.jar.header(secureCallback) }
    const outcomes = await Promise.all([person.finish(strategy, state), person.finish(strategy, state)])
    expect(outcomes.map(({ action }) => action).sort()).toEqual(['fail', 'success'])
    // as if the browser had not received the first response
    person.session = session
    expect(await person.finish(strategy, state, { headers })).toMatchObject(failure('state_used'))
    expect(hub.to('token')).toHaveLength(1)
  })
})

describe('a sign-in is not begun again', () => {
  const gone = { code: 'c', state: 'gone' }
  const restarting = strategyWith({ restart: true })
  test.each([
    ['for a POST', restarting, { method: 'POST' }, gone, 'state_unknown'],
    ['for a denial', restarting, {}, { error: 'access_denied', state: 'gone' }, 'state_unknown'],
    ['for an error of the Hub', restarting, {}, { error: 'server_error', state: 'gone' }, 'state_unknown'],
    ['for a callback of another issuer', restarting, {}, { ...gone, iss: 'https://evil.example' }, 'issuer_mismatch'],
    ['if the app wants no restart', strategy, {}, gone, 'state_unknown'],
  ])('%s', async (_, by, arrival, query, code) => {
    const { action, args, setCookie } = await new Person().callback(by, query, arrival)
    expect([action, args[0], setCookie]).toEqual(['fail', expect.objectContaining({ code }), []])
  })

  test('if it is done, also by a second try', async () => {
    const { strategy, person } = await startWith()
    const again = stateOf((await person.finish(strategy, 'lost')).args[0])
    expect(await person.finish(strategy, again)).toMatchObject(signedIn)
    for (const state of [again, again.replace('again.', '')]) {
      expect(await person.finish(strategy, state)).toMatchObject(failure('state_used'))
    }
  })
})

/** As an app may write one that uses the session's ID for a handle. It takes any other handle too. */
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

test('of the sign-ins that are done, the latest ten thousand are remembered', async () => {
  const forgetful = strategyWith({ store: oneHandleStore() })
  const person = new Person()
  await person.begin(forgetful)
  for (let count = 0; count <= 10_000; count += 1) await person.deny(forgetful, `handle ${count}`)
  expect(await person.deny(forgetful, 'handle 1')).toBe('state_used')
  expect(await person.deny(forgetful, 'handle 10000')).toBe('state_used')
  expect(await person.deny(forgetful, 'handle 0')).toBe('access_denied')
})

test('a store of the app may use a handle again for the next sign-in, and so may the store of another client', async () => {
  const { hub, strategy, person } = await startWith({ store: oneHandleStore() })
  const others = { callbackURL: secureCallback, clientID: 'another', scope: 'profile', store: oneHandleStore() }
  const { strategy: other } = strategyFor(hub, others)
  await person.begin(other)
  for (let count = 0; count < 2; count++) {
    expect(await person.finish(strategy, await person.begin(strategy))).toMatchObject(signedIn)
    expect(await person.finish(strategy, 'the-session')).toMatchObject(failure('state_used'))
  }
  expect(await person.finish(other, 'the-session')).toMatchObject(signedIn)
})
