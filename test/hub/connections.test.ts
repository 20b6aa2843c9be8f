import http, { Agent as HttpAgent } from 'node:http'
import https, { Agent as HttpsAgent } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from '@jest/globals'
import type { HuggingFaceStrategyOptions } from '../../lib/index'
import { certificate } from '../support/certificate'
import { type Behaviour, type Endpoint, type RawHub, silent } from '../support/raw-hub'
import { begin, errorOf, finallyDo, signIn, start, startRawHub, strategyFor, watchSignIns } from '../support/sign-in'
import { until } from '../support/until'

watchSignIns()

let tls: { key: string; cert: string }
beforeAll(async () => {
  tls = await certificate()
})

const success = expect.objectContaining({ action: 'success' })
const refused = { code: 'connection_failed', phase: 'token', status: 502 }
const hangUp: Behaviour = (socket) => socket.end()
/** An end without a word of farewell. */
const drop: Behaviour = (socket) => socket.destroy()

describe('a kept connection', () => {
  /** A Hub, and a strategy that so many people have signed in with at once. */
  async function warm(people = 1, options: Partial<HuggingFaceStrategyOptions> = {}) {
    const hub = await startRawHub({ keepAlive: true, tls, host: 'localhost' })
    const agent = new HttpsAgent({ keepAlive: true, ca: tls.cert })
    finallyDo(() => agent.destroy())
    const { strategy, verified } = strategyFor(hub, { agent, ...options })
    const { comeBack } = await begin(strategy)
    const free = () => Object.values(agent.freeSockets).flat().length
    await until(() => free() === 1)
    expect(await comeBack()).toEqual(success)
    expect(hub.connections).toBe(1)
    const others = Array.from({ length: people - 1 }, () => signIn(strategy))
    expect(await Promise.all(others)).toEqual(others.map(() => success))
    await until(() => free() === hub.connections)
    const requests = () => hub.requests.slice(3).map(({ endpoint, connection }) => `${endpoint} ${connection}`)
    return { hub, verified, requests, signIn: () => signIn(strategy) }
  }

  /** The endpoint does this on connections that are there already, and the usual on new ones. */
  function onOldConnections(hub: RawHub, endpoint: Endpoint, behaviour: Behaviour): void {
    const usual = hub.answers[endpoint]
    const old = hub.connections
    hub.answers[endpoint] = (socket, request) => (request.connection <= old ? behaviour : usual)(socket, request, hub)
  }

  test.each<[Endpoint, string, Behaviour, string[]]>([
    ['token', 'closes', hangUp, ['token 1', 'token 2', 'userinfo 2']],
    ['token', 'drops', drop, ['token 1', 'token 2', 'userinfo 2']],
    ['userinfo', 'closes', hangUp, ['token 1', 'userinfo 1', 'userinfo 2']],
    ['userinfo', 'drops', drop, ['token 1', 'userinfo 1', 'userinfo 2']],
  ])('that carries a %s request just when the Hub %s it does not cost a sign-in', async (endpoint, _how, behaviour, expected) => {
    const { hub, verified, requests, ...next } = await warm()
    onOldConnections(hub, endpoint, behaviour)
    expect(await next.signIn()).toEqual(success)
    expect(verified).toHaveLength(2)
    expect(requests()).toEqual(expected)
    const [first, second] = hub.to(endpoint).slice(1)
    expect([second?.headers, second?.form]).toEqual([first?.headers, first?.form])
  })

  test.each<[string, Behaviour, string, string[]]>([
    ['is silent', silent, 'timeout', ['token 1']],
    ['is closed after a byte', (socket) => socket.end('H'), 'connection_failed', ['token 1']],
    ['is closed, as the new one is', hangUp, 'connection_failed', ['token 1', 'token 2']],
    [
      'is closed, and the new one is silent',
      (socket, { connection }) => connection === 1 && socket.end(),
      'timeout',
      ['token 1', 'token 2'],
    ],
  ])('that %s ends the sign-in, and no code is sent more often than that', async (_title, behaviour, code, expected) => {
    const { hub, requests, ...next } = await warm(1, code === 'timeout' ? { timeout: 300 } : {})
    hub.answers.token = behaviour
    expect(errorOf(await next.signIn())).toMatchObject({ code, phase: 'token' })
    // for another request to arrive
    await sleep(20)
    expect(requests()).toEqual(expected)
  })

  test.each([1, 20])('that is dead, as nine others are, costs none of %i people the sign-in', async (people) => {
    const { hub, ...next } = await warm(10)
    expect(hub.connections).toBeGreaterThan(1)
    onOldConnections(hub, 'token', drop)
    const outcomes = await Promise.all(Array.from({ length: people }, () => next.signIn()))
    expect(outcomes).toEqual(outcomes.map(() => success))
    const codes = hub.to('token').map(({ form }) => form.get('code'))
    for (const code of codes) expect(codes.filter((each) => each === code).length).toBeLessThanOrEqual(2)
  })
})

test('a new connection that is closed without a byte is not tried again', async () => {
  const { hub, strategy } = await start()
  hub.answers.token = hangUp
  expect(errorOf(await signIn(strategy))).toMatchObject(refused)
  expect(hub.to('token')).toHaveLength(1)
})

