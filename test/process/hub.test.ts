import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from '@jest/globals'
import { certificate } from '../support/certificate'
import { shareProcess, startApp, Visitor } from '../support/process'
import type { Behaviour, Endpoint, Json, RawHub, RawRequest } from '../support/raw-hub'
import { respond, responseBytes, rsaKey, signedToken, silent, write } from '../support/raw-hub'
import { until } from '../support/until'

const directory = mkdtempSync(path.join(tmpdir(), 'hf-process-'))
let tls: Awaited<ReturnType<typeof certificate>>
shareProcess(async () => {
  tls = await certificate()
  const file = path.join(directory, 'cert.pem')
  writeFileSync(file, tls.cert)
  return { NODE_EXTRA_CA_CERTS: file }
})
afterAll(() => rmSync(directory, { recursive: true }))

/** An app and its Hub. If warm, four have signed in at once already, by a strategy that shares nothing but the connections. */
async function arrive(warm: boolean, { overTls = false, timeout = 3000 } = {}) {
  const strategies = { huggingface: { timeout }, other: {} }
  const { hub, port, visitor } = await startApp({ strategies }, { keepAlive: warm, ...(overTls && { tls }) })
  const usual = { ...hub.answers }
  if (warm) {
    hub.answers.token = (...asked) => setTimeout(usual.token, 50, ...asked)
    const answers = await Promise.all([1, 2, 3, 4].map(() => new Visitor(port).signIn({}, 'other')))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    hub.answers.token = usual.token
  }
  const { connections } = hub
  const past = hub.requests.length
  return {
    hub,
    visitor,
    /** Requests to an endpoint since. */
    asked: (endpoint: Endpoint) => hub.requests.slice(past).filter((request) => request.endpoint === endpoint),
    isWarm: ({ connection }: RawRequest) => connection <= connections,
    expectRecovered: async () => {
      Object.assign(hub.answers, usual)
      expect(await new Visitor(port).signIn()).toMatchObject({ status: 200, json: { user: { username: 'ada' } } })
    },
  }
}

/** Each endpoint at the same time, of a Hub and an app of its own. */
const atEachEndpoint = (run: (endpoint: Endpoint) => Promise<void>) => Promise.all((['token', 'userinfo', 'jwks'] as const).map(run))

function truth(request: RawRequest, hub: RawHub): Json {
  if (request.endpoint === 'token') return hub.tokens(request)
  return request.endpoint === 'userinfo' ? hub.userinfo() : { keys: [hub.key.jwk] }
}
const noLength: Parameters<typeof write>[0] = (...asked) => responseBytes(truth(...asked), { headers: { 'content-length': undefined } })
const encoded = (encoding: string) => ({ headers: { 'content-encoding': encoding }, keepAlive: true })
const invalid = { status: 502, json: { code: 'invalid_response' } }
const upgrade = 'HTTP/1.1 101 Some Words\r\nConnection: Upgrade\r\nUpgrade: else\r\n\r\n'
const faults: [string, Behaviour, object][] = [
  ['that is cut off by a reset is an error', write('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{', 'RST'), { status: 502 }],
  ['that upgrades the connection is an error', write(upgrade), { status: 502 }],
  [
    'in gzip, which nobody asked for, is an error',
    respond((...asked) => gzipSync(JSON.stringify(truth(...asked))), encoded('gzip')),
    invalid,
  ],
  ['in an encoding with the name of a method is an error', respond(truth, encoded('constructor')), invalid],
]

