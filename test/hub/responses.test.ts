import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, jest, test } from '@jest/globals'
import { HubError, TokenError } from '../../lib/index'
import {
  type Behaviour,
  type Endpoint,
  type Json,
  type RawHub,
  type RawRequest,
  respond,
  responseBytes,
  silent,
  write,
} from '../support/raw-hub'
import { begin, errorOf, finish, signIn, start, until, watchSignIns } from '../support/sign-in'

watchSignIns()

const endpoints: Endpoint[] = ['token', 'userinfo', 'jwks']

/** Milliseconds for responses that never come. The others have much time, so that an error cannot be the clock's. */
const impatient = 1000

interface Place {
  warm?: boolean
  timeout?: number
}

/** The error of a sign-in in which the endpoint does this. The app's verify is not called. */
async function signInError(endpoint: Endpoint, behaviour: Behaviour, { warm = false, timeout = 4000 }: Place = {}) {
  const { hub, strategy, verified } = await start(warm, { timeout })
  hub.answers[endpoint] = behaviour
  const error = errorOf(await signIn(hub, strategy))
  expect(verified).toEqual([])
  expect(error.message).toMatch(/^[\x20-\x7e…]{1,600}$/)
  return { error, hub }
}

async function expectSignIn(endpoint: Endpoint, behaviour: Behaviour) {
  const { hub, strategy } = await start(false)
  hub.answers[endpoint] = behaviour
  expect(await signIn(hub, strategy)).toMatchObject({ action: 'success', args: [{ id: hub.userinfo()['sub'] }, {}] })
}

/** Repeats something until the connection is closed. */
function keepOn(socket: Socket, act: (count: number) => void): void {
  let count = 0
  const timer = setInterval(() => act(count++), 10)
  socket.on('close', () => clearInterval(timer))
}

/** Writes as fast as the other side reads. */
function pour(head: string, chunk: Buffer): Behaviour {
  return (socket) => {
    const more = () => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', more)
    socket.write(head)
    more()
  }
}

const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`
const mebibyte = 1024 * 1024
const page = '<!doctype html><form action="/login?access_token=FROM_HTML&token_type=bearer">'
const naming = 'X-Request-Id: Root=1-67a\r\nRetry-After: 9\r\nConnection: close\r\n\r\n'
const named = { hubStatus: expect.any(Number), requestId: 'Root=1-67a', retryAfter: 9 }
/** A response that names its request and when to try again. */
const answer = (body: string | Buffer, status = 200, headers = {}): Behaviour =>
  respond(body, { status, headers: { 'x-request-id': 'Root=1-67a', 'retry-after': 9, location: '/redirected', ...headers } })

const bodies = ['null', '[{"sub":"65f0"}]', '12345', '"access_token"', '', '{"sub":"65f0', '{}{}', page, 'access_token=A&token_type=bearer']

/** What the endpoint does, by the code that the sign-in ends in, and what else the error has. */
type Row = [title: string, behaviour: Behaviour, also?: Json]
const faults: Record<string, Row[]> = {
  connection_failed: [
    ['a connection that is closed without a byte', write('', 'FIN')],
    ['a connection that is reset without a byte', write('', 'RST')],
    ['a status line that is cut', write('HTTP/1.1 20', 'FIN')],
    ['headers that are cut', write(`${head}Content-Le`, 'FIN')],
    ['what is not HTTP', write('SSH-2.0-OpenSSH_9.6\r\n')],
    ['HTTP of an unknown version', write('HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}')],
    ['a negative length', write(`${head}Content-Length: -1\r\n\r\n{}`)],
    ['two lengths', write(`${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} `)],
    ['both chunks and a length', write(`${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`)],
  ],
  response_truncated: [
    ['a body that is cut', write(`${head}Content-Length: 100\r\n\r\n{"sub":"65f0`, 'FIN')],
    ['a body that is cut by a reset', write(`${head}Content-Length: 100\r\n\r\n{"sub":"65f0`, 'RST')],
    ['a body that is cut behind what is good JSON', write(`${head}Content-Length: 100\r\n\r\n{"sub":"65f0"}`, 'FIN')],
    ['chunks that are cut', write(`${chunked}2\r\n{}\r\n`, 'FIN')],
    ['a chunk without a size', write(`${chunked}large\r\n{}\r\n0\r\n\r\n`)],
  ],
  response_too_large: [
    ['a body that never ends', pour(`${head}${naming}`, Buffer.alloc(65536, ' ')), named],
    ['chunks for ever', pour(chunked, Buffer.from(`10000\r\n${' '.repeat(65536)}\r\n`))],
    ['one byte too many', answer(`{}${' '.repeat(mebibyte - 1)}`), named],
  ],
  invalid_response: [
    ...bodies.map((body): Row => [`the body ${body}`, answer(body), named]),
    ['an empty object', answer('{}')],
    ['status 204', write(`HTTP/1.1 204 No Content\r\n${naming}`, 'FIN'), { ...named, hubStatus: 204 }],
    ['lists a hundred thousand deep', answer('['.repeat(100_000) + ']'.repeat(100_000)), named],
    ['UTF-16', answer(Buffer.from('{}', 'utf16le')), named],
    ['an encoding that nobody asked for', answer(gzipSync('{}'), 200, { 'content-encoding': 'gzip' }), named],
  ],
  unexpected_redirect: [
    ...[300, 301, 302, 303, 307, 308, 399].map((status): Row => [`status ${status}`, answer('', status), { ...named, hubStatus: status }]),
    ['status 304', write(`HTTP/1.1 304 Not Modified\r\n${naming}`, 'FIN'), named],
  ],
  unexpected_status: [
    ...[400, 404, 500, 503, 999].map((status): Row => [`status ${status}`, answer(page, status), { ...named, hubStatus: status }]),
    ['status 429 with free text', answer('{"error":"Too Many Requests"}', 429), named],
    ['status 502 that nobody can decode', answer(gzipSync('{}'), 502, { 'content-encoding': 'gzip' }), named],
  ],
}

