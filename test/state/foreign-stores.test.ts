import { describe, expect, test } from '@jest/globals'
import type { StateStore } from '../../lib'
import { Person, secureCallback, stateOf } from '../support/person'
import { respond } from '../support/raw-hub'
import { errorOf, startRawHub, strategyFor, watchSignIns } from '../support/sign-in'
import { pkceSessionStore, storeKinds } from '../support/stores'

watchSignIns()

const start = async (store: unknown, options: object = {}) => {
  const hub = await startRawHub()
  const { strategy } = strategyFor(hub, { callbackURL: secureCallback, store: store as StateStore, restart: false, ...options })
  return { hub, strategy, person: new Person({}) }
}

describe.each(storeKinds)('with %s', (_, makeStore) => {
  test.each([[undefined], ['mine'], [{ returnTo: '/models', cart: [1, null] }]])('the state of the app comes back: %j', async (state) => {
    const { hub, strategy, person } = await start(makeStore())
    const finished = await person.finish(hub, strategy, await person.begin(strategy, { options: { state } }))
    expect(finished).toMatchObject({ action: 'success', args: [{ username: 'ada' }, state === undefined ? {} : { state }] })
  })

  test('the code verifier is the one whose challenge was sent', async () => {
    const { hub, strategy, person } = await start(makeStore())
    const { args } = await person.visit(strategy, 'https://app.example/')
    const { searchParams } = new URL(String(args[0]))
    await person.finish(hub, strategy, stateOf(args[0]))
    expect(searchParams.get('code_challenge_method')).toBe('S256')
    expect(hub.to('token')[0]?.form.get('code_verifier')).toMatch(/^[\w-]{43}$/)
    // the Hub put S256 of the verifier into its ID token as the nonce
    expect(searchParams.get('code_challenge')).toBe(searchParams.get('nonce'))
  })

  test('a scope and a callback URL of one request are enforced on the way back', async () => {
    const { hub, strategy, person } = await start(makeStore(), { scope: 'profile' })
    const options = { scope: 'openid profile', callbackURL: 'https://app.example/elsewhere' }
    const finished = await person.finish(hub, strategy, await person.begin(strategy, { options }))
    expect(finished).toMatchObject({ action: 'success' })
    expect(hub.to('token').map(({ form }) => form.get('redirect_uri'))).toEqual([options.callbackURL])

    hub.answers.token = respond((request) => ({ ...hub.tokens(request), id_token: undefined }))
    const refused = await person.finish(hub, strategy, await person.begin(strategy, { options }))
    expect(errorOf(refused)).toMatchObject({ code: 'missing_id_token' })
  })
})

test("passport-oauth2's session store is told the meta of the sign-in, and its refusal is a failure", async () => {
  const store = pkceSessionStore()
  const { strategy, person } = await start(store)
  await person.begin(strategy)
  expect(await person.callback(strategy, { code: 'c', state: 'wrong' })).toMatchObject({
    action: 'fail',
    args: [{ code: 'state_unknown' }, 403],
  })
  expect(errorOf(await new Person().visit(strategy, 'https://app.example/')).message).toContain('session')
})

test.each(['store', 'session', 'null'])('a store that keeps no code verifier is refused: passport-oauth2’s %s', (name) => {
  const Store = require(`passport-oauth2/lib/state/${name}`)
  const options = { store: new Store({ key: 'oauth2:hub' }) }
  expect(() => strategyFor({ url: 'http://127.0.0.1:9' }, options)).toThrow(TypeError)
})

test('a store is told about the sign-in', async () => {
  const told: unknown[][] = []
  const store = {
    store: (req: object, verifier: string, state: object, meta: object, done: Done) => {
      told.push([req, verifier, state, meta])
      done(null, 'a handle')
    },
    verify: () => {},
  }
  const { hub, strategy, person } = await start(store)
  const options = { callbackURL: 'https://app.example/elsewhere' }
  await person.begin(strategy, { options })
  const meta = {
    authorizationURL: `${hub.url}/oauth/authorize`,
    tokenURL: `${hub.url}/oauth/token`,
    clientID: expect.any(String),
    ...options,
  }
  expect(told).toEqual([[expect.objectContaining({ method: 'GET' }), expect.any(String), expect.any(Object), meta]])
})

type Done = (error: unknown, ...values: unknown[]) => void
const five = (call: (done: Done) => unknown) => (_r: unknown, _v: unknown, _s: unknown, _m: unknown, done: Done) => call(done)
const four = (call: (done: Done) => unknown) => (_r: unknown, _h: unknown, _m: unknown, done: Done) => call(done)

describe('a store that fails', () => {
  const trouble = new Error('the database is down')
  const failures: Record<string, (done: Done) => unknown> = {
    throws: () => {
      throw trouble
    },
    rejects: () => Promise.reject(trouble),
    'calls back with an error': (done) => done(trouble),
    'calls back with an error later': (done) => setImmediate(done, trouble),
    'calls back with an error twice': (done) => [done(trouble), done(trouble)],
    'calls back with an error and throws': (done) => {
      done(trouble)
      throw new Error('and another')
    },
  }
  test.each(Object.entries(failures))('and %s is one error, on either leg', async (_, fail) => {
    const { hub, strategy, person } = await start({ store: five(fail), verify: four(fail) })
    expect(errorOf(await person.visit(strategy, 'https://app.example/'))).toBe(trouble)
    expect(errorOf(await person.callback(strategy, { code: 'x', state: 'y' }))).toBe(trouble)
    expect(hub.to('token')).toEqual([])
  })

  test('to call back once is believed the first time', async () => {
    let row: unknown[] = []
    const store = {
      store(_r: unknown, verifier: string, state: unknown, _m: unknown, done: Done) {
        row = [verifier, state]
        done(null, 'the first handle')
        done(null, 'the second')
        done(trouble)
      },
      verify: four((done) => [done(null, ...row), done(null, false), done(trouble)]),
    }
    const { hub, strategy, person } = await start(store)
    const state = await person.begin(strategy)
    expect(state).toBe('the first handle')
    expect(await person.finish(hub, strategy, state)).toMatchObject({ action: 'success' })
  })

  test.each([[undefined], [''], [7], [{}]])('to pass a handle is an error: %j', async (handle) => {
    const { strategy, person } = await start({ store: five((done) => done(null, handle)), verify: four(() => {}) })
    expect(errorOf(await person.visit(strategy, 'https://app.example/'))).toBeInstanceOf(TypeError)
  })

  const whole = { audience: 'a', callbackURL: secureCallback, scope: 'profile' }
  test.each<[string, unknown[]]>([
    ['the verifier', [true, whole]],
    ['the state', ['a verifier']],
    ['the whole state', ['a verifier', { ...whole, scope: undefined }]],
  ])('to return %s is an error, and the code is not sent', async (_, values) => {
    const { hub, strategy, person } = await start({ store: five(() => {}), verify: four((done) => done(null, ...values)) })
    expect(errorOf(await person.finish(hub, strategy, 'any'))).toBeInstanceOf(TypeError)
    expect(hub.to('token')).toEqual([])
  })
})