describe.each([
  ['a new connection', false, false],
  ['a warm connection', true, false],
  ['a warm connection over https', true, true],
])('on %s', (_, warm, overTls) => {
  test.each<[string, Behaviour]>([
    ['does not come', silent],
    ['never ends', write(noLength)],
  ])('a response that %s is a timeout, and a visitor who leaves meanwhile harms nobody', (__, fault) =>
    atEachEndpoint(async (endpoint) => {
      const { hub, visitor, asked, isWarm, expectRecovered } = await arrive(warm, { overTls, timeout: 500 })
      hub.answers[endpoint] = fault
      const leaving = new AbortController()
      visitor.visit(await visitor.consent(), { signal: leaving.signal }).catch(() => {})
      await until(() => asked('token').length > 0 && asked(endpoint).length > 0)
      leaving.abort()
      expect(await visitor.signIn()).toMatchObject({ status: 504, json: { code: 'timeout', phase: endpoint } })
      expect(asked(endpoint).some(isWarm)).toBe(warm)
      await expectRecovered()
    }),
  )

  if (overTls) return

  test.each(faults)('a response %s, for this visitor and not for the next', (__, fault, answer) =>
    atEachEndpoint(async (endpoint) => {
      const { hub, visitor, expectRecovered } = await arrive(warm)
      hub.answers[endpoint] = fault
      const received = await visitor.signIn()
      expect(received).toMatchObject(answer)
      expect(received.json).toMatchObject({ phase: endpoint })
      await expectRecovered()
    }),
  )

  test('a response without a length is whole when the Hub ends the connection', async () => {
    const { hub, visitor } = await arrive(warm)
    const behaviour = write(noLength, 'FIN')
    Object.assign(hub.answers, { token: behaviour, userinfo: behaviour, jwks: behaviour })
    expect(await visitor.signIn()).toMatchObject({ status: 200, json: { user: { username: 'ada' } } })
  })

  test.each<[string, (request: RawRequest, hub: RawHub) => Json | Promise<Json>]>([
    ['of another sign-in', (request, hub) => hub.tokens(request, { nonce: 'of somebody else' })],
    [
      'signed by somebody else',
      async (request, hub) => {
        const { privateKey } = await rsaKey('another')
        return { ...hub.tokens(request), id_token: signedToken({ alg: 'RS256', kid: hub.key.kid }, hub.claims(request), privateKey) }
      },
    ],
  ])('the access token beside an ID token %s is not used', async (__, tokens) => {
    const { hub, visitor, asked, expectRecovered } = await arrive(warm)
    hub.answers.token = async (...on) => respond(await tokens(on[1], hub), { keepAlive: warm })(...on)
    expect(await visitor.signIn()).toMatchObject({ status: 502, json: { code: 'invalid_id_token' } })
    expect(asked('userinfo')).toEqual([])
    await expectRecovered()
  })
})

describe('an agent', () => {
  test.each([
    ['that is nothing but addRequest, as of tunnel,', { strategies: { huggingface: { agent: 'tunnel' } } }],
    ["that the app has put in the place of Node's", { globalAgent: true }],
  ] as const)('%s carries every request', async (_, config) => {
    const { hub, visitor, log } = await startApp(config)
    expect(await visitor.signIn()).toMatchObject({ status: 200 })
    expect(await log()).toMatchObject({ agentUsed: hub.requests.length })
  })

  test.each(['refused', 'hanging'] as const)('of one strategy that is dead (%s) does not keep another from signing in', async (agent) => {
    const { visitor } = await startApp({ strategies: { dead: { agent, timeout: 12_000 }, huggingface: {} } })
    await visitor.consent({}, 'dead')
    // a visit is given up after ten seconds
    expect(await visitor.signIn()).toMatchObject({ status: 200 })
  })

  test('of another strategy does not fetch the keys that an ID token is verified by', async () => {
    const { hub, visitor } = await startApp({ strategies: { lax: { agent: 'own' }, huggingface: {} } })
    expect(await visitor.signIn({}, 'lax')).toMatchObject({ status: 200 })
    hub.answers.jwks = respond({}, { status: 500, keepAlive: true })
    expect(await visitor.signIn()).toMatchObject({ status: 502, json: { code: 'unexpected_status', phase: 'jwks' } })
    expect(await visitor.signIn({}, 'lax')).toMatchObject({ status: 200 })
  })
})
