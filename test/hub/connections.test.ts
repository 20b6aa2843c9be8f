import { Agent as HttpAgent } from 'node:http'
import https, { Agent as HttpsAgent } from 'node:https'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from '@jest/globals'
import type { HuggingFaceStrategyOptions } from '../../lib/index'
import { certificate } from '../support/certificate'
import { type Behaviour, type Endpoint, type RawHub, responseBytes, silent } from '../support/raw-hub'
import { begin, errorOf, finallyDo, finish, signIn, start, startRawHub, strategyFor, until, watchSignIns } from '../support/sign-in'

watchSignIns()

let tls: { key: string; cert: string }
beforeAll(async () => {
  tls = await certificate()
})

const success = expect.objectContaining({ action: 'success' })
const hangUp: Behaviour = (socket) => socket.end()
/** A reset; over TLS, where Node has none, an end without a word of farewell. */
const drop: Behaviour = (socket) => ('encrypted' in socket ? socket.destroy() : socket.resetAndDestroy())

describe.each(['http', 'https'])('a kept connection, over %s', (scheme) => {
  /** A Hub, and a strategy that so many people have signed in with at once. */
  async function warm(people = 1, options: Partial<HuggingFaceStrategyOptions> = {}) {
    const isTls = scheme === 'https'
    const hub = await startRawHub({ keepAlive: true, ...(isTls ? { tls, host: 'localhost' } : {}) })
    const agent = isTls ? new HttpsAgent({ keepAlive: true, ca: tls.cert }) : new HttpAgent({ keepAlive: true })
    finallyDo(() => agent.destroy())
    const { strategy, verified } = strategyFor(hub, { agent, ...options })
    const free = () => Object.values(agent.freeSockets).flat().length
    const first = await begin(strategy)
    await until(() => free() === 1)
    expect(await finish(hub, strategy, first.url, first.cookie)).toEqual(success)
    expect(hub.connections).toBe(1)
    const others = Array.from({ length: people - 1 }, () => signIn(hub, strategy))
    expect(await Promise.all(others)).toEqual(others.map(() => success))
    await until(() => free() === hub.connections)
    const requests = () => hub.requests.slice(3).map(({ endpoint, connection }) => `${endpoint} ${connection}`)
    return { hub, verified, requests, signIn: () => signIn(hub, strategy) }
  }

  /** The endpoint does this on connections that are there already, and the usual on new ones. */
  function onOldConnections(hub: RawHub, endpoint: Endpoint, behaviour: Behaviour): void {
    const usual = hub.answers[endpoint]
    const old = hub.connections
    hub.answers[endpoint] = (socket, request) => (request.connection <= old ? behaviour : usual)(socket, request, hub)
  }

  test('carries the requests of the next person', async () => {
    const { requests, ...next } = await warm()
    expect(await next.signIn()).toEqual(success)
    expect(requests()).toEqual(['token 1', 'userinfo 1'])
  })

  test('that the Hub has closed in between does not cost a sign-in', async () => {
    const { hub, requests, ...next } = await warm()
    hub.hangUp()
    await hub.drained()
    expect(await next.signIn()).toEqual(success)
    expect(requests()).toEqual(['token 2', 'userinfo 2'])
  })

  test.each<[Endpoint, string, Behaviour, string[]]>([
    ['token', 'closed', hangUp, ['token 1', 'token 2', 'userinfo 2']],
    ['token', 'dropped', drop, ['token 1', 'token 2', 'userinfo 2']],
    ['userinfo', 'closed', hangUp, ['token 1', 'userinfo 1', 'userinfo 2']],
    ['userinfo', 'dropped', drop, ['token 1', 'userinfo 1', 'userinfo 2']],
  ])('whose %s request crosses with its end, %s by the Hub, does not cost a sign-in', async (endpoint, _how, behaviour, expected) => {
    const { hub, verified, requests, ...next } = await warm()
    onOldConnections(hub, endpoint, behaviour)
    expect(await next.signIn()).toEqual(success)
    expect(verified).toHaveLength(2)
    expect(requests()).toEqual(expected)
    const [first, second] = hub.to(endpoint).slice(1)
    expect(second?.head).toBe(first?.head)
    expect(second?.form).toEqual(first?.form)
  })

  test.each([
    ['a byte', 'H', 'connection_failed'],
    ['half a response', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{', 'response_truncated'],
  ])('that ends after %s is not tried again, so no code is sent twice', async (_title, bytes, code) => {
    const { hub, requests, ...next } = await warm()
    onOldConnections(hub, 'token', (socket) => socket.end(bytes))
    expect(errorOf(await next.signIn())).toMatchObject({ code, phase: 'token' })
    expect(requests()).toEqual(['token 1'])
  })

  test('that is closed, and a new one that is closed too, are an error, and there is no third', async () => {
    const { hub, requests, ...next } = await warm()
    hub.answers.token = hangUp
    expect(errorOf(await next.signIn())).toMatchObject({ code: 'connection_failed', phase: 'token' })
    expect(requests()).toEqual(['token 1', 'token 2'])
  })

  test('that is closed, and a new one that is silent, end by the timeout', async () => {
    const { hub, requests, ...next } = await warm(1, { timeout: 300 })
    hub.answers.token = (socket, request) => request.connection === 1 && socket.end()
    expect(errorOf(await next.signIn())).toMatchObject({ code: 'timeout', phase: 'token' })
    expect(requests()).toEqual(['token 1', 'token 2'])
  })

  test('that is dead, as nine others are, costs neither one person nor twenty the sign-in', async () => {
    for (const people of [1, 20]) {
      const { hub, ...next } = await warm(10)
      expect(hub.connections).toBeGreaterThan(1)
      onOldConnections(hub, 'token', drop)
      const outcomes = await Promise.all(Array.from({ length: people }, () => next.signIn()))
      expect(outcomes).toEqual(outcomes.map(() => success))
      const codes = hub.to('token').map(({ form }) => form.get('code'))
      for (const code of codes) expect(codes.filter((each) => each === code).length).toBeLessThanOrEqual(2)
    }
  })
})

describe('without an agent of the app', () => {
  test('connections are kept, also by a strategy that is made for one request', async () => {
    const hub = await startRawHub({ keepAlive: true })
    for (let times = 0; times < 3; times += 1) {
      expect(await signIn(hub, strategyFor(hub, { scope: 'profile', skipUserProfile: true }).strategy)).toEqual(success)
      // for the connections to become idle
      await sleep(20)
    }
    // the keys may be fetched beside the tokens
    expect(hub.connections).toBeLessThanOrEqual(2)
  })

  test("the options of Node's own agent are used, such as its certificates", async () => {
    const { options } = https.globalAgent
    const hub = await startRawHub({ keepAlive: true, tls, host: 'localhost' })
    options.ca = tls.cert
    finallyDo(() => {
      options.ca = undefined
    })
    expect(await signIn(hub, strategyFor(hub).strategy)).toEqual(success)
  })
})

describe('a connection that cannot be made', () => {
  test('because nobody listens is an error that says so', async () => {
    const hub = await startRawHub()
    const { strategy, verified } = strategyFor(hub)
    const { url, cookie } = await begin(strategy)
    await hub.close()
    const cause = expect.objectContaining({ code: 'ECONNREFUSED' })
    expect(errorOf(await finish(hub, strategy, url, cookie))).toMatchObject({ code: 'connection_failed', status: 502, cause })
    expect(verified).toEqual([])
  })

  test.each<[string, (socket: Socket) => void, string]>([
    ['plain http is spoken', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'), 'connection_failed'],
    ['nobody speaks', () => {}, 'timeout'],
  ])('because at the https address %s is an error', async (_title, behaviour, code) => {
    const hub = await startRawHub()
    const server = createServer((socket) => socket.on('error', () => {}).once('data', () => behaviour(socket)))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    finallyDo(() => server.close())
    const { port } = server.address() as AddressInfo
    const { strategy } = strategyFor({ url: `https://127.0.0.1:${port}` }, { timeout: code === 'timeout' ? 300 : 4000 })
    expect(errorOf(await signIn(hub, strategy))).toMatchObject({ code, phase: 'token' })
  })
})

test('a code is sent twice at most, although an agent does not name its idle connections and all are dead', async () => {
  const hub = await startRawHub({ keepAlive: true })
  const agent = new HttpAgent({ keepAlive: true })
  finallyDo(() => agent.destroy())
  const hiding = { keepAlive: true, maxSockets: 9, addRequest: Reflect.get(agent, 'addRequest').bind(agent) } as never
  const { strategy } = strategyFor(hub, { agent: hiding, scope: 'profile' })
  await Promise.all(Array.from({ length: 5 }, () => signIn(hub, strategy)))
  hub.answers.token = hangUp
  const before = hub.to('token').length
  expect(errorOf(await signIn(hub, strategy))).toMatchObject({ code: 'connection_failed', phase: 'token' })
  expect(
    hub
      .to('token')
      .slice(before)
      .map(({ connection }) => connection <= 6),
  ).toEqual([true, true])
})

test('a new connection that is closed without a byte is not tried again', async () => {
  const hub = await startRawHub()
  hub.answers.token = hangUp
  expect(errorOf(await signIn(hub, strategyFor(hub).strategy))).toMatchObject({ code: 'connection_failed', phase: 'token' })
  expect(hub.to('token')).toHaveLength(1)
})

describe('what comes behind a response', () => {
  const evil = responseBytes({ sub: '65f00000000000000000beef', preferred_username: 'mallory' }, { keepAlive: true })
  const ada = expect.objectContaining({ action: 'success', args: [expect.objectContaining({ username: 'ada' }), {}] })

  test('in the same packet is never taken for the response to the next request', async () => {
    const { hub, strategy } = await start(true, { scope: 'profile' })
    hub.answers.token = (socket, request) => socket.write(Buffer.concat([responseBytes(hub.tokens(request), { keepAlive: true }), evil]))
    expect(await signIn(hub, strategy)).toEqual(ada)
  })

  test('while the connection is idle is never taken for the response to the next request', async () => {
    const { hub, strategy } = await start(true, { scope: 'profile' })
    let written: Promise<void> | undefined
    hub.answers.userinfo = (socket) => {
      socket.write(responseBytes(hub.userinfo(), { keepAlive: true }))
      written = sleep(20).then(() => new Promise<void>((resolve) => socket.write(evil, () => resolve())))
    }
    for (let person = 0; person < 3; person++) {
      expect(await signIn(hub, strategy)).toEqual(ada)
      await written
      // for the bytes to arrive
      await sleep(20)
    }
  })
})

describe('an agent of the app', () => {
  class CountingAgent extends HttpAgent {
    made = 0
    override createConnection(...args: Parameters<HttpAgent['createConnection']>) {
      this.made++
      return super.createConnection(...args)
    }
  }

  test('carries every request if it is given as an option', async () => {
    const hub = await startRawHub()
    const agent = new CountingAgent()
    expect(await signIn(hub, strategyFor(hub, { agent }).strategy)).toEqual(success)
    expect([agent.made, hub.requests.length]).toEqual([hub.connections, 3])
  })

  test('carries every request if it is set by _oauth2.setAgent(), which overrides the option', async () => {
    const hub = await startRawHub()
    const [option, set] = [new CountingAgent(), new CountingAgent()]
    const { strategy } = strategyFor(hub, { agent: option })
    const { _oauth2: oauth2 } = strategy as unknown as { _oauth2: { setAgent(agent: HttpAgent): void } }
    oauth2.setAgent(set)
    expect(await signIn(hub, strategy)).toEqual(success)
    expect([option.made, set.made]).toEqual([0, 3])
  })

  test('that fails to connect is an error that says why', async () => {
    const hub = await startRawHub()
    const agent = new HttpAgent({
      lookup: (host, _options, done) => done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }), ''),
    })
    const { strategy } = strategyFor({ url: hub.url.replace('127.0.0.1', 'localhost') }, { agent })
    const cause = expect.objectContaining({ code: 'ENOTFOUND' })
    expect(errorOf(await signIn(hub, strategy))).toMatchObject({ code: 'connection_failed', cause })
  })

  test('whose only connection is taken makes nobody wait for ever', async () => {
    const hub = await startRawHub()
    const agent = new HttpAgent({ maxSockets: 1 })
    finallyDo(() => agent.destroy())
    const { strategy } = strategyFor(hub, { agent, timeout: 300, scope: 'profile' })
    hub.answers.token = silent
    const outcomes = await Promise.all([signIn(hub, strategy), signIn(hub, strategy), signIn(hub, strategy)])
    for (const outcome of outcomes) expect(errorOf(outcome)).toMatchObject({ code: 'timeout', phase: 'token' })
  })

  test('that is of the wrong kind is an error, and not the end of the process', async () => {
    const hub = await startRawHub()
    const { strategy } = strategyFor(hub, { agent: new HttpsAgent() })
    expect(errorOf(await signIn(hub, strategy))).toMatchObject({ code: 'connection_failed', phase: 'token', status: 502 })
  })
})

