import { createHash } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import type { StateStore } from '../../lib'
import { Person, secureCallback, stateOf } from '../support/person'
import { respond } from '../support/raw-hub'
import { errorOf, watchSignIns } from '../support/sign-in'
import { startWith, storeKinds, strategyWith } from '../support/stores'

watchSignIns()

const elsewhere = { callbackURL: 'https://app.example/elsewhere' }

describe.each(storeKinds)('with %s', (_, makeStore) => {
  test('the state of the app comes back, and the verifier is that of the challenge', async () => {
    for (const state of [undefined, 'mine', { returnTo: '/models', cart: [1, null] }]) {
      const { hub, strategy, person } = await startWith({ store: makeStore() })
      const { args } = await person.visit(strategy, { options: { state } })
      const finished = await person.finish(strategy, stateOf(args[0]))
      expect(finished).toMatchObject({ action: 'success', args: [{ username: 'ada' }, state === undefined ? {} : { state }] })
      const verifier = hub.to('token')[0]?.form.get('code_verifier') ?? ''
      const challenge = new URL(String(args[0])).searchParams.get('code_challenge')
      expect(challenge).toBe(createHash('sha256').update(verifier).digest('base64url'))
    }
  })

  test('a scope and a callback URL of one request are enforced on the way back', async () => {
    const { hub, strategy, person } = await startWith({ store: makeStore(), scope: 'profile' })
    const options = { scope: 'openid profile', ...elsewhere }
    expect(await person.finish(strategy, await person.begin(strategy, { options }))).toMatchObject({ action: 'success' })
    expect(hub.to('token').map(({ form }) => form.get('redirect_uri'))).toEqual([options.callbackURL])

    hub.answers.token = respond((request) => ({ ...hub.tokens(request), id_token: undefined }))
    const refused = await person.finish(strategy, await person.begin(strategy, { options }))
    expect(errorOf(refused)).toMatchObject({ code: 'missing_id_token' })
  })
})

type Done = (error: unknown, ...values: unknown[]) => void
type Call = (done: Done, ...told: unknown[]) => unknown

/** A store of which a test is about what it is told, and what it does. */
const storeOf = (save: Call, take: Call = () => {}) =>
  ({
    store: (req: unknown, verifier: unknown, state: unknown, meta: unknown, done: Done) => save(done, req, verifier, state, meta),
    verify: (req: unknown, handle: unknown, meta: unknown, done: Done) => take(done, req, handle, meta),
  }) as unknown as StateStore

test('a store is told about the sign-in on both legs', async () => {
  const told: unknown[][] = []
  const answer = (value: unknown, done: Done, all: unknown[]) => {
    told.push(all)
    done(null, value)
  }
  const store = storeOf(
    (done, ...all) => answer('a handle', done, all),
    (done, ...all) => answer(false, done, all),
  )
  const { hub, strategy, person } = await startWith({ store, restart: false })
  await person.begin(strategy, { options: elsewhere })
  expect(await person.deny(strategy, 'a handle')).toBe('state_unknown')
  const req = expect.objectContaining({ method: 'GET' })
  const meta = { authorizationURL: `${hub.url}/oauth/authorize`, tokenURL: `${hub.url}/oauth/token`, clientID: expect.any(String) }
  expect(told).toEqual([
    [req, expect.any(String), expect.any(Object), { ...meta, ...elsewhere }],
    [req, 'a handle', { ...meta, callbackURL: expect.stringContaining('https://app.example/') }],
  ])
})

describe('a store that fails', () => {
  const trouble = new Error('the database is down')
  const raise = (error: Error) => {
    throw error
  }
  test.each<[string, Call]>([
    ['throws', () => raise(trouble)],
    ['rejects', () => Promise.reject(trouble)],
    ['calls back with an error', (done) => done(trouble)],
    ['calls back with an error and throws', (done) => [done(trouble), raise(new Error('and another'))]],
  ])('and %s is one error, on either leg', async (_, fail) => {
    const strategy = strategyWith({ store: storeOf(fail, fail) })
    expect(errorOf(await new Person().visit(strategy, {}))).toBe(trouble)
    expect(errorOf(await new Person().callback(strategy, { code: 'x', state: 'y' }))).toBe(trouble)
  })

  test.each([[undefined], [''], [7], [{}]])('to pass a handle is an error: %j', async (handle) => {
    const strategy = strategyWith({ store: storeOf((done) => done(null, handle)) })
    expect(errorOf(await new Person().visit(strategy, {}))).toBeInstanceOf(TypeError)
  })

  const whole = { audience: 'a', callbackURL: secureCallback, scope: 'profile' }
  test.each<[string, unknown[]]>([
    ['the verifier', [true, whole]],
    ['the whole state', ['a verifier', { ...whole, scope: undefined }]],
  ])('to return %s is an error', async (_, values) => {
    const returning: Call = (done) => done(null, ...values)
    const strategy = strategyWith({ store: storeOf(returning, returning) })
    expect(errorOf(await new Person().callback(strategy, { code: 'c', state: 'any' }))).toBeInstanceOf(TypeError)
  })
})
