import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { HuggingFaceStrategy, SessionStateStore, type StateStore } from '../../lib'
import { type Hub, startHub } from '../../testing'
import { Person } from './person'

const callbackURL = 'https://app.example/auth/huggingface/callback'
const client = { clientID: 'an-app', clientSecret: 'the secret of an app' }

let hub: Hub
beforeAll(async () => {
  hub = await startHub({ clients: [{ ...client, redirectURIs: [callbackURL] }], people: [{ username: 'ada' }] })
})
afterEach(() => {
  hub.requests.length = 0
})
afterAll(() => hub.close())

const strategyWith = (store: StateStore) =>
  new HuggingFaceStrategy(
    { ...client, callbackURL, hubURL: hub.url, store, scope: ['openid', 'profile'] },
    async (_a, _r, { username }) => username,
  )

/** Goes to the Hub and back: what the strategy did on each leg. */
async function signIn(strategy: HuggingFaceStrategy, person: Person, options: object = {}) {
  const begun = await person.visit(strategy, 'https://app.example/auth/huggingface', options)
  const [first] = begun
  if (first?.action !== 'redirect') return { begun, ended: [], callback: '' }
  const callback = await hub.signIn(first.url, 'ada')
  return { begun, callback, ended: await person.visit(strategy, callback) }
}

/** PKCE as it reached the Hub, which compares the two itself. */
function pkce() {
  const authorization = hub.requests.find(({ endpoint }) => endpoint === 'authorize')
  const tokens = hub.requests.find(({ endpoint }) => endpoint === 'token')
  return { method: authorization?.query['code_challenge_method'], verifier: tokens?.body?.['code_verifier'] }
}

const legacy = (name: string): StateStore => {
  const Store = require(`passport-oauth2/lib/state/${name}`)
  return new Store({ key: 'oauth2:hub' })
}
const withSession = () => {
  const person = new Person()
  person.session = {}
  return person
}

describe("passport-oauth2's own", () => {
  test.each([
    ['PKCE session store', 'pkcesession', { returnTo: '/models' }],
    ['state store', 'store', { returnTo: '/models' }],
    ['nonce store', 'session', undefined],
  ])('%s works, with PKCE on', async (_, name, state) => {
    const person = withSession()
    const strategy = strategyWith(legacy(name))
    const { ended } = await signIn(strategy, person, { state })
    expect(ended).toEqual([{ action: 'success', user: 'ada', info: state === undefined ? {} : { state } }])
    expect(pkce()).toEqual({ method: 'S256', verifier: expect.stringMatching(/^[\w.~-]{43,128}$/) })
  })

  test.each([['pkcesession'], ['store'], ['session']])('%s refuses a wrong state with its own message', async (name) => {
    const person = withSession()
    const strategy = strategyWith(legacy(name))
    await person.visit(strategy, 'https://app.example/auth/huggingface')
    expect(await person.visit(strategy, `${callbackURL}?code=stolen&state=wrong`)).toEqual([
      { action: 'fail', status: 403, info: { code: 'state_unknown', message: 'Invalid authorization request state.' } },
    ])
  })

  test.each([['pkcesession'], ['store'], ['session']])('%s without a session is one error', async (name) => {
    expect((await signIn(strategyWith(legacy(name)), new Person())).begun).toMatchObject([
      { action: 'error', error: { message: expect.stringContaining('session') } },
    ])
  })

  test('null store is an error, for it would take any callback', async () => {
    expect((await signIn(strategyWith(legacy('null')), new Person())).begun).toMatchObject([
      { action: 'error', error: { message: expect.stringContaining('handle') } },
    ])
  })
})

type Kept = Map<string, { verifier: string; state: unknown }>
type Callback = (error: unknown, ...values: unknown[]) => void

/** A store as an app may write one, over its own database. The number of parameters decides what is passed, so `_done` is declared too. */
const overMap = (kept: Kept = new Map()) => ({
  async store(_req: unknown, verifier: string, state: unknown, _meta: object, _done: Callback): Promise<string> {
    const handle = `handle ${kept.size}`
    kept.set(handle, { verifier, state })
    return handle
  },
  async verify(_req: unknown, handle: string, _meta: object, _done: Callback) {
    const { verifier, state } = kept.get(handle) ?? {}
    kept.delete(handle)
    return { ok: verifier ?? false, state }
  },
})

test('a store that answers by promise keeps the verifier and the state', async () => {
  const kept: Kept = new Map()
  const person = new Person()
  const strategy = strategyWith(overMap(kept))
  const { ended, callback } = await signIn(strategy, person, { state: { returnTo: '/models' } })
  expect(ended).toEqual([{ action: 'success', user: 'ada', info: { state: { returnTo: '/models' } } }])
  expect(await person.visit(strategy, callback)).toMatchObject([{ action: 'fail', info: { code: 'state_unknown' } }])
})

test('a store by promise of four parameters is one without a verifier, as in passport-oauth2', async () => {
  const states = new Map<string, unknown>()
  const store = {
    async store(_req: unknown, state: unknown, _meta: object, _done: Callback) {
      states.set('a handle', state)
      return 'a handle'
    },
    async verify(_req: unknown, handle: string, _done: Callback) {
      return { ok: states.has(handle), state: states.get(handle) }
    },
  }
  expect((await signIn(strategyWith(store), new Person(), { state: 'mine' })).ended).toEqual([
    { action: 'success', user: 'ada', info: { state: 'mine' } },
  ])
  expect(pkce()).toEqual({ method: 'S256', verifier: expect.stringMatching(/^[\w.~-]{43,128}$/) })
})

