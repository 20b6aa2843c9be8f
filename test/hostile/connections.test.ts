import http from 'node:http'
import https from 'node:https'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { describe, expect, jest, test } from '@jest/globals'
import type { HuggingFaceStrategy, HuggingFaceStrategyOptions } from '../../lib/index'
import { type Behaviour, type Endpoint, type RawHub, respond, responseBytes, silent } from '../support/raw-hub'
import { certificate } from '../testing/certificate'
import { open, startApp, visit } from './app'
import { begin, errorOf, finallyDo, finish, signIn, startRawHub, strategyFor, until, watchSignIns } from './sign-in'

watchSignIns()

// for machines that have much else to do
jest.setTimeout(30_000)

/** A reset; over TLS, where Node has none, an end without a word of farewell. */
const drop: Behaviour = (socket) => ('encrypted' in socket ? socket.destroy() : socket.resetAndDestroy())

/** A sign-in that takes the person a moment, so that the keys are there when they come back. */
async function signInCalmly(hub: RawHub, strategy: HuggingFaceStrategy) {
  const { url, cookie } = await begin(strategy)
  await until(() => hub.to('jwks').length > 0)
  await until(() => Reflect.get(strategy, 'client').isConnected(`${hub.url}/oauth/token`))
  return finish(hub, strategy, url, cookie)
}

/** A hub that keeps connections open, and ends them when the test is over. */
async function keepingHub(options: Parameters<typeof startRawHub>[0] = {}): Promise<RawHub> {
  const hub = await startRawHub({ ...options, keepAlive: true })
  finallyDo(() => hub.hangUp())
  return hub
}

const overTls = { tls: certificate, host: 'localhost' }

