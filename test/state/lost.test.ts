import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { CookieStateStore, SessionStateStore } from '../../lib'
import { Person, secureCallback, stateOf } from '../support/person'
import { startRawHub, strategyFor, watchSignIns } from '../support/sign-in'
import { storeKinds } from '../support/stores'

watchSignIns()
afterEach(() => {
  jest.restoreAllMocks()
})

/** No token is asked for here, so nobody listens at this address. */
const deadHub = { url: 'http://127.0.0.1:9' }
const strategyWith = (options: object = {}) => strategyFor(deadHub, { callbackURL: secureCallback, restart: false, ...options }).strategy
const strategy = strategyWith()
const setClock = (time: string) => jest.spyOn(Date, 'now').mockReturnValue(Date.parse(`2026-11-22T${time}Z`))

describe('the time to come back', () => {
  const stores = { cookies: CookieStateStore, 'the session': SessionStateStore }
  const rules = Object.entries(stores).flatMap(([name, Store]) => [
    { name, limit: 'an hour', Store, options: {}, intime: '12:59:58', late: '13:00:02' },
    { name, limit: 'its maxAge', Store, options: { maxAge: 90_000 }, intime: '12:01:28', late: '12:01:32' },
  ])

  test.each(rules)('with $name is $limit, also for a browser that keeps cookies longer', async ({ Store, options, intime, late }) => {
    const store = new Store({ secret: 'a secret', ...options })
    const limited = strategyWith({ store })
    setClock('12:00:00')
    const person = new Person({})
    const [prompt, slow] = [await person.begin(limited), await person.begin(limited)]
    const value = person.signIns()[slow]
    setClock(intime)
    expect(await person.deny(limited, prompt)).toBe('access_denied')
    setClock(late)
    expect(await person.deny(limited, slow)).toBe('state_expired')
    if (value) person.plant(slow, value)
    expect(await person.deny(limited, slow)).toBe('state_expired')
    // what has expired makes room, and is begun again
    expect(await person.callback(strategyWith({ store, restart: true }), { code: 'c', state: slow })).toMatchObject({ action: 'redirect' })
    if (person.session?.['huggingface:sign-ins']) expect(person.pending()).toHaveLength(1)
  })
})

describe('a sign-in that is gone', () => {
  test('is told apart from one that was lost, used, or never begun', async () => {
    const [person, other] = [new Person(), new Person()]
    const handle = await person.begin(strategy)
    expect(await other.deny(strategy, handle)).toBe('state_lost')
    await other.begin(strategy)
    expect(await other.deny(strategy, handle)).toBe('state_unknown')
    expect(await person.deny(strategy, 'made-up')).toBe('state_unknown')
    expect(await person.deny(strategy, handle)).toBe('access_denied')
    expect(await person.deny(strategy, handle)).toBe('state_used')
    const { args } = await person.callback(strategy, { code: 'stolen' })
    expect(args).toEqual([expect.objectContaining({ code: 'state_missing' }), 403])
  })

  test('is explained without a word of what came with the callback', async () => {
    const person = new Person()
    const handle = await person.begin(strategy)
    for (const state of [`${handle}<script>`, 'a'.repeat(4000), handle]) {
      const { args } = await new Person().callback(strategy, { code: 'c', state })
      expect(args).toEqual([{ code: expect.any(String), message: expect.any(String), detail: expect.any(String) }, 403])
      expect(JSON.stringify(args)).not.toMatch(/script|aaaa/)
      expect(JSON.stringify(args)).not.toContain(handle)
    }
  })

  const http = { address: secureCallback.replace('https:', 'http:') }
  test.each([
    ['a Secure cookie over http', http, {}, /Secure.*http/],
    ['the wrong host', { address: 'https://other.example/auth/huggingface/callback' }, {}, /other\.example.*app\.example/],
    ['another browser, since a proxy says that it is https', { ...http, headers: { 'x-forwarded-proto': 'https' } }, {}, /another browser/],
    ['another browser, since nothing else is amiss', {}, {}, /another browser/],
    ['another browser, if the host cannot be told', { headers: { host: 'not a host' } }, {}, /another browser/],
    ['the session', {}, { store: new SessionStateStore() }, /session/],
  ])('names as its likely cause %s', async (_, arrival, options, cause) => {
    const handle = await new Person({}).begin(strategyWith(options))
    const { args } = await new Person({}).callback(strategyWith(options), { code: 'c', state: handle }, arrival)
    expect(args).toEqual([{ code: 'state_lost', message: expect.any(String), detail: expect.stringMatching(cause) }, 403])
  })
})