const silences: Row[] = [
  ['half a body', write(`${head}Content-Length: 100\r\n\r\n{"sub":`)],
  ['headers that drip', (socket) => keepOn(socket, (count) => socket.write(count ? `X-${count}: 1\r\n` : head))],
  ['a body that drips', (socket) => keepOn(socket, (count) => socket.write(count ? ' ' : `${head}Content-Length: 1000\r\n\r\n{`))],
  ['informational responses only', (socket) => keepOn(socket, () => socket.write('HTTP/1.1 100 Continue\r\n\r\n'))],
]

describe.each([
  ['a new', false],
  ['a warm', true],
])('on %s connection', (_connection, warm) => {
  describe.each(Object.entries(faults))('%s is what a sign-in ends in after', (code, rows) => {
    test.each(rows)('%s', async (_title, behaviour, also = {}) => {
      const ends = await Promise.all(endpoints.map((endpoint) => signInError(endpoint, behaviour, { warm })))
      for (const [index, { error, hub }] of ends.entries()) {
        expect(error).toBeInstanceOf(HubError)
        expect(error).toMatchObject({ code, phase: endpoints[index], status: 502, ...also })
        expect(hub.requests.filter((request) => request.head.includes('/redirected'))).toEqual([])
      }
    })
  })

  // all at once, since each of them waits for its time to pass
  test(`timeout is what a sign-in ends in after ${silences.map(([title]) => title).join(', ')}`, async () => {
    const ends = silences.flatMap(([, behaviour]) =>
      endpoints.map(async (phase) => {
        const { error } = await signInError(phase, behaviour, { warm, timeout: impatient })
        expect(error).toBeInstanceOf(HubError)
        expect(error).toMatchObject({ code: 'timeout', phase, status: 504 })
      }),
    )
    await Promise.all(ends)
  })
})

test.each([
  ['Root=1-67a1b2c3-0123456789abcdef01234567;8f3c2a10-1b2c-4d5e-8f90-a1b2c3d4e5f6', true],
  ['8f3c2a10-1b2c-4d5e-8f90-a1b2c3d4e5f6', true],
  ['one-that-could-be-a-secret-as-well', false],
  [Buffer.from('a secret in hex').toString('hex'), false],
])('the request id %s is shown: %p', async (id, isShown) => {
  const { error } = await signInError('token', answer('', 500, { 'x-request-id': id }))
  expect(error['requestId']).toBe(isShown ? id : undefined)
})

test('a Retry-After that is a date is in seconds', async () => {
  const dated = (milliseconds: number) => answer('', 503, { 'retry-after': new Date(milliseconds).toUTCString() })
  expect((await signInError('token', dated(0))).error).toMatchObject({ retryAfter: 0 })
  const { error } = await signInError('token', dated(Date.now() + 1_000_000))
  expect(Math.abs(Number(error['retryAfter']) - 1000)).toBeLessThan(100)
})

test.each(['soon', '9'.repeat(400)])('a Retry-After that is nonsense (%s) is left out', async (after) => {
  expect((await signInError('token', answer('', 429, { 'retry-after': after }))).error).not.toHaveProperty('retryAfter')
})

