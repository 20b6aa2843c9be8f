import { describe, expect, jest, test } from '@jest/globals'
import { type RawHub, respond, rsaKey, type SigningKey, signedToken, silent, write } from '../support/raw-hub'
import { begin, errorOf, signIn, start, startRawHub, strategyFor, watchSignIns } from '../support/sign-in'
import { until } from '../support/until'

watchSignIns()

const now = performance.now.bind(performance)

/** As though so many seconds had gone by since the test began, on the clock that is never set back. */
function later(seconds: number): void {
  jest.spyOn(performance, 'now').mockImplementation(() => now() + seconds * 1000)
}

const minute = 60

/** From now on the Hub publishes these keys. */
function publish(hub: RawHub, ...keys: unknown[]): void {
  hub.answers.jwks = respond({ keys })
}

/** From now on the Hub signs by this key. */
function signBy(hub: RawHub, { kid, privateKey }: SigningKey, headerOf: () => object = () => ({ kid })): void {
  hub.answers.token = respond((request) => {
    const id_token = signedToken({ alg: 'RS256', ...headerOf() }, hub.claims(request), privateKey)
    return { ...hub.tokens(request), id_token }
  })
}

const success = expect.objectContaining({ action: 'success' })

/** A Hub and a strategy that has its keys. Connections are not kept, so each request is one of its own. */
async function afterASignIn(timeout = 4000) {
  const hub = await startRawHub()
  const { strategy, verified } = strategyFor(hub, { timeout })
  const count = () => hub.to('jwks').length
  /** So many people sign in at once. */
  const signInAll = (people: number) => Promise.all(Array.from({ length: people }, () => signIn(strategy)))
  const expectPeople = async (people = 1) => expect(await signInAll(people)).toEqual(Array(people).fill(success))
  const expectError = async (error: object) => expect(errorOf(await signIn(strategy))).toMatchObject(error)
  await expectPeople()
  expect(count()).toBe(1)
  return { hub, strategy, verified, count, signInAll, expectPeople, expectError }
}

describe('keys are fetched', () => {
  test('while the person is on the Hub, over the connection that the code is sent over', async () => {
    const { hub, strategy, agent } = await start({}, { keepAlive: true })
    const { comeBack } = await begin(strategy)
    await until(() => Object.keys(agent.freeSockets).length > 0)
    expect(await comeBack()).toEqual(success)
    expect(hub.requests.map(({ endpoint, connection }) => `${endpoint} ${connection}`)).toEqual(['jwks 1', 'token 1', 'userinfo 1'])
  })

  test('ahead once in 25 seconds, however many sign-ins begin', async () => {
    const { strategy, count, expectPeople } = await afterASignIn()
    for (let times = 0; times < 3; times += 1) await begin(strategy)
    later(24)
    await expectPeople()
    expect(count()).toBe(1)
    for (const seconds of [26, 27]) {
      later(seconds)
      await expectPeople()
      expect(count()).toBe(2)
    }
  })

  test('again by the next person if they could not be', async () => {
    const { hub, strategy } = await start()
    const { jwks } = hub.answers
    for (const behaviour of [write('', 'FIN'), respond('', { status: 500 }), respond('null'), respond({}), respond({ keys: {} })]) {
      hub.answers.jwks = behaviour
      expect(errorOf(await signIn(strategy))).toMatchObject({ name: 'HubError', phase: 'jwks', status: 502 })
    }
    expect(hub.to('userinfo')).toEqual([])
    hub.answers.jwks = jwks
    expect(await signIn(strategy)).toEqual(success)
  })
})