test('an async store that calls back works', async () => {
  const kept: Kept = new Map()
  const store: StateStore = {
    async store(_req: unknown, verifier: string, state: unknown, _meta: object, done: Callback) {
      await Promise.resolve(kept.set('a handle', { verifier, state }))
      done(null, 'a handle')
    },
    async verify(_req: unknown, handle: string, _meta: object, done: Callback) {
      const found = await Promise.resolve(kept.get(handle))
      done(null, found?.verifier ?? false, found?.state)
    },
  }
  expect((await signIn(strategyWith(store), new Person(), { state: 'mine' })).ended).toEqual([
    { action: 'success', user: 'ada', info: { state: 'mine' } },
  ])
})

test('a store with a callback that is called later works', async () => {
  const kept: Kept = new Map()
  const store: StateStore = {
    store(_req: unknown, verifier: string, state: unknown, _meta: object, done: Callback) {
      kept.set('a handle', { verifier, state })
      setImmediate(done, null, 'a handle')
    },
    verify(_req: unknown, handle: string, _meta: object, done: Callback) {
      setImmediate(done, null, kept.get(handle)?.verifier ?? false, kept.get(handle)?.state)
    },
  }
  expect((await signIn(strategyWith(store), new Person(), { state: 'mine' })).ended).toEqual([
    { action: 'success', user: 'ada', info: { state: 'mine' } },
  ])
})

test('SessionStateStore can be the given store, also where a cookie could be set', async () => {
  const person = withSession()
  expect((await signIn(strategyWith(new SessionStateStore()), person, { state: 'mine' })).ended).toMatchObject([
    { action: 'success', info: { state: 'mine' } },
  ])
  expect(person.jar.header(callbackURL)).toBe('')
})

describe('a store that fails', () => {
  const trouble = new Error('the database is down')
  const failing: Record<string, (...args: unknown[]) => unknown> = {
    throws: () => {
      throw trouble
    },
    rejects: () => Promise.reject(trouble),
    'answers with an error': (...args) => (args.at(-1) as Callback)(trouble),
    'answers with an error later': (...args) => setImmediate(args.at(-1) as Callback, trouble),
    'answers with an error twice': (...args) => {
      ;(args.at(-1) as Callback)(trouble)
      ;(args.at(-1) as Callback)(trouble)
    },
    'answers with an error and throws': (...args) => {
      ;(args.at(-1) as Callback)(trouble)
      throw new Error('and another')
    },
  }
  const five = (call: (...args: unknown[]) => unknown) => (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown) =>
    call(a, b, c, d, e)
  const four = (call: (...args: unknown[]) => unknown) => (a: unknown, b: unknown, c: unknown, d: unknown) => call(a, b, c, d)

  test.each(Object.entries(failing))('and %s is one error, on either leg', async (_, fail) => {
    const fails = { store: five(fail), verify: four(fail) }
    const person = new Person()
    expect(await person.visit(strategyWith(fails), 'https://app.example/auth/huggingface')).toEqual([{ action: 'error', error: trouble }])
    expect(await person.visit(strategyWith(fails), `${callbackURL}?code=x&state=y`)).toEqual([{ action: 'error', error: trouble }])
    expect(hub.requests).toEqual([])
  })

  test('to answer once answers the first time only', async () => {
    const kept: Kept = new Map()
    const twice: StateStore = {
      store(_req: unknown, verifier: string, state: unknown, _meta: object, done: Callback) {
        kept.set('first', { verifier, state })
        done(null, 'first')
        done(null, 'second')
        done(trouble)
      },
      verify(_req: unknown, handle: string, _meta: object, done: Callback) {
        done(null, kept.get(handle)?.verifier ?? false)
        done(null, false)
        done(trouble)
      },
    }
    const { begun, ended } = await signIn(strategyWith(twice), new Person())
    expect(begun).toHaveLength(1)
    expect(ended).toEqual([{ action: 'success', user: 'ada', info: {} }])
  })

  test.each([[undefined], [''], [7], [{}]])('to give a handle is one error: %j', async (handle) => {
    const store = {
      store: five((...args) => (args.at(-1) as Callback)(null, handle)),
      verify: four(() => undefined),
    }
    expect((await signIn(strategyWith(store), new Person())).begun).toMatchObject([
      { action: 'error', error: { message: expect.stringContaining('handle') } },
    ])
  })

  test('to give the verifier back is one error, and the code is not sent', async () => {
    const store = {
      store: five((...args) => (args.at(-1) as Callback)(null, 'a handle')),
      verify: four((...args) => (args.at(-1) as Callback)(null, true)),
    }
    const { ended } = await signIn(strategyWith(store), new Person())
    expect(ended).toMatchObject([{ action: 'error', error: { message: expect.stringContaining('verifier') } }])
    expect(hub.requests.filter(({ endpoint }) => endpoint === 'token')).toEqual([])
  })
})
