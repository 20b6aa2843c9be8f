import { gzipSync } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import { HubError, InternalOAuthError, TokenError } from '../../lib/index'
import {
  type Behaviour,
  type Endpoint,
  endpoints,
  type Json,
  type ResponseOptions,
  respond,
  responseBytes,
  write,
} from '../support/raw-hub'
import { errorOf, signIn, start, watchSignIns } from '../support/sign-in'

watchSignIns()

/** The error of a sign-in in which the endpoint does this, over a warm connection. The app's verify is not called. */
async function signInError(endpoint: Endpoint, behaviour: Behaviour, timeout = 4000) {
  const { hub, strategy, verified } = await start({ timeout }, { warm: true })
  hub.answers[endpoint] = behaviour
  const before = hub.to('userinfo').length
  const error = errorOf(await signIn(strategy))
  expect(verified).toEqual([])
  expect(error.message).toMatch(/^[\x20-\x7e…]{1,600}$/)
  if (endpoint !== 'userinfo') expect(hub.to('userinfo')).toHaveLength(before)
  return error
}

/** At each endpoint, such a sign-in ends in this HubError. */
async function expectHubErrors(behaviour: Behaviour, code: string, also: object, timeout = 4000) {
  const status = code === 'timeout' ? 504 : 502
  const ends = endpoints.map(async (phase) => {
    const error = await signInError(phase, behaviour, timeout)
    expect([error instanceof HubError, error instanceof InternalOAuthError]).toEqual([true, true])
    expect(error).toMatchObject({ name: 'HubError', code, phase, status, statusCode: status, expose: false, ...also })
  })
  await Promise.all(ends)
}

