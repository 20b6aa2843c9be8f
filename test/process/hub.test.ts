import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { certificate } from '../support/certificate'
import { type AppConfig, startApp, startHub, until, Visitor } from '../support/process'
import {
  type Endpoint,
  type Json,
  type RawHub,
  type RawRequest,
  respond,
  responseBytes,
  rsaKey,
  signedToken,
  silent,
  write,
} from '../support/raw-hub'

jest.setTimeout(20_000)

const endpoints: Endpoint[] = ['token', 'userinfo', 'jwks']

interface Place {
  warm: boolean
  tls?: { key: string; cert: string }
  env?: Record<string, string>
  config?: AppConfig
}

/** An app and its Hub. If warm, three have signed in at once already; the keys are yet to come. */
async function start({ warm, tls, env, config }: Place) {
  const hub = await startHub({ keepAlive: warm, ...(tls ? { tls } : {}) })
  const app = await startApp(hub, config, env)
  const visitor = new Visitor(app)
  const usual = { ...hub.answers }
  if (warm) {
    hub.answers.jwks = respond({}, { status: 500, keepAlive: true })
    hub.answers.token = (...asked) => setTimeout(usual.token, 50, ...asked)
    const visitors = [visitor, new Visitor(app), new Visitor(app)]
    const answers = await Promise.all(visitors.map((each) => each.signIn({ scope: 'profile' })))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
  }
  Object.assign(hub.answers, usual)
  const before = { connections: hub.connections, requests: hub.requests.length }
  /** The endpoint was asked, on the kind of connection that the test is about. */
  const expectAsked = (endpoint: Endpoint) => {
    const asked = hub.requests.slice(before.requests).find((each) => each.endpoint === endpoint)
    expect(Number(asked?.connection) <= before.connections).toBe(warm)
  }
  const expectRecovered = async () => {
    Object.assign(hub.answers, usual)
    const next = await new Visitor(app).signIn()
    expect(next).toMatchObject({ status: 200, answers: 1, body: { user: { username: 'ada' } } })
  }
  return { hub, app, visitor, usual, expectAsked, expectRecovered }
}

function content(endpoint: Endpoint, request: RawRequest, hub: RawHub): Json {
  if (endpoint === 'token') return hub.tokens(request)
  return endpoint === 'userinfo' ? hub.userinfo() : { keys: [hub.key.jwk] }
}

function hangsAndTimeouts(place: Place): void {
  test.each(endpoints)('a visitor who leaves while %s is silent harms nobody', async (endpoint) => {
    const { hub, visitor, expectAsked, expectRecovered } = await start(place)
    hub.answers[endpoint] = silent
    const tokens = hub.to('token').length
    const asked = hub.to(endpoint).length
    const socket = visitor.open(await visitor.begin())
    await until(() => hub.to('token').length > tokens && hub.to(endpoint).length > asked)
    await sleep(20)
    socket.destroy()
    expectAsked(endpoint)
    // whatever was under way ends by its timeout
    await sleep(400)
    await expectRecovered()
  })

  test.each(endpoints)('a Hub whose %s is silent is a 504', async (endpoint) => {
    const { hub, visitor, expectAsked, expectRecovered } = await start(place)
    hub.answers[endpoint] = silent
    const answer = await visitor.signIn()
    const body = { code: 'timeout', phase: endpoint }
    expect(answer).toMatchObject({ status: 504, answers: 1, body })
    expectAsked(endpoint)
    await expectRecovered()
  })
}

describe.each([
  ['a new', false],
  ['a warm', true],
])('on %s connection', (_, warm) => {
  hangsAndTimeouts({ warm })

  test('an ID token that is refused ends the sign-in, not the process', async () => {
    const { hub, visitor, expectRecovered } = await start({ warm })
    hub.answers.token = respond((request) => hub.tokens(request, { nonce: 'of somebody else' }), { keepAlive: warm })
    hub.answers.userinfo = silent
    const body = { code: 'invalid_id_token' }
    expect(await visitor.signIn()).toMatchObject({ status: 502, answers: 1, body })
    await expectRecovered()
  })

  test.each(endpoints)('a 101 from %s is an error', async (endpoint) => {
    const { hub, visitor, expectRecovered } = await start({ warm })
    const upgrade = 'HTTP/1.1 101 Some Words\r\nConnection: Upgrade\r\nUpgrade: else\r\n\r\n'
    hub.answers[endpoint] = write(upgrade)
    const { status, answers } = await visitor.signIn()
    expect([502, 504]).toContain(status)
    expect(answers).toBe(1)
    await expectRecovered()
  })

  test.each(endpoints)('a body from %s that never ends is never whole', async (endpoint) => {
    const { hub, visitor, expectRecovered } = await start({ warm })
    hub.answers[endpoint] = write((request) => responseBytes(content(endpoint, request, hub), { headers: { 'content-length': undefined } }))
    const body = { code: 'timeout', phase: endpoint }
    expect(await visitor.signIn()).toMatchObject({ status: 504, answers: 1, body })
    await expectRecovered()
  })

  test.each(endpoints)('a connection that %s resets is a 502', async (endpoint) => {
    const { hub, visitor, expectRecovered } = await start({ warm })
    hub.answers[endpoint] = write('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{', 'RST')
    const body = { phase: endpoint }
    expect(await visitor.signIn()).toMatchObject({ status: 502, answers: 1, body })
    await expectRecovered()
  })
})

