import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { accepts, issue, publish, refuses, token } from '../support/id-token'
import { type Behaviour, type Json, type RawHub, respond, rsaKey, type SigningKey, silent, write } from '../support/raw-hub'
import { begin, errorOf, finish, signIn, start, startRawHub, strategyFor, until, watchSignIns } from '../support/sign-in'

watchSignIns()

afterEach(() => {
  jest.restoreAllMocks()
})

const now = performance.now.bind(performance)

/** As though so many seconds had gone by since the test began, on the clock that is never set back. */
function later(seconds: number): void {
  jest.spyOn(performance, 'now').mockImplementation(() => now() + seconds * 1000)
}

const minute = 60

const signedBy = (key: SigningKey, header: Json = { kid: key.kid }) => token({ header, key: key.privateKey })

/** A Hub and a strategy that has its keys. Connections are not kept, so each request is one of its own. */
async function afterASignIn(timeout = 4000) {
  const hub = await startRawHub()
  const { strategy } = strategyFor(hub, { timeout })
  expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
  const count = () => hub.to('jwks').length
  expect(count()).toBe(1)
  return { hub, strategy, count, signIn: () => signIn(hub, strategy) }
}

const success = expect.objectContaining({ action: 'success' })

/** So many people, who sign in at once. */
async function expectCrowd(hub: RawHub, strategy: Parameters<typeof signIn>[1], size: number) {
  const outcomes = await Promise.all(Array.from({ length: size }, () => signIn(hub, strategy)))
  expect(outcomes).toEqual(outcomes.map(() => success))
}

describe('keys are fetched', () => {
  test('while the person is on the Hub, over the connection that the code is sent over', async () => {
    const { hub, strategy, agent } = await start(false, {}, { keepAlive: true })
    const { url, cookie } = await begin(strategy)
    await until(() => Object.keys(agent.freeSockets).length > 0)
    expect(await finish(hub, strategy, url, cookie)).toEqual(success)
    expect(hub.requests.map(({ endpoint, connection }) => [endpoint, connection])).toEqual([
      ['jwks', 1],
      ['token', 1],
      ['userinfo', 1],
    ])
  })

  test('ahead at most once in 50 seconds, however many sign-ins begin', async () => {
    const { hub, strategy, count } = await afterASignIn()
    for (let times = 0; times < 3; times += 1) await begin(strategy)
    later(49)
    await begin(strategy)
    expect(count()).toBe(1)
    later(51)
    await begin(strategy)
    await until(() => count() === 2)
    await begin(strategy)
    await hub.drained()
    expect(count()).toBe(2)
  })

  test('once for all who wait for them', async () => {
    const hub = await startRawHub()
    await expectCrowd(hub, strategyFor(hub).strategy, 20)
    expect(hub.to('jwks')).toHaveLength(1)
  })

  test('by each strategy for itself', async () => {
    const hub = await startRawHub()
    await signIn(hub, strategyFor(hub).strategy)
    await signIn(hub, strategyFor(hub).strategy)
    expect(hub.to('jwks')).toHaveLength(2)
  })

  test('again by the next person if they could not be', async () => {
    const hub = await startRawHub()
    const { strategy } = strategyFor(hub)
    const { jwks } = hub.answers
    for (const behaviour of [write('', 'FIN'), respond('', { status: 500 }), respond('null'), respond({}), respond({ keys: {} })]) {
      hub.answers.jwks = behaviour
      expect(errorOf(await signIn(hub, strategy))).toMatchObject({ name: 'HubError', phase: 'jwks', status: 502 })
    }
    expect(hub.to('userinfo')).toEqual([])
    hub.answers.jwks = jwks
    expect(await signIn(hub, strategy)).toEqual(success)
  })
})