const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`
const sized = `${head}Content-Length: 100\r\n\r\n`
const mebibyte = 1024 * 1024
const naming = 'X-Request-Id: Root=1-67a\r\nRetry-After: 9\r\nConnection: close\r\n\r\n'
/** A response that names its request and when to try again. */
const answer = (body: string | Buffer, status = 200, headers = {}): Behaviour =>
  respond(body, { status, headers: { 'x-request-id': 'Root=1-67a', 'retry-after': 9, location: '/redirected', ...headers } })
const named = (hubStatus: number) => ({ hubStatus, requestId: 'Root=1-67a', retryAfter: 9 })

describe('a sign-in fails after', () => {
  /** Writes as fast as the other side reads. */
  const pour: Behaviour = (socket) => {
    const more = () => {
      while (!socket.destroyed && socket.write(' '.repeat(65536)));
    }
    socket.on('drain', more)
    socket.write(`${head}${naming}`)
    more()
  }
  const page = '<!doctype html><form action="/login?access_token=FROM_HTML&token_type=bearer">'
  const bodies = ['null', '[{"sub":"65f0"}]', '12345', '', '{"sub":"65f0', page]
  const gzip = { 'content-encoding': 'gzip' }
  type Row = [what: string, code: string, behaviour: Behaviour, also?: object]
  const answerRow = (what: string, code: string, body: string | Buffer, status = 200, headers = {}): Row => {
    return [what, code, answer(body, status, headers), named(status)]
  }

  test.each<Row>([
    ['a connection that is closed without a byte', 'connection_failed', write('', 'FIN')],
    ['a connection that is reset without a byte', 'connection_failed', write('', 'RST')],
    ['headers that are cut', 'connection_failed', write(`${head}Content-Le`, 'FIN')],
    ['an upgrade', 'connection_failed', write('HTTP/1.1 101 Some Words\r\nConnection: Upgrade\r\nUpgrade: else\r\n\r\n')],
    ['what is not HTTP', 'connection_failed', write('SSH-2.0-OpenSSH_9.6\r\n')],
    ['chunks and a length', 'connection_failed', write(`${chunked.replace('\r\n', '\r\nContent-Length: 2\r\n')}2\r\n{}\r\n0\r\n\r\n`)],
    ['a body that is cut behind good JSON', 'response_truncated', write(`${sized}{"sub":"65f0"}`, 'FIN'), { hubStatus: 200 }],
    ['a chunk without a size', 'response_truncated', write(`${chunked}large\r\n{}\r\n0\r\n\r\n`)],
    ['a body that never ends', 'response_too_large', pour, named(200)],
    answerRow('one byte too many', 'response_too_large', `{}${' '.repeat(mebibyte - 1)}`),
    ...bodies.map((body) => answerRow(`the body ${body}`, 'invalid_response', body)),
    ['status 204', 'invalid_response', write(`HTTP/1.1 204 No Content\r\n${naming}`, 'FIN'), named(204)],
    answerRow('lists a hundred thousand deep', 'invalid_response', '['.repeat(100_000) + ']'.repeat(100_000)),
    answerRow('an encoding that nobody asked for', 'invalid_response', gzipSync('{}'), 200, gzip),
    ...[300, 302, 303, 307, 399].map((status) => answerRow(`status ${status}`, 'unexpected_redirect', '', status)),
    ['status 099', 'unexpected_status', write(`HTTP/1.1 099 Some Words\r\n${naming}`, 'FIN')],
    ['status 304', 'unexpected_redirect', write(`HTTP/1.1 304 Not Modified\r\n${naming}`, 'FIN'), named(304)],
    ...[400, 404, 500, 999].map((status) => answerRow(`status ${status}`, 'unexpected_status', page, status)),
    answerRow('status 429 in free text', 'unexpected_status', '{"error":"Too Many Requests"}', 429),
    answerRow('status 502 that nobody can decode', 'unexpected_status', gzipSync('{"error":"invalid_grant"}'), 502, gzip),
    answerRow('status 300 in an encoding', 'unexpected_redirect', '{}', 300, { 'content-encoding': 'x' }),
    answerRow('status 400 in an encoding', 'unexpected_status', '{"error":"invalid_grant"}', 400, { 'content-encoding': 'x' }),
  ])('%s: %s', async (_, code, behaviour, also = {}) => {
    await expectHubErrors(behaviour, code, also)
  })

  test.each<[string, (count: number) => string]>([
    ['headers', (count) => (count ? `X-${count}: 1\r\n` : head)],
    ['blanks', (count) => (count ? ' ' : `${sized}{`)],
  ])('%s that never end, within the timeout', async (_, textOf) => {
    const trickle: Behaviour = (socket) => {
      let count = 0
      const timer = setInterval(() => socket.write(textOf(count++)), 10)
      socket.on('close', () => clearInterval(timer))
    }
    await expectHubErrors(trickle, 'timeout', {}, 300)
  })
})

test.each<[id: string, after: string, shown: [id?: string, after?: number]]>([
  ['8f3c2a10-1b2c-4d5e-8f90-a1b2c3d4e5f6', '0', ['8f3c2a10-1b2c-4d5e-8f90-a1b2c3d4e5f6', 0]],
  ['Root=1-67a1b2c3-0123456789abcdef01234567;8f3c2a10', '12', ['Root=1-67a1b2c3-0123456789abcdef01234567;8f3c2a10', 12]],
  ['one-that-could-be-a-secret-as-well', 'Wed, 21 Oct 2099 07:28:00 GMT', []],
  [Buffer.from('a secret in hex').toString('hex'), '9'.repeat(20), []],
  ['8f3c secret', '1 s', []],
  ['secret 8f3c', '', []],
])('of the request id %s and the Retry-After %s an error shows %j', async (id, after, shown) => {
  const error = await signInError('token', answer('', 429, { 'x-request-id': id, 'retry-after': after }))
  expect([error['requestId'], error['retryAfter']]).toEqual([shown[0], shown[1]])
  expect('requestId' in error).toBe(shown[0] !== undefined)
})

const said = 'José 抱抱脸 \ufeff 🤗'

/** The usual content of each endpoint, with more in it, as these packets. The connection ends with them. */
const honestly = (packets: (json: string) => Buffer[]): Behaviour => {
  return (socket, request, hub) => {
    const usual = { token: hub.tokens(request), userinfo: hub.userinfo(), jwks: { keys: [hub.key.jwk] } }
    const json = JSON.stringify({ ...usual[request.endpoint], said })
    for (const packet of packets(json)) socket.write(packet)
    socket.end()
  }
}
const bytes = (text: string | Buffer) => [...Buffer.from(text)].map((byte) => Buffer.of(byte))
const chunks = (json: string) => bytes(json).map((byte) => Buffer.concat([Buffer.from('1\r\n'), byte, Buffer.from('\r\n')]))
const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n'

test.each<[string, (json: string) => Buffer[]]>([
  ['in the encoding that we ask for', (json) => [responseBytes(json, { headers: { 'content-encoding': ' Identity ' } })]],
  ['with a byte order mark', (json) => [responseBytes(`\ufeff${json}`)]],
  ['without a length', (json) => [responseBytes(json, { headers: { 'content-length': undefined } })]],
  ['as text/plain', (json) => [responseBytes(json, { headers: { 'content-type': 'text/plain' } })]],
  ['with a mebibyte of blanks', (json) => [responseBytes(json + ' '.repeat(mebibyte - Buffer.byteLength(json)))]],
  ['after early hints', (json) => [Buffer.from(early), responseBytes(json)]],
  ['in chunks that split a character', (json) => [Buffer.from(chunked), ...chunks(json), Buffer.from('0\r\n\r\n')]],
])('a sign-in succeeds when responses come %s', async (_, packets) => {
  const { hub, strategy } = await start()
  const behaviour = honestly(packets)
  Object.assign(hub.answers, { token: behaviour, userinfo: behaviour, jwks: behaviour })
  expect(await signIn(strategy)).toMatchObject({ action: 'success', args: [{ id: hub.userinfo()['sub'], _json: { said } }, {}] })
})

const granted = (change: Json, options?: ResponseOptions): Behaviour =>
  respond((request, hub) => ({ ...hub.tokens(request), ...change }), options)

describe('tokens', () => {
  const odd = { toString: 1, valueOf: 1 }

  test.each<[string, ...values: unknown[]]>([
    ['access_token', undefined, null, '', 12345, { a: 1 }, ['x'], 'x\r\nX-Injected: 1', 'x y', 'é', '\0', '\ud800', '\x7f'],
    ['token_type', 'mac', 'DPoP', 1, ['bearer'], odd],
    ['refresh_token', {}],
    ['id_token', 7],
    ['scope', ['openid']],
  ])('are not used if their %s is wrong', async (field, ...values) => {
    for (const value of values) {
      const error = await signInError('token', granted({ [field]: value }))
      expect(error).toMatchObject({ name: 'HubError', code: 'invalid_response', phase: 'token', status: 502, hubStatus: 200 })
    }
  })

  test('are used however their lifetime, type and refresh token are written', async () => {
    const changes = [undefined, null, '28800', 'soon', odd].map((expires_in): Json => ({ expires_in }))
    for (const change of [...changes, { token_type: 'Bearer' }, { token_type: undefined }, { refresh_token: null }]) {
      const { hub, strategy } = await start()
      hub.answers.token = granted(change)
      expect(await signIn(strategy)).toMatchObject({ action: 'success' })
    }
  })
})

describe('a refusal of the token endpoint', () => {
  const uri = 'https://hub.example/docs'

  test.each<[Json, number]>([
    [{ error: 'invalid_grant', error_description: 'code expired', error_uri: uri }, 400],
    [{ error: 'invalid_client' }, 401],
    [{ error: 'invalid_grant', error_description: 'bad verification code' }, 200],
    [{ error: 'server_error', error_description: { a: 1 } }, 500],
    [{ error: 'invalid_scope', access_token: 'x', token_type: 'bearer' }, 200],
    [{ error: 'x'.repeat(40) }, 400],
  ])('%j with status %i is a TokenError in the words of the Hub', async (body, status) => {
    const error = await signInError('token', answer(JSON.stringify(body), status))
    expect(error).toBeInstanceOf(TokenError)
    const { error: code, error_description: description, error_uri } = body
    expect(error).toMatchObject({ code, phase: 'token', status: 502, statusCode: 502, expose: false, ...named(status) })
    expect(error['uri']).toBe(error_uri)
    if (typeof description === 'string') expect(error.message).toContain(description)
  })

  test.each<unknown[]>([
    ...[null, '', 5, ['invalid_grant'], 'Invalid grant', 'x'.repeat(41), '<b>'].map((code) => [code, 400]),
    ...[{ code: 1 }, 'Not A Code', 5].map((code) => [code, 200]),
  ])('in the words %j with status %i has no code of OAuth', async (code, status) => {
    const error = await signInError('token', granted({ error: code }, { status: Number(status) }))
    expect(error).toMatchObject({ name: 'HubError', code: 'unexpected_status', phase: 'token', status: 502, hubStatus: status })
  })
})

test('userinfo of another account is not used (Core 5.3.2)', async () => {
  const another = respond((_request, hub) => ({ ...hub.userinfo(), sub: '65F00000000000000000C0DE' }))
  expect(await signInError('userinfo', another)).toMatchObject({ name: 'HubError', code: 'sub_mismatch', phase: 'userinfo' })
})