describe('a Hub of several addresses', () => {
  const addresses = (...list: string[]) =>
    new HttpAgent({ lookup: (_host, _options, done) => done(null, list.map((address) => ({ address, family: 4 })) as never) })

  test('is reached at the second when nobody is at the first', async () => {
    const hub = await startRawHub({ host: 'localhost' })
    expect(await signIn(hub, strategyFor(hub, { agent: addresses('127.0.0.2', '127.0.0.1') }).strategy)).toEqual(success)
  })

  test('of which none answers is an error that names them all', async () => {
    const hub = await startRawHub({ host: 'localhost' })
    const { strategy } = strategyFor(hub, { agent: addresses('127.0.0.2', '127.0.0.3') })
    const error = errorOf(await signIn(hub, strategy))
    expect(error).toMatchObject({ code: 'connection_failed', cause: { code: 'ECONNREFUSED' } })
    expect(String(error.cause)).toMatch(/127\.0\.0\.2.*127\.0\.0\.3/)
  })

  test('has half of the timeout for each address, since a slow handshake takes longer than the 250 ms of Node', async () => {
    const hub = await startRawHub()
    let options: object = {}
    class WatchingAgent extends HttpAgent {
      override createConnection(...args: Parameters<HttpAgent['createConnection']>) {
        options = args[0]
        return super.createConnection(...args)
      }
    }
    expect(await signIn(hub, strategyFor(hub, { agent: new WatchingAgent(), timeout: 4000 }).strategy)).toEqual(success)
    expect(options).toMatchObject({ autoSelectFamilyAttemptTimeout: 2000 })
  })
})