describe('keys that are old', () => {
  test.each([
    [9, 1],
    [11, 2],
  ])('are fetched again by a callback that comes after %i minutes: %i requests', async (minutes, requests) => {
    const { hub, strategy, count } = await afterASignIn()
    const { url, cookie } = await begin(strategy)
    later(minutes * minute)
    expect(await finish(hub, strategy, url, cookie)).toEqual(success)
    await hub.drained()
    expect(count()).toBe(requests)
  })

  test('serve on while new ones are fetched, and nobody waits for these', async () => {
    const { hub, strategy, count } = await afterASignIn()
    later(11 * minute)
    const late: (() => unknown)[] = []
    const { jwks } = hub.answers
    hub.answers.jwks = (socket, request) => late.push(() => jwks(socket, request, hub))
    await expectCrowd(hub, strategy, 10)
    expect(count()).toBe(2)
    for (const respondNow of late) respondNow()
    await hub.drained()
    await expectCrowd(hub, strategy, 1)
    expect(count()).toBe(2)
  })

  test('are replaced, so that a key that is no longer published is not trusted for ever', async () => {
    const { hub, strategy, count } = await afterASignIn()
    publish(hub, (await rsaKey('second')).jwk)
    later(11 * minute)
    const { url, cookie } = await begin(strategy)
    await until(() => count() === 2)
    await hub.drained()
    expect(errorOf(await finish(hub, strategy, url, cookie))).toMatchObject({ code: 'invalid_id_token' })
  })

  test('are replaced even if the clock of the server is set back', async () => {
    const { strategy, count } = await afterASignIn()
    const hourAgo = Date.now() - 3_600_000
    jest.spyOn(Date, 'now').mockImplementation(() => hourAgo)
    later(11 * minute)
    await begin(strategy)
    await until(() => count() === 2)
  })

  test.each<[string, Behaviour]>([
    ['hangs up', write('', 'RST')],
    ['responds with 503', respond('', { status: 503 })],
    ['responds with null', respond('null')],
    ['is silent', silent],
  ])('serve on while the keys endpoint %s', async (_title, behaviour) => {
    const again = await afterASignIn(300)
    again.hub.answers.jwks = behaviour
    for (const minutes of [0, 60, 60]) {
      later(minutes * minute)
      expect(await again.signIn()).toEqual(success)
    }
  })
})

describe('a key that the Hub signs with from now on', () => {
  test.each(['second', undefined])('costs nobody the sign-in (kid %s)', async (kid) => {
    const { hub, strategy } = await afterASignIn()
    const second = await rsaKey('second')
    publish(hub, { ...second.jwk, kid })
    issue(hub, signedBy(second, { kid }))
    await expectCrowd(hub, strategy, 50)
    expect(hub.to('jwks')).toHaveLength(2)
  })

  test('costs nobody the sign-in whose token comes just when another has fetched it', async () => {
    const { hub, strategy, count } = await afterASignIn()
    const second = await rsaKey('second')
    issue(hub, signedBy(second))
    const waiting: (() => void)[] = []
    hub.answers.jwks = (socket, request) => waiting.push(() => respond({ keys: [second.jwk] })(socket, request, hub))
    const one = signIn(hub, strategy)
    await until(() => count() === 2)
    const another = signIn(hub, strategy)
    await until(() => hub.to('token').length === 3)
    for (const respondNow of waiting) respondNow()
    expect(await Promise.all([one, another])).toEqual([success, success])
    expect(count()).toBe(2)
  })

  test('is fetched although the last fetch for an unknown key was in vain, after five seconds', async () => {
    const { hub, count, ...again } = await afterASignIn()
    const [second, third] = await Promise.all([rsaKey('second'), rsaKey('third')])
    issue(hub, signedBy(second))
    expect(errorOf(await again.signIn())).toMatchObject({ code: 'invalid_id_token' })
    expect(count()).toBe(2)
    publish(hub, second.jwk, third.jwk)
    later(4)
    expect(errorOf(await again.signIn())).toMatchObject({ code: 'invalid_id_token' })
    expect(count()).toBe(2)
    later(6)
    expect(await again.signIn()).toEqual(success)
    expect(count()).toBe(3)
  })

  test('and cannot be fetched ends in the error of the fetch', async () => {
    const { hub, ...again } = await afterASignIn()
    issue(hub, signedBy(await rsaKey('second')))
    hub.answers.jwks = respond('', { status: 503 })
    expect(errorOf(await again.signIn())).toMatchObject({ code: 'unexpected_status', phase: 'jwks', hubStatus: 503 })
  })
})

test('fifty tokens with unknown keys make one request for keys', async () => {
  const { hub, strategy, count } = await afterASignIn()
  const stranger = await rsaKey('stranger')
  issue(hub, (request, to) => signedBy(stranger, { kid: hub.secret('kid') })(request, to))
  for (let round = 0; round < 5; round += 1) {
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => signIn(hub, strategy)))
    for (const outcome of outcomes) expect(errorOf(outcome)).toMatchObject({ code: 'invalid_id_token' })
  }
  expect(count()).toBe(2)
})

test('a token with the right kid and a wrong signature is not worth more than one request for keys', async () => {
  const hub = await refuses(token({ key: (await rsaKey('stranger')).privateKey }))
  expect(hub.to('jwks').length).toBeLessThanOrEqual(2)
  await accepts(token(), { hub })
})