describe.each<[string, Parameters<typeof startRawHub>[0], () => Partial<HuggingFaceStrategyOptions>]>([
  ['http', {}, () => ({})],
  ['https', overTls, () => ({ agent: new https.Agent({ keepAlive: true, ca: certificate.cert }) })],
])('a kept connection, over %s', (_title, hubOptions, strategyOptions) => {
  /** A hub, and a strategy that has signed somebody in over one connection. */
  async function afterOneSignIn() {
    const hub = await keepingHub(hubOptions)
    const { strategy, verified } = strategyFor(hub, strategyOptions())
    expect(await signInCalmly(hub, strategy)).toMatchObject({ action: 'success' })
    expect(hub.connections).toBe(1)
    return { hub, strategy, verified }
  }

  /** The endpoint does this on connections that are there already, and the usual on new ones. */
  function onOldConnections(hub: RawHub, endpoint: Endpoint, behaviour: Behaviour): void {
    const usual = hub.answers[endpoint]
    const old = hub.connections
    hub.answers[endpoint] = (socket, request) => (request.connection <= old ? behaviour : usual)(socket, request, hub)
  }

  test('carries the keys, the token and the userinfo request, and those of the next person', async () => {
    const { hub, strategy } = await afterOneSignIn()
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
    expect(hub.requests.map(({ endpoint, connection }) => `${endpoint} ${connection}`)).toEqual([
      'jwks 1',
      'token 1',
      'userinfo 1',
      'token 1',
      'userinfo 1',
    ])
  })

  test('that the Hub has closed in between does not cost a sign-in', async () => {
    const { hub, strategy } = await afterOneSignIn()
    hub.hangUp()
    await hub.drained()
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
    expect(hub.to('token').map(({ connection }) => connection)).toEqual([1, 2])
  })

  test.each<[Endpoint, string, Behaviour]>([
    ['token', 'closes', (socket) => socket.end()],
    ['token', 'drops', drop],
    ['userinfo', 'closes', (socket) => socket.end()],
    ['userinfo', 'drops', drop],
  ])('on which the %s request crosses with its end (the Hub %s it) does not cost a sign-in', async (endpoint, _how, behaviour) => {
    const { hub, strategy, verified } = await afterOneSignIn()
    onOldConnections(hub, endpoint, behaviour)
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
    expect(verified).toHaveLength(2)
    expect(hub.to(endpoint).map(({ connection }) => connection)).toEqual([1, 1, 2])
  })

  test('that ends after a byte of an answer is not tried again', async () => {
    const { hub, strategy, verified } = await afterOneSignIn()
    onOldConnections(hub, 'token', (socket) => socket.end('H'))
    expect(errorOf(await signIn(hub, strategy))).toMatchObject({ code: 'connection_failed', phase: 'token' })
    expect(hub.to('token')).toHaveLength(2)
    expect(verified).toHaveLength(1)
  })

  test('that ends half-way through an answer is not tried again', async () => {
    const { hub, strategy } = await afterOneSignIn()
    onOldConnections(hub, 'token', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{'))
    expect(errorOf(await signIn(hub, strategy))).toMatchObject({ code: 'response_truncated', phase: 'token' })
    expect(hub.to('token')).toHaveLength(2)
  })

  test('that is closed, and a fresh one that is closed too, are an error, and there is no third', async () => {
    const { hub, strategy } = await afterOneSignIn()
    hub.answers.token = (socket) => socket.end()
    expect(errorOf(await signIn(hub, strategy))).toMatchObject({ code: 'connection_failed', phase: 'token' })
    expect(hub.to('token').map(({ connection }) => connection)).toEqual([1, 1, 2])
  })

  test('that is closed, and a fresh one that is silent, end by the clock', async () => {
    const hub = await keepingHub(hubOptions)
    const { strategy } = strategyFor(hub, { ...strategyOptions(), timeout: 300 })
    await signInCalmly(hub, strategy)
    hub.answers.token = (socket, request) => request.connection === 1 && socket.end()
    expect(errorOf(await signIn(hub, strategy))).toMatchObject({ code: 'timeout', phase: 'token' })
  })

  test('that is dead, as are the others that wait beside it, does not cost the one person who comes the sign-in', async () => {
    const hub = await keepingHub(hubOptions)
    const { strategy } = strategyFor(hub, strategyOptions())
    await Promise.all(Array.from({ length: 5 }, () => signIn(hub, strategy)))
    onOldConnections(hub, 'token', drop)
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
    expect(hub.to('token')).toHaveLength(5 + 2)
  })

  test('that is dead, as are nine more, costs none of twenty people the sign-in', async () => {
    const hub = await keepingHub(hubOptions)
    const { strategy } = strategyFor(hub, strategyOptions())
    const signInMany = (count: number) => Promise.all(Array.from({ length: count }, () => signIn(hub, strategy)))
    await signInMany(10)
    onOldConnections(hub, 'token', drop)
    const outcomes = await signInMany(20)
    expect(outcomes.filter(({ action }) => action !== 'success')).toEqual([])
  })
})

test('a fresh connection that is closed without a byte is not tried again', async () => {
  const hub = await startRawHub()
  hub.answers.token = (socket) => socket.end()
  expect(errorOf(await signIn(hub, strategyFor(hub).strategy))).toMatchObject({ code: 'connection_failed', phase: 'token' })
  expect(hub.to('token')).toHaveLength(1)
})

test('nobody listens', async () => {
  const hub = await startRawHub()
  const { strategy, verified } = strategyFor(hub)
  const { url, cookie } = await begin(strategy)
  await hub.close()
  expect(errorOf(await finish(hub, strategy, url, cookie))).toMatchObject({
    code: 'connection_failed',
    status: 502,
    message: expect.stringContaining('ECONNREFUSED'),
    cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
  })
  expect(verified).toEqual([])
})

test.each<[string, (socket: Socket) => void, string]>([
  ['plain http is spoken', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'), 'connection_failed'],
  ['nobody speaks', () => {}, 'timeout'],
])('an https address at which %s', async (_title, behaviour, code) => {
  const hub = await startRawHub()
  const server = createServer((socket) => socket.on('error', () => {}).once('data', () => behaviour(socket)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  finallyDo(() => server.close())
  const { port } = server.address() as AddressInfo
  const { strategy } = strategyFor({ url: `https://127.0.0.1:${port}` }, { timeout: code === 'timeout' ? 300 : 4000 })
  expect(errorOf(await signIn(hub, strategy))).toMatchObject({ code, phase: 'token' })
})

describe('what comes behind an answer', () => {
  const evil = responseBytes({ sub: '65f00000000000000000beef', preferred_username: 'mallory', orgs: [] }, { keepAlive: true })

  test('in the same packet is never taken for the answer to the next request', async () => {
    const hub = await keepingHub()
    hub.answers.token = (socket, request) => socket.write(Buffer.concat([responseBytes(hub.tokens(request), { keepAlive: true }), evil]))
    const { strategy } = strategyFor(hub, { scope: 'profile' })
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success', args: [{ username: 'ada' }, {}] })
  })

  test('while the connection is idle is never taken for the answer to the next request', async () => {
    const hub = await keepingHub()
    const { strategy } = strategyFor(hub, { scope: 'profile' })
    let written: Promise<void> | undefined
    hub.answers.userinfo = (socket) => {
      socket.write(responseBytes(hub.userinfo(), { keepAlive: true }))
      written = sleep(20).then(() => new Promise<void>((resolve) => socket.write(evil, () => resolve())))
    }
    for (let person = 0; person < 3; person++) {
      expect(await signIn(hub, strategy)).toMatchObject({ action: 'success', args: [{ username: 'ada' }, {}] })
      await written
      // for the bytes to arrive
      await sleep(20)
    }
  })
})

describe('the browser leaves', () => {
  async function callbackOf(strategy: HuggingFaceStrategy, hub: RawHub) {
    const app = await startApp(strategy)
    const { location, cookie } = await visit(`${app.url}/auth/huggingface`)
    const query = new URLSearchParams({ code: hub.secret('code'), state: new URL(location).searchParams.get('state') ?? '' })
    return { app, cookie, callback: `${app.url}/auth/huggingface/callback?${query}` }
  }

  test.each<Endpoint>(['token', 'userinfo'])('during the %s request, which is given up long before its time', async (endpoint) => {
    const hub = await startRawHub()
    const { strategy, verified } = strategyFor(hub, { timeout: 60_000 })
    hub.answers[endpoint] = silent
    const { app, cookie, callback } = await callbackOf(strategy, hub)
    const browser = await open(callback, cookie)
    await until(() => hub.to(endpoint).length === 1)
    browser.destroy()
    await hub.drained()
    await until(() => app.errors.length === 1)
    expect(app.errors).toMatchObject([{ name: 'HubError', code: 'aborted', phase: endpoint, status: 499 }])
    expect(verified).toEqual([])
  })

  test('a hundred times, and no connection to the Hub is left', async () => {
    const hub = await startRawHub()
    const { strategy, verified } = strategyFor(hub, { timeout: 60_000 })
    hub.answers.token = silent
    const app = await startApp(strategy)
    const browsers = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const { location, cookie } = await visit(`${app.url}/auth/huggingface`)
        const query = new URLSearchParams({ code: hub.secret('code'), state: new URL(location).searchParams.get('state') ?? '' })
        return open(`${app.url}/auth/huggingface/callback?${query}`, cookie)
      }),
    )
    await until(() => hub.to('token').length === 100)
    for (const browser of browsers) browser.destroy()
    await hub.drained()
    await until(() => app.errors.length === 100)
    expect(app.errors.filter(({ code }) => code !== 'aborted')).toEqual([])
    expect(verified).toEqual([])
  })

  test('and others, who wait for the same keys, do not notice', async () => {
    const hub = await startRawHub()
    const { strategy } = strategyFor(hub)
    const usual = hub.answers.jwks
    let release = () => {}
    hub.answers.jwks = (socket, request) => {
      release = () => usual(socket, request, hub)
    }
    const { app, cookie, callback } = await callbackOf(strategy, hub)
    const browser = await open(callback, cookie)
    await until(() => hub.to('userinfo').length === 1)
    const { url, cookie: another } = await begin(strategy)
    const outcome = finish(hub, strategy, url, another)
    await until(() => hub.to('userinfo').length === 2)
    browser.destroy()
    await sleep(20)
    release()
    expect(await outcome).toMatchObject({ action: 'success' })
    expect(hub.to('jwks')).toHaveLength(1)
    expect(app.errors.length).toBeLessThanOrEqual(1)
  })

  test('a connection that a browser keeps for many sign-ins does not gather listeners', async () => {
    const hub = await startRawHub()
    const { strategy } = strategyFor(hub)
    const app = await startApp(strategy)
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    finallyDo(() => agent.destroy())
    const warnings: Error[] = []
    const warned = (warning: Error) => warnings.push(warning)
    process.on('warning', warned)
    for (let count = 0; count < 20; count++) {
      await new Promise<void>((resolve, reject) => {
        http.get(`${app.url}/auth/huggingface`, { agent }, (res) => res.resume().on('end', resolve)).on('error', reject)
      })
    }
    process.removeListener('warning', warned)
    expect(warnings).toEqual([])
  })
})

describe('an agent of the app', () => {
  class CountingAgent extends http.Agent {
    made = 0
    override createConnection(...args: Parameters<http.Agent['createConnection']>) {
      this.made++
      return super.createConnection(...args)
    }
  }

  test('carries every request when it is given as an option', async () => {
    const hub = await startRawHub()
    const agent = new CountingAgent()
    const { strategy } = strategyFor(hub, { agent })
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
    expect(agent.made).toBe(hub.connections)
    expect(hub.requests.map(({ endpoint }) => endpoint).sort()).toEqual(['jwks', 'token', 'userinfo'])
  })

  test('carries every request when it is set by _oauth2.setAgent(), and wins over the option', async () => {
    const hub = await startRawHub()
    const [option, set] = [new CountingAgent(), new CountingAgent()]
    const { strategy } = strategyFor(hub, { agent: option })
    const { _oauth2: oauth2 } = strategy as unknown as { _oauth2: { setAgent(agent: http.Agent): void } }
    oauth2.setAgent(set)
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
    expect([option.made, set.made]).toEqual([0, hub.connections])
  })

  test('that fails to connect is an error that says why', async () => {
    const hub = await startRawHub()
    const agent = new http.Agent({
      lookup: (host, _options, done) => done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }), ''),
    })
    const { strategy } = strategyFor({ url: hub.url.replace('127.0.0.1', 'localhost') }, { agent })
    expect(errorOf(await signIn(hub, strategy))).toMatchObject({
      code: 'connection_failed',
      message: expect.stringContaining('ENOTFOUND'),
      cause: expect.objectContaining({ code: 'ENOTFOUND' }),
    })
  })

  test('whose only connection is taken does not make anybody wait for ever', async () => {
    const hub = await startRawHub()
    const agent = new http.Agent({ maxSockets: 1 })
    finallyDo(() => agent.destroy())
    const { strategy } = strategyFor(hub, { agent, timeout: 300, scope: 'profile' })
    hub.answers.token = silent
    const outcomes = await Promise.all([signIn(hub, strategy), signIn(hub, strategy), signIn(hub, strategy)])
    for (const outcome of outcomes) expect(errorOf(outcome)).toMatchObject({ code: 'timeout', phase: 'token' })
  })

  test('that is of the wrong kind is an error, and not the end of the process', async () => {
    const hub = await startRawHub()
    const { strategy } = strategyFor(hub, { agent: new https.Agent() })
    expect(errorOf(await signIn(hub, strategy))).toMatchObject({ code: 'connection_failed', phase: 'token', status: 502 })
  })
})