describe('a sign-in succeeds when a response comes', () => {
  const honest = (request: RawRequest, hub: RawHub): Json =>
    ({ token: hub.tokens(request), userinfo: hub.userinfo(), jwks: { keys: [hub.key.jwk] } })[request.endpoint]
  const honestly = (encode: (json: string) => Buffer, headers: Record<string, string> = {}): Behaviour =>
    respond((request, hub) => encode(JSON.stringify(honest(request, hub))), { headers })
  const pieces = (split: (whole: Buffer) => Buffer[]): Behaviour => {
    return (socket, request, hub) => {
      for (const piece of split(responseBytes({ ...honest(request, hub), said: 'José 抱抱脸 🤗' }))) socket.write(piece)
    }
  }
  const bytes = (whole: Buffer) => [...whole].map((byte) => Buffer.of(byte))
  const chunks = (whole: Buffer) =>
    bytes(whole.subarray(whole.indexOf('\r\n\r\n') + 4)).map((byte) => Buffer.from(`1\r\n${byte.toString('latin1')}\r\n`, 'latin1'))
  const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n'

  test.each<[string, Behaviour]>([
    ['in the encoding that we ask for', honestly(Buffer.from, { 'content-encoding': 'Identity' })],
    ['with a byte order mark', honestly((json) => Buffer.from(`\ufeff${json}`))],
    ['as text/plain', honestly(Buffer.from, { 'content-type': 'text/plain' })],
    ['with a mebibyte of blanks', honestly((json) => Buffer.from(json.padEnd(mebibyte)))],
    ['after early hints', pieces((whole) => [Buffer.from(early), whole])],
    ['a byte at a time', pieces(bytes)],
    ['in chunks that split a character', pieces((whole) => [Buffer.from(chunked), ...chunks(whole), Buffer.from('0\r\n\r\n')])],
  ])('%s', async (_title, behaviour) => {
    for (const endpoint of endpoints) await expectSignIn(endpoint, behaviour)
  })
})

describe('requests', () => {
  test('say what they accept and who sends them, and an app can add headers', async () => {
    const { hub, strategy } = await start(false, { customHeaders: { 'X-App': 'mine', 'USER-AGENT': 'mine/1' } })
    await signIn(hub, strategy)
    expect(hub.requests).toHaveLength(3)
    for (const { headers } of hub.requests) {
      expect(headers).toMatchObject({ accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'mine/1', 'x-app': 'mine' })
    }
  })

  test('are given up after five seconds unless the app says otherwise', async () => {
    const { hub, strategy } = await start(true, { timeout: undefined, scope: 'profile' })
    expect(hub.requests[0]?.headers['user-agent']).toBe('passport-huggingface')
    hub.answers.token = silent
    const { url, cookie } = await begin(strategy)
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'Date', 'performance', 'queueMicrotask'] })
    try {
      let isOver = false
      const outcome = finish(hub, strategy, url, cookie).finally(() => {
        isOver = true
      })
      await until(() => hub.to('token').length === 2)
      await jest.advanceTimersByTimeAsync(4999)
      expect(isOver).toBe(false)
      await jest.advanceTimersByTimeAsync(1)
      expect(errorOf(await outcome)).toMatchObject({ code: 'timeout', phase: 'token' })
    } finally {
      jest.useRealTimers()
    }
  })

  test('leave no timer behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
    const before = timers()
    const { hub, strategy } = await start(true, { timeout: 60_000 })
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
    expect(timers()).toBeLessThanOrEqual(before)
  })
})

describe('tokens', () => {
  const granted = (change: Json): Behaviour => respond((request, hub) => ({ ...hub.tokens(request), ...change }))

  test.each<Json>([
    ...[undefined, null, '', 12345, { a: 1 }, ['x'], 'x\r\nX-Injected: 1', 'x y', 'é', '\0', '\ud800'].map((access_token) => ({
      access_token,
    })),
    ...['mac', 'DPoP', 1, ['bearer'], { toString: 1, valueOf: 1 }].map((token_type) => ({ token_type })),
    { refresh_token: {} },
    { id_token: 7 },
    { scope: ['openid'] },
  ])('with %j are not used', async (change) => {
    const { error, hub } = await signInError('token', granted(change))
    expect(error).toMatchObject({ name: 'HubError', code: 'invalid_response', phase: 'token', status: 502, hubStatus: 200 })
    expect(hub.to('userinfo')).toEqual([])
  })

  test.each([{ code: 1 }, 'Not A Code', 5])('beside the error %j are not used', async (code) => {
    const { error, hub } = await signInError('token', granted({ error: code }))
    expect(error).toMatchObject({ name: 'HubError', phase: 'token', status: 502, hubStatus: 200 })
    expect(hub.to('userinfo')).toEqual([])
  })

  test.each<Json>([
    ...[undefined, '28800', 'soon', { toString: 1, valueOf: 1 }].map((expires_in) => ({ expires_in })),
    ...['Bearer', undefined].map((token_type) => ({ token_type })),
    { refresh_token: null },
  ])('with %j are used', async (change) => {
    await expectSignIn('token', granted(change))
  })

  test.each([undefined, null])('without an ID token (%s) are an error if openid was asked for', async (id_token) => {
    const { error, hub } = await signInError('token', granted({ id_token }))
    expect(error).toMatchObject({ name: 'HubError', code: 'missing_id_token', phase: 'token', status: 502 })
    expect(hub.to('userinfo')).toEqual([])
  })

  test.each(['access_token', 'refresh_token'])('with a %s of a million characters do no harm', async (field) => {
    const { hub, strategy } = await start(false, { scope: 'profile', skipUserProfile: true })
    hub.answers.token = respond((request) => ({ ...hub.tokens(request), [field]: hub.secret('x'.repeat(1_000_000)) }))
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
  })
})