test('a code is sent twice at most, although an agent does not name its idle connections and all are dead', async () => {
  const hub = await startRawHub({ keepAlive: true })
  const agent = new HttpAgent({ keepAlive: true })
  finallyDo(() => agent.destroy())
  // all that Node asks of an agent
  const { addRequest } = agent as unknown as { addRequest: () => void }
  const hiding = { keepAlive: true, maxSockets: 9, addRequest: addRequest.bind(agent) } as unknown as HttpAgent
  const { strategy } = strategyFor(hub, { agent: hiding, scope: 'profile' })
  await Promise.all(Array.from({ length: 5 }, () => signIn(strategy)))
  hub.answers.token = hangUp
  const before = hub.to('token').length
  expect(errorOf(await signIn(strategy))).toMatchObject(refused)
  expect(hub.to('token').length - before).toBe(2)
})

describe('without an agent of the app', () => {
  test('connections are kept, also by a strategy that is made for one request', async () => {
    const hub = await startRawHub({ keepAlive: true })
    for (const _ of ['one', 'another', 'a third']) {
      expect(await signIn(strategyFor(hub, { scope: 'profile', skipUserProfile: true }).strategy)).toEqual(success)
      // for the connections to become idle
      await sleep(20)
    }
    // the keys may be fetched beside the tokens
    expect(hub.connections).toBeLessThanOrEqual(2)
    // Node's own agent keeps a connection for five seconds
    expect(Object.keys(http.globalAgent.freeSockets)).toEqual([])
  })

  test("a Hub is trusted by the certificates of Node's own agent, and gets no code if nobody vouches for it", async () => {
    const hub = await startRawHub({ keepAlive: true, tls, host: 'localhost' })
    const { options } = https.globalAgent
    options.ca = tls.cert
    finallyDo(() => delete options.ca)
    expect(await signIn(strategyFor(hub).strategy)).toEqual(success)
    const before = hub.requests.length
    expect(errorOf(await signIn(strategyFor(hub, { agent: new HttpsAgent() }).strategy))).toMatchObject(refused)
    expect(hub.requests).toHaveLength(before)
  })
})

describe('an agent of the app', () => {
  /** Notes what each connection is made with. */
  class WatchingAgent extends HttpAgent {
    made: object[] = []
    override createConnection(...args: Parameters<HttpAgent['createConnection']>) {
      this.made.push(args[0])
      return super.createConnection(...args)
    }
  }
  const addresses = (...list: string[]) =>
    new HttpAgent({ lookup: (_host, _options, done) => done(null, list.map((address) => ({ address, family: 4 })) as never) })

  test('carries every request, and gives each address of the Hub half of the timeout, which is five seconds', async () => {
    const hub = await startRawHub()
    const agent = new WatchingAgent()
    const { strategy } = strategyFor(hub, { agent, timeout: undefined })
    expect(await signIn(strategy)).toEqual(success)
    // Node's 250 ms are less than a slow handshake takes
    expect(agent.made).toEqual(Array(3).fill(expect.objectContaining({ autoSelectFamilyAttemptTimeout: 2500 })))
    const another = new WatchingAgent()
    const { _oauth2: oauth2 } = strategy as unknown as { _oauth2: { setAgent(agent: HttpAgent): void } }
    oauth2.setAgent(another)
    expect(await signIn(strategy)).toEqual(success)
    expect([agent.made.length, another.made.length]).toEqual([3, 2])
  })

  test("that is in the place of Node's carries every request", async () => {
    const { globalAgent } = http
    const agent = new WatchingAgent()
    http.globalAgent = agent
    finallyDo(() => {
      http.globalAgent = globalAgent
    })
    expect(await signIn(strategyFor(await startRawHub()).strategy)).toEqual(success)
    expect(agent.made).toHaveLength(3)
  })

  test('whose only connection is taken makes nobody wait for ever', async () => {
    const hub = await startRawHub()
    const agent = new HttpAgent({ maxSockets: 1 })
    finallyDo(() => agent.destroy())
    const { strategy } = strategyFor(hub, { agent, timeout: 300, scope: 'profile' })
    hub.answers.token = silent
    const outcomes = await Promise.all([signIn(strategy), signIn(strategy), signIn(strategy)])
    for (const outcome of outcomes) expect(errorOf(outcome)).toMatchObject({ code: 'timeout', phase: 'token' })
  })

  test.each<[string, HttpAgent, RegExp]>([
    ['at whose addresses nobody listens', addresses('127.0.0.2', '127.0.0.3'), /ECONNREFUSED 127\.0\.0\.2:\d+; .*127\.0\.0\.3/],
    ['that is of the wrong kind', new HttpsAgent(), /protocol/i],
  ])('%s is an error that says so', async (_title, agent, cause) => {
    const hub = await startRawHub({ host: 'localhost' })
    const error = errorOf(await signIn(strategyFor(hub, { agent }).strategy))
    expect(error).toMatchObject({ ...refused, cause: { message: expect.stringMatching(cause), code: expect.any(String) } })
  })
})