describe.each(storeKinds)('a sign-in lost with %s', (_, makeStore) => {
  const start = async (options: object = {}) => {
    const hub = await startRawHub()
    return { hub, ...strategyFor(hub, { callbackURL: secureCallback, store: makeStore(), ...options }) }
  }

  test('is begun again, without the state of the app, and can be finished', async () => {
    const { hub, strategy } = await start()
    const lost = await new Person({}).begin(strategy, { options: { state: 'mine' } })
    const person = new Person({})
    const again = await person.finish(hub, strategy, lost, { options: { state: 'not this one either' } })
    expect(again).toMatchObject({ action: 'redirect', args: [expect.stringMatching(/^http.*[?&]state=again\./)] })
    expect(hub.to('token')).toEqual([])
    const finished = await person.finish(hub, strategy, stateOf(again.args[0]))
    expect(finished).toMatchObject({ action: 'success', args: [{ username: 'ada' }, {}] })
    expect(Object(finished.args[1])).not.toHaveProperty('state')
  })

  test('is not begun a third time, so that a browser that keeps nothing does not go round', async () => {
    const { hub, strategy } = await start()
    const again = await new Person({}).finish(hub, strategy, 'lost')
    const { action, args } = await new Person({}).finish(hub, strategy, stateOf(again.args[0]))
    expect([action, args]).toEqual(['fail', [expect.objectContaining({ code: expect.stringMatching(/^state_(lost|unknown)$/) }), 403]])
    expect(hub.to('token')).toEqual([])
  })

  test('is a failure if the app wants no restart', async () => {
    const { hub, strategy } = await start({ restart: false })
    expect(await new Person({}).finish(hub, strategy, 'lost')).toMatchObject({ action: 'fail', args: [{ code: 'state_unknown' }, 403] })
  })
})

describe('a sign-in is not begun again', () => {
  const gone = { code: 'c', state: 'gone' }
  test.each([
    ['a POST', { method: 'POST' }, gone, 'state_unknown'],
    ['a HEAD', { method: 'HEAD' }, gone, 'prefetched'],
    ['a prefetch', { headers: { 'sec-purpose': 'prefetch' } }, gone, 'prefetched'],
    ['a denial', {}, { error: 'access_denied', state: 'gone' }, 'state_unknown'],
    ['an error of the Hub', {}, { error: 'server_error', state: 'gone' }, 'state_unknown'],
    ['a callback without state', {}, { code: 'c' }, 'state_missing'],
    ['a callback of another issuer', {}, { ...gone, iss: 'https://evil.example' }, 'issuer_mismatch'],
    ['a callback that is none', {}, { ...gone, code: '' }, 'invalid_callback'],
  ])('for %s', async (_, arrival, query, code) => {
    const { strategy: restarting } = strategyFor(deadHub, { callbackURL: secureCallback })
    const { action, args, setCookie } = await new Person().callback(restarting, query, arrival)
    expect([action, args[0], setCookie]).toEqual(['fail', expect.objectContaining({ code }), []])
  })

  test('if it is done, also by a second try', async () => {
    const hub = await startRawHub()
    const { strategy: restarting } = strategyFor(hub, { callbackURL: secureCallback })
    const person = new Person()
    const again = stateOf((await person.finish(hub, restarting, 'lost')).args[0])
    expect(await person.finish(hub, restarting, again)).toMatchObject({ action: 'success' })
    for (const state of [again, again.replace('again.', '')]) {
      expect(await person.finish(hub, restarting, state)).toMatchObject({ action: 'fail', args: [{ code: 'state_used' }, 403] })
    }
  })
})