describe('a Hub of several addresses', () => {
  const addresses = (...list: string[]) =>
    new http.Agent({
      lookup: (_host, _options, done) => done(null, list.map((address) => ({ address, family: 4 })) as never),
    })

  test('is reached at the second when nobody is at the first', async () => {
    const hub = await startRawHub({ host: 'localhost' })
    const { strategy } = strategyFor(hub, { agent: addresses('127.0.0.2', '127.0.0.1') })
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
  })

  test('of which none answers is an error that names them all', async () => {
    const hub = await startRawHub({ host: 'localhost' })
    const { strategy } = strategyFor(hub, { agent: addresses('127.0.0.2', '127.0.0.3') })
    const error = errorOf(await signIn(hub, strategy))
    expect(error).toMatchObject({ code: 'connection_failed', phase: 'token', message: expect.stringContaining('ECONNREFUSED') })
    expect(String(error.cause)).toMatch(/127\.0\.0\.2.*127\.0\.0\.3/)
  })

  test('is reached at the first when that is slow to connect and nobody is at the second', async () => {
    const hub = await startRawHub({ host: 'localhost' })
    // It listens, and does not take anybody in: its queue is full after a few connections, and the kernel lets others knock again after a second.
    const gate = new SharedArrayBuffer(4)
    const relay = new Worker(
      `const { createServer, connect } = require('node:net')
       const { parentPort, workerData } = require('node:worker_threads')
       const server = createServer((socket) => {
         const hub = connect(workerData.port, '127.0.0.1')
         socket.pipe(hub).pipe(socket)
         socket.on('error', () => hub.destroy()).on('close', () => hub.destroy())
         hub.on('error', () => socket.destroy())
       })
       server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
         parentPort.postMessage(server.address().port)
         Atomics.wait(new Int32Array(workerData.gate), 0, 0, 5000)
       })`,
      { eval: true, workerData: { gate, port: hub.port } },
    )
    finallyDo(() => relay.terminate())
    const port = await new Promise<number>((resolve) => relay.once('message', resolve))
    const queue = Array.from({ length: 4 }, () => createConnection({ port, host: '127.0.0.1' }).on('error', () => {}))
    finallyDo(() => queue.map((socket) => socket.destroy()))
    await sleep(50)
    const url = hub.url.replace(`:${hub.port}/`, `:${port}/`)
    const { strategy } = strategyFor({ url }, { agent: addresses('127.0.0.1', '127.0.0.2'), scope: 'profile', timeout: 8000 })
    const { url: authorization, cookie } = await begin(strategy)
    const outcome = finish(hub, strategy, authorization, cookie)
    setTimeout(() => {
      Atomics.store(new Int32Array(gate), 0, 1)
      Atomics.notify(new Int32Array(gate), 0)
    }, 400)
    expect(await outcome).toMatchObject({ action: 'success' })
  })
})

test('a hostile answer is one answer to the browser, with a status that says whose fault it is', async () => {
  const hub = await startRawHub()
  const { strategy, verified } = strategyFor(hub, { timeout: 300 })
  const app = await startApp(strategy)
  const answers: [Behaviour, number, object][] = [
    [respond('null'), 502, { code: 'invalid_response', phase: 'token' }],
    [(socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{'), 502, { code: 'response_truncated', phase: 'token' }],
    [silent, 504, { code: 'timeout', phase: 'token' }],
    [respond({ error: 'invalid_grant' }, { status: 400 }), 502, { code: 'invalid_grant', phase: 'token' }],
  ]
  for (const [behaviour, status, body] of answers) {
    hub.answers.token = behaviour
    const { location, cookie } = await visit(`${app.url}/auth/huggingface`)
    const query = new URLSearchParams({ code: hub.secret('code'), state: new URL(location).searchParams.get('state') ?? '' })
    const answer = await visit(`${app.url}/auth/huggingface/callback?${query}`, cookie)
    expect([answer.status, answer.json()]).toEqual([status, body])
  }
  expect(app.errors).toHaveLength(answers.length)
  expect(verified).toEqual([])
})