describe('over https, on a warm connection', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'hf-process-'))
  const file = path.join(directory, 'cert.pem')
  const place: Place = { warm: true, env: { NODE_EXTRA_CA_CERTS: file } }
  beforeAll(async () => {
    place.tls = await certificate()
    writeFileSync(file, place.tls.cert)
  })
  afterAll(() => rmSync(directory, { recursive: true }))
  hangsAndTimeouts(place)
})

describe.each(endpoints)('an encoding that nobody asked for, from %s,', (endpoint) => {
  test.each(['constructor', 'gzip', 'unknown'])('is an error: %s', async (encoding) => {
    const { hub, visitor, expectRecovered } = await start({ warm: true })
    hub.answers[endpoint] = (socket, request) => {
      const text = JSON.stringify(content(endpoint, request, hub))
      const body = encoding === 'gzip' ? gzipSync(text) : text
      const headers = { 'content-encoding': encoding }
      respond(body, { headers, keepAlive: true })(socket, request, hub)
    }
    const body = { code: 'invalid_response', phase: endpoint }
    expect(await visitor.signIn()).toMatchObject({ status: 502, answers: 1, body })
    await expectRecovered()
  })
})

test('a body without a length that the Hub ends is whole', async () => {
  const { hub, visitor } = await start({ warm: true })
  for (const endpoint of endpoints) {
    hub.answers[endpoint] = write(
      (request) => responseBytes(content(endpoint, request, hub), { headers: { 'content-length': undefined } }),
      'FIN',
    )
  }
  expect(await visitor.signIn()).toMatchObject({ status: 200 })
})

describe('userinfo is not asked with the access token of an ID token', () => {
  const wrong: [string, Json][] = [
    ['of another issuer', { iss: 'https://elsewhere.example' }],
    ['for another client', { aud: 'another-client' }],
    ['of another sign-in', { nonce: 'of another sign-in' }],
    ['without sub', { sub: undefined }],
    ['without iat', { iat: undefined }],
    ['without aud', { aud: undefined }],
    ['that has expired', { exp: 1 }],
  ]

  async function expectNotAsked(tokens: (request: RawRequest, hub: RawHub) => Json) {
    const { hub, visitor, expectRecovered } = await start({ warm: true })
    const before = hub.to('userinfo').length
    hub.answers.token = respond((request) => tokens(request, hub), { keepAlive: true })
    const body = { code: 'invalid_id_token' }
    expect(await visitor.signIn()).toMatchObject({ status: 502, body })
    expect(hub.to('userinfo').length - before).toBe(0)
    await expectRecovered()
  }

  test.each(wrong)('%s', async (_, claims) => {
    await expectNotAsked((request, hub) => hub.tokens(request, claims))
  })

  test('with a wrong signature', async () => {
    const { privateKey } = await rsaKey('another')
    await expectNotAsked((request, hub) => {
      const header = { alg: 'RS256', kid: hub.key.kid }
      const token = signedToken(header, hub.claims(request), privateKey)
      return { ...hub.tokens(request), id_token: token }
    })
  })
})

test('a Hub that is too busy is an unexpected status, whatever words it has', async () => {
  const { hub, app, visitor } = await start({ warm: true })
  const busy = { error: 'Too Many Requests' }
  hub.answers.token = respond(busy, { status: 429, keepAlive: true })
  expect(await visitor.signIn()).toMatchObject({ status: 502, answers: 1 })
  const error = { name: 'HubError', code: 'unexpected_status', hubStatus: 429, phase: 'token' }
  expect((await app.log()).errors).toEqual([expect.objectContaining(error)])
})

test("a code of one letter does not garble the Hub's reason", async () => {
  const { hub, visitor } = await start({ warm: true })
  const refusal = { error: 'invalid_grant', error_description: 'the code is invalid' }
  hub.answers.token = respond(refusal, { status: 400, keepAlive: true })
  const callback = (await visitor.begin()).replace(/code=\w+/, 'code=i')
  const message = expect.stringContaining('the code is invalid')
  const body = { name: 'TokenError', code: 'invalid_grant', message }
  expect(await visitor.get(callback)).toMatchObject({ answers: 1, body })
})

test('a failed request for keys does not stop later ones', async () => {
  const { hub, visitor, usual } = await start({ warm: false })
  hub.answers.jwks = respond({}, { status: 500 })
  const body = { code: 'unexpected_status', phase: 'jwks' }
  expect(await visitor.signIn()).toMatchObject({ status: 502, body })
  Object.assign(hub.answers, usual)
  expect(await visitor.signIn()).toMatchObject({ status: 200 })
})