describe('a refusal of the token endpoint', () => {
  test.each<[Json, number]>([
    [{ error: 'invalid_grant', error_description: 'code expired' }, 400],
    [{ error: 'invalid_client' }, 401],
    [{ error: 'invalid_grant', error_description: 'bad verification code' }, 200],
    [{ error: 'server_error', error_description: { a: 1 } }, 500],
    [{ error: 'invalid_scope', access_token: 'x', token_type: 'bearer' }, 200],
  ])('%j with status %i is a TokenError in the words of the Hub', async (body, status) => {
    const headers = { 'x-request-id': 'Root=1-67a', 'retry-after': 3 }
    const { error, hub } = await signInError('token', respond(body, { status, headers }))
    expect(error).toBeInstanceOf(TokenError)
    const also = { phase: 'token', status: 502, hubStatus: status, requestId: 'Root=1-67a', retryAfter: 3 }
    expect(error).toMatchObject({ code: body['error'], ...also })
    const { error_description: description } = body
    if (typeof description === 'string') expect(error.message).toContain(description)
    expect(hub.to('userinfo')).toEqual([])
  })

  test.each([null, '', 5, ['invalid_grant'], 'Invalid grant', 'x'.repeat(41), '<b>'])(
    'whose error is %j has no code of OAuth',
    async (code) => {
      const { error } = await signInError('token', respond({ error: code }, { status: 400 }))
      expect(error).toMatchObject({ name: 'HubError', code: 'unexpected_status', phase: 'token', hubStatus: 400 })
    },
  )

  test('is shown without control characters, and no longer than a few lines', async () => {
    const { error } = await signInError(
      'token',
      respond(
        {
          error: 'server_error',
          error_description: `Line one\r\nSet-Cookie: a=b\u2028\u202e\0${'long '.repeat(100_000)}`,
          error_uri: `https://huggingface.co/\n${'x'.repeat(5000)}`,
        },
        { status: 400, headers: { 'x-request-id': 'i'.repeat(5000) } },
      ),
    )
    expect(error.message).toContain('Line one Set-Cookie: a=b long ')
    expect(error['uri']).toMatch(/^[\x20-\x7e]{1,300}$/)
    expect(error).not.toHaveProperty('requestId')
  })
})

describe('userinfo', () => {
  const changed = (change: Json): Behaviour => respond((_request, hub) => ({ ...hub.userinfo(), ...change }))

  test.each([undefined, null, '', 42, ['65f00000000000000000c0de']])('whose sub is %j is not userinfo', async (sub) => {
    const { error } = await signInError('userinfo', changed({ sub }))
    expect(error).toMatchObject({ name: 'HubError', code: 'invalid_response', phase: 'userinfo', status: 502 })
  })

  test('that is rejected with 401 says that the access token is not accepted', async () => {
    const headers = { 'www-authenticate': 'Bearer error="invalid_token"' }
    const { error } = await signInError('userinfo', respond({ error: 'Invalid credentials' }, { status: 401, headers }))
    expect(error).toMatchObject({ name: 'HubError', code: 'unauthorized', phase: 'userinfo', hubStatus: 401 })
  })

  test('that is a JWT is not taken for JSON', async () => {
    const jwt: Behaviour = respond((request, hub) => hub.idToken(request), { headers: { 'content-type': 'application/jwt' } })
    expect((await signInError('userinfo', jwt)).error).toMatchObject({ code: 'invalid_response', phase: 'userinfo' })
  })

  test('with odd fields signs in with what can be read in it', async () => {
    const odd = { name: { toString: 1 }, picture: 'javascript:alert(1)', orgs: [null, 1, [], { sub: { a: 1 } }] }
    await expectSignIn('userinfo', changed({ ...odd, ['__proto__']: { polluted: true } }))
  })
})