describe('keys that are old', () => {
  test('are fetched again by a callback that comes after more than ten minutes', async () => {
    const { hub, strategy, count } = await afterASignIn()
    for (const [minutes, requests] of [
      [9, 1],
      [11, 2],
    ] as const) {
      const { comeBack } = await begin(strategy)
      later(minutes * minute)
      expect(await comeBack()).toEqual(success)
      await hub.drained()
      expect(count()).toBe(requests)
      later(0)
    }
  })

  test('serve on while new ones are fetched, and nobody waits for these', async () => {
    const { hub, count, expectPeople } = await afterASignIn()
    later(11 * minute)
    const waiting = hub.hold('jwks')
    await expectPeople(10)
    expect(count()).toBe(2)
    for (const respondNow of waiting) respondNow()
    await hub.drained()
    await expectPeople()
    expect(count()).toBe(2)
  })

  test('are replaced, so that a key that is published no longer is not trusted for ever', async () => {
    const { hub, strategy, count } = await afterASignIn()
    publish(hub, (await rsaKey('second')).jwk)
    later(11 * minute)
    await begin(strategy)
    await until(() => count() === 2)
    await hub.drained()
    expect(errorOf(await signIn(strategy))).toMatchObject({ code: 'invalid_id_token' })
  })

  test('serve on while the keys endpoint hangs up, fails, or is silent', async () => {
    const { hub, expectPeople } = await afterASignIn(300)
    const faults = [write('', 'RST'), respond('', { status: 503 }), respond('null'), silent]
    for (const [index, fault] of faults.entries()) {
      hub.answers.jwks = fault
      later((index + 1) * 60 * minute)
      await expectPeople()
    }
  })
})

describe('a key that the Hub signs by from now on', () => {
  test.each(['second', undefined])('costs nobody the sign-in (kid %s)', async (kid) => {
    const { hub, count, expectPeople } = await afterASignIn()
    const second = await rsaKey('second')
    publish(hub, { ...second.jwk, kid })
    signBy(hub, second, () => ({ kid }))
    await expectPeople(20)
    expect(count()).toBe(2)
  })

  test('costs nobody the sign-in whose token comes just when another has fetched it', async () => {
    const { hub, strategy, count } = await afterASignIn()
    const second = await rsaKey('second')
    signBy(hub, second)
    const waiting = hub.hold('jwks')
    const one = signIn(strategy)
    await until(() => count() === 2)
    const another = signIn(strategy)
    await until(() => hub.to('token').length === 3)
    for (const respondNow of waiting) respondNow(respond({ keys: [second.jwk] }))
    expect(await Promise.all([one, another])).toEqual([success, success])
    expect(count()).toBe(2)
  })

  test('is fetched although the last fetch for an unknown key was in vain, after five seconds', async () => {
    const { hub, count, expectPeople, expectError } = await afterASignIn()
    const [second, third] = await Promise.all([rsaKey('second'), rsaKey('third')])
    signBy(hub, second)
    await expectError({ code: 'invalid_id_token' })
    expect(count()).toBe(2)
    publish(hub, second.jwk, third.jwk)
    later(4)
    await expectError({ code: 'invalid_id_token' })
    expect(count()).toBe(2)
    later(6)
    await expectPeople()
    expect(count()).toBe(3)
  })

  test('and cannot be fetched ends in the error of the fetch', async () => {
    const { hub, expectError } = await afterASignIn()
    signBy(hub, await rsaKey('second'))
    hub.answers.jwks = respond('', { status: 503 })
    await expectError({ code: 'unexpected_status', phase: 'jwks', hubStatus: 503 })
  })
})

test.each(['with unknown keys', 'with a good kid and a wrong signature'])('twenty tokens %s make one request for keys', async (kind) => {
  const { hub, verified, count, signInAll } = await afterASignIn()
  signBy(hub, await rsaKey('stranger'), () => ({ kid: kind.includes('unknown') ? hub.secret() : hub.key.kid }))
  for (let round = 0; round < 2; round += 1) {
    for (const outcome of await signInAll(10)) {
      expect(errorOf(outcome)).toMatchObject({ name: 'HubError', code: 'invalid_id_token', phase: 'token', status: 502 })
    }
  }
  expect(count()).toBe(2)
  // neither verify nor userinfo has seen one of them
  expect([verified.length, hub.to('userinfo').length]).toEqual([1, 1])
})
