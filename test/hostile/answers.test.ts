import type { Socket } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import { HubError, TokenError } from '../../lib/index'
import {
  type Behaviour,
  clientSecret,
  type Endpoint,
  type Json,
  type RawHub,
  type RawRequest,
  respond,
  responseBytes,
  silent,
  write,
} from '../support/raw-hub'
import { errorOf, signIn, startRawHub, strategyFor, watchSignIns } from './sign-in'

watchSignIns()

/** Milliseconds for answers that never come; the others have all the time in the world, so that an error cannot be the clock's. */
const impatient = 200

async function signInError(endpoint: Endpoint, behaviour: Behaviour, timeout?: number) {
  const hub = await startRawHub()
  hub.answers[endpoint] = behaviour
  const { strategy, verified } = strategyFor(hub, timeout === undefined ? {} : { timeout })
  const error = errorOf(await signIn(hub, strategy))
  expect(verified).toEqual([])
  expect(error.message).toMatch(/^[\x20-\x7e…]{1,600}$/)
  return { error, hub }
}

async function signInSucceeds(endpoint: Endpoint, behaviour: Behaviour) {
  const hub = await startRawHub()
  hub.answers[endpoint] = behaviour
  const { strategy } = strategyFor(hub)
  expect(await signIn(hub, strategy)).toMatchObject({ action: 'success', args: [{ id: '65f00000000000000000c0de' }, {}] })
  return hub
}

/** Repeats something until the connection is closed. */
function keepOn(socket: Socket, milliseconds: number, act: (count: number) => void): void {
  let count = 0
  const timer = setInterval(() => act(count++), milliseconds)
  socket.on('close', () => clearInterval(timer))
}

/** Writes as fast as the other side reads. */
function pour(head: string, chunk: Buffer): Behaviour {
  return (socket) => {
    const more = () => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', more)
    socket.write(head, 'latin1')
    more()
  }
}

const jsonHead = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
const mebibyte = 1024 * 1024

/** What is said about any endpoint's answer: a title, the answer, the code, and what else the error has. */
type Row = [title: string, behaviour: Behaviour, code: string, also?: object]

const brokenConnections: Row[] = [
  ['the connection is closed without a byte', write('', 'FIN'), 'connection_failed'],
  ['the connection is reset without a byte', write('', 'RST'), 'connection_failed'],
  ['the status line is cut', write('HTTP/1.1 20', 'FIN'), 'connection_failed'],
  ['the headers are cut', write(`${jsonHead}Content-Le`, 'FIN'), 'connection_failed'],
  ['the headers are cut by a reset', write(`${jsonHead}Content-Le`, 'RST'), 'connection_failed'],
  ['a body with a length is cut', write(`${jsonHead}Content-Length: 100\r\n\r\n{"sub":"65f0`, 'FIN'), 'response_truncated'],
  ['a body with a length is cut by a reset', write(`${jsonHead}Content-Length: 100\r\n\r\n{"sub":"65f0`, 'RST'), 'response_truncated'],
  [
    'a body with a length is cut behind what is good JSON',
    write(`${jsonHead}Content-Length: 100\r\n\r\n{"sub":"65f0"}`, 'FIN'),
    'response_truncated',
  ],
  ['a chunked body is cut between chunks', write(`${jsonHead}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n`, 'FIN'), 'response_truncated'],
  ['a chunked body is cut in a chunk', write(`${jsonHead}Transfer-Encoding: chunked\r\n\r\nff\r\n{"sub`, 'FIN'), 'response_truncated'],
  ['a chunked body is cut by a reset', write(`${jsonHead}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n`, 'RST'), 'response_truncated'],
  ['a chunk has no size', write(`${jsonHead}Transfer-Encoding: chunked\r\n\r\nlarge\r\n{}\r\n0\r\n\r\n`), 'response_truncated'],
  ['the answer is not HTTP', write('SSH-2.0-OpenSSH_9.6\r\n'), 'connection_failed'],
  ['the answer is of an HTTP that is not known', write('HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}'), 'connection_failed'],
  ['the length is negative', write(`${jsonHead}Content-Length: -1\r\n\r\n{}`), 'connection_failed'],
  ['there are two lengths', write(`${jsonHead}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} `), 'connection_failed'],
  [
    'the body is both chunked and of a length',
    write(`${jsonHead}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`),
    'connection_failed',
  ],
  ['a header is larger than Node takes', write(`${jsonHead}X-Large: ${'x'.repeat(100_000)}\r\n\r\n`), 'connection_failed'],
  [
    'the protocol is switched',
    write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'),
    'connection_failed',
  ],
]

const silences: Row[] = [
  ['there is never an answer', silent, 'timeout'],
  ['the status line comes, and nothing more', write('HTTP/1.1 200 OK\r\n'), 'timeout'],
  ['the headers come, and never the body', write(`${jsonHead}Content-Length: 100\r\n\r\n`), 'timeout'],
  ['the body stops half-way', write(`${jsonHead}Content-Length: 100\r\n\r\n{"sub":`), 'timeout'],
  ['a chunked body never ends', write(`${jsonHead}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n`), 'timeout'],
  ['a body without a length never ends', write(`${jsonHead}\r\n{}`), 'timeout'],
  [
    'the headers drip',
    (socket) => {
      socket.write(jsonHead)
      keepOn(socket, 10, (count) => socket.write(`X-${count}: 1\r\n`))
    },
    'timeout',
  ],
  [
    'the body drips',
    (socket) => {
      socket.write(`${jsonHead}Content-Length: 1000\r\n\r\n{`)
      keepOn(socket, 10, () => socket.write(' '))
    },
    'timeout',
  ],
  ['only informational answers come', (socket) => keepOn(socket, 10, () => socket.write('HTTP/1.1 100 Continue\r\n\r\n')), 'timeout'],
]

const floods: Row[] = [
  ['the body never ends', pour(`${jsonHead}\r\n`, Buffer.alloc(65536, ' ')), 'response_too_large'],
  [
    'a chunked body never ends',
    pour(`${jsonHead}Transfer-Encoding: chunked\r\n\r\n`, Buffer.from(`10000\r\n${' '.repeat(65536)}\r\n`)),
    'response_too_large',
  ],
  ['the body is a byte too large', respond(`{}${' '.repeat(mebibyte - 1)}`), 'response_too_large'],
  [
    'the body is too large once it is unzipped',
    respond(gzipSync(Buffer.alloc(200 * mebibyte, ' ')), { headers: { 'content-encoding': 'gzip' } }),
    'response_too_large',
  ],
  [
    'the body is too large once its brotli is undone',
    respond(brotliCompressSync(Buffer.alloc(2 * mebibyte, ' ')), { headers: { 'content-encoding': 'br' } }),
    'response_too_large',
  ],
]

const htmlPage = '<!doctype html><title>Sign in</title><form action="/login?x=1&access_token=FROM_HTML&token_type=bearer">'

const wrongContents: Row[] = [
  ['null', respond('null'), 'invalid_response'],
  ['a list', respond('[{"sub":"65f00000000000000000c0de"}]'), 'invalid_response'],
  ['a number', respond('12345'), 'invalid_response'],
  ['a string', respond('"access_token"'), 'invalid_response'],
  ['true', respond('true'), 'invalid_response'],
  ['an empty object', respond('{}'), 'invalid_response'],
  ['nothing', respond(''), 'invalid_response'],
  ['nothing, with status 204', write('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n', 'FIN'), 'invalid_response'],
  ['JSON that is cut, in a body that is whole', respond('{"sub":"65f0'), 'invalid_response'],
  ['two JSON texts', respond('{}{}'), 'invalid_response'],
  ['HTML', respond(htmlPage, { headers: { 'content-type': 'text/html' } }), 'invalid_response'],
  ['HTML that says it is JSON', respond(htmlPage), 'invalid_response'],
  [
    'a form',
    respond('access_token=FROM_FORM&token_type=bearer&sub=1', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
    'invalid_response',
  ],
  ['lists a hundred thousand deep', respond('['.repeat(100_000) + ']'.repeat(100_000)), 'invalid_response'],
  ['bytes that are no UTF-8', respond(Buffer.from([0xff, 0xfe, 0x7b, 0x7d])), 'invalid_response'],
  ['UTF-16', respond(Buffer.from('{}', 'utf16le')), 'invalid_response'],
  ['what says it is gzip and is not', respond('{}', { headers: { 'content-encoding': 'gzip' } }), 'invalid_response'],
  [
    'gzip that is cut',
    respond(gzipSync(JSON.stringify({ text: 'x'.repeat(500) })).subarray(0, 20), { headers: { 'content-encoding': 'gzip' } }),
    'invalid_response',
  ],
  ['an encoding that is not known', respond('{}', { headers: { 'content-encoding': 'aes128gcm' } }), 'invalid_response'],
]

/** What the Hub says beside a body, for those who ask it for help. */
const named = (more: Record<string, string> = {}) => ({ 'x-request-id': 'Root=1-67a', 'retry-after': '9', ...more })

const statuses: Row[] = [
  ...[301, 302, 303, 307, 308].map(
    (status): Row => [
      `a redirect by ${status}`,
      (socket, request, hub) =>
        socket.write(responseBytes({}, { status, headers: { location: `${hub.url}/oauth/${request.endpoint}?redirected` } })),
      'unexpected_redirect',
    ],
  ),
  ['304', write('HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n', 'FIN'), 'unexpected_redirect'],
  ['400 with HTML', respond(htmlPage, { status: 400 }), 'unexpected_status', { hubStatus: 400 }],
  ['403', respond({ message: 'no' }, { status: 403 }), 'unexpected_status', { hubStatus: 403 }],
  ['404 with nothing', respond('', { status: 404 }), 'unexpected_status', { hubStatus: 404 }],
  [
    '429 that says when to come again',
    respond('slow down', { status: 429, headers: { 'retry-after': 17 } }),
    'unexpected_status',
    { hubStatus: 429, retryAfter: 17 },
  ],
  [
    '429 that says nonsense about it',
    respond('slow down', { status: 429, headers: { 'retry-after': `${'9'.repeat(400)}` } }),
    'unexpected_status',
    { hubStatus: 429 },
  ],
  [
    '500 with a request id',
    respond('', { status: 500, headers: { 'x-request-id': 'Root=1-67a' } }),
    'unexpected_status',
    { hubStatus: 500, requestId: 'Root=1-67a' },
  ],
  ['502 with HTML', respond(htmlPage, { status: 502 }), 'unexpected_status', { hubStatus: 502 }],
  [
    '503 that says until when',
    respond('', { status: 503, headers: { 'retry-after': new Date(0).toUTCString() } }),
    'unexpected_status',
    { hubStatus: 503, retryAfter: 0 },
  ],
  ['a status that nobody has heard of', respond({}, { status: 999 }), 'unexpected_status', { hubStatus: 999 }],
]

describe.each(['token', 'userinfo', 'jwks'] as const)('the %s endpoint', (endpoint) => {
  const ends = async (row: Row, timeout?: number) => {
    const [, behaviour, code, also = {}] = row
    const { error, hub } = await signInError(endpoint, behaviour, timeout)
    expect(error).toBeInstanceOf(HubError)
    expect(error).toMatchObject({ code, phase: endpoint, status: code === 'timeout' ? 504 : 502, ...also })
    return { error, hub }
  }

  test.each(brokenConnections)('breaks the connection: %s', async (...row) => {
    await ends(row)
  })

  test.each(silences)('keeps the server waiting: %s', async (...row) => {
    await ends(row, impatient)
  })

  test.each(floods)('floods the server: %s', async (...row) => {
    await ends(row)
  })

  test.each(wrongContents)('answers with %s', async (...row) => {
    await ends(row)
  })

  test.each(statuses)('answers with %s', async (...row) => {
    const { hub } = await ends(row)
    expect(hub.requests.filter(({ head }) => head.includes('redirected'))).toEqual([])
  })

  test.each<[string, Behaviour, string, number]>([
    ['a redirect', respond('', { status: 302, headers: named({ location: '/elsewhere' }) }), 'unexpected_redirect', 302],
    ['HTML', respond(htmlPage, { headers: named() }), 'invalid_response', 200],
    ['too much', respond(' '.repeat(2 * mebibyte), { headers: named() }), 'response_too_large', 200],
    ['what cannot be decoded', respond('{}', { headers: named({ 'content-encoding': 'gzip' }) }), 'invalid_response', 200],
    [
      '503, gzipped, with nothing in it',
      respond('', { status: 503, headers: named({ 'content-encoding': 'gzip' }) }),
      'unexpected_status',
      503,
    ],
  ])('names its status and its request id when it answers with %s', async (_title, behaviour, code, hubStatus) => {
    const { error } = await signInError(endpoint, behaviour)
    expect(error).toMatchObject({ code, phase: endpoint, hubStatus, requestId: 'Root=1-67a', retryAfter: 9 })
  })

  const usual: Record<Endpoint, (request: RawRequest, hub: RawHub) => Json> = {
    token: (request, hub) => hub.tokens(request),
    userinfo: (_request, hub) => hub.userinfo(),
    jwks: (_request, hub) => ({ keys: [hub.key.jwk] }),
  }
  const encoded = (encode: (json: string) => Buffer, headers: Record<string, string> = {}) =>
    respond((request, hub) => encode(JSON.stringify(usual[endpoint](request, hub))), { headers })

  test.each<[string, Behaviour]>([
    ['gzipped unasked', encoded((json) => gzipSync(json), { 'content-encoding': 'GZIP' })],
    ['deflated unasked', encoded((json) => deflateSync(json), { 'content-encoding': 'deflate' })],
    ['compressed by brotli unasked', encoded((json) => brotliCompressSync(json), { 'content-encoding': 'br' })],
    ['with a byte order mark', encoded((json) => Buffer.from(`\ufeff${json}`))],
    ['as text/plain', encoded((json) => Buffer.from(json), { 'content-type': 'text/plain' })],
    ['with a mebibyte of blanks', encoded((json) => Buffer.from(json.padEnd(mebibyte)))],
    [
      'after early hints',
      (socket, request, hub) => {
        socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n')
        socket.write(responseBytes(usual[endpoint](request, hub)))
      },
    ],
    [
      'a byte at a time',
      (socket, request, hub) => {
        socket.setNoDelay(true)
        for (const byte of responseBytes(usual[endpoint](request, hub))) socket.write(Buffer.of(byte))
      },
    ],
    [
      'without a length, ended by closing',
      (socket, request, hub) => {
        socket.end(responseBytes(usual[endpoint](request, hub), { headers: { 'content-length': undefined } }))
      },
    ],
    [
      'in chunks that split a character',
      (socket, request, hub) => {
        const json = Buffer.from(JSON.stringify({ ...usual[endpoint](request, hub), said: 'José 抱抱脸 🤗' }))
        socket.write(`${jsonHead}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n`)
        for (const byte of json) socket.write(Buffer.from([0x31, 13, 10, byte, 13, 10]))
        socket.write('0\r\n\r\n')
      },
    ],
  ])('is understood when its answer comes %s', async (_title, behaviour) => {
    await signInSucceeds(endpoint, behaviour)
  })
})

describe('tokens', () => {
  const granted = (change: Json): Behaviour => respond((request, hub) => ({ ...hub.tokens(request), ...change }))

  test.each<[string, Json]>([
    ['no access token', { access_token: undefined }],
    ['an access token that is null', { access_token: null }],
    ['an empty access token', { access_token: '' }],
    ['an access token that is a number', { access_token: 12345 }],
    ['an access token that is an object', { access_token: { a: 1 } }],
    ['an access token that is a list', { access_token: ['x', 'y'] }],
    ['an access token with a line break', { access_token: 'hf_oauth_x\r\nX-Injected: 1' }],
    ['an access token with a blank', { access_token: 'hf_oauth_x y' }],
    ['an access token that is no ASCII', { access_token: 'hf_oauth_é' }],
    ['an access token with a NUL', { access_token: 'hf_oauth_\0' }],
    ['tokens of type mac', { token_type: 'mac' }],
    ['tokens of type DPoP', { token_type: 'DPoP' }],
    ['a token type that is a number', { token_type: 1 }],
    ['a token type that is a list', { token_type: ['bearer'] }],
    ['a token type that cannot be text', { token_type: { toString: 1, valueOf: 1 } }],
    ['a refresh token that is an object', { refresh_token: {} }],
    ['an ID token that is a number', { id_token: 7 }],
    ['a scope that is a list', { scope: ['openid'] }],
    ['an error that is not text beside an access token', { error: { code: 1 } }],
  ])('%s are not taken', async (_title, change) => {
    const { error, hub } = await signInError('token', granted(change))
    expect(error).toMatchObject({ name: 'HubError', code: 'invalid_response', phase: 'token', status: 502, hubStatus: 200 })
    expect(hub.to('userinfo')).toEqual([])
  })

  test.each<[string, Json]>([
    ['is absent', { expires_in: undefined }],
    ['is text', { expires_in: '28800' }],
    ['is nonsense', { expires_in: 'soon' }],
    ['cannot be a number', { expires_in: { toString: 1, valueOf: 1 } }],
  ])('are taken when their lifetime %s', async (_title, change) => {
    await signInSucceeds('token', granted(change))
  })

  test.each<[string, Json]>([
    ['is of type Bearer', { token_type: 'Bearer' }],
    ['has no type', { token_type: undefined }],
    ['comes without a refresh token', { refresh_token: null }],
  ])('are taken when the access token %s', async (_title, change) => {
    await signInSucceeds('token', granted(change))
  })

  test.each(['access_token', 'refresh_token'])(
    'are taken, or are a HubError, when the %s is as long as an answer can be',
    async (field) => {
      for (const length of [20_000, 200_000, 1_000_000]) {
        const hub = await startRawHub()
        hub.answers.token = respond((request) => ({ ...hub.tokens(request), [field]: hub.secret('x'.repeat(length)) }), {
          headers: { 'x-request-id': 'r-1' },
        })
        // a header of that length could not be sent to userinfo
        const { strategy } = strategyFor(hub, { scope: 'profile', skipUserProfile: true })
        const { action, args } = await signIn(hub, strategy)
        if (action !== 'success') expect(args).toEqual([expect.objectContaining({ name: 'HubError' })])
      }
    },
  )

  test('behind a header that is none are in no error', async () => {
    const { error } = await signInError('token', (socket, request, hub) =>
      socket.end(`HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 9\r\n\r\n${JSON.stringify(hub.tokens(request))}`),
    )
    expect(error).toMatchObject({ code: 'connection_failed', phase: 'token' })
  })

  test('in a header that Node does not take are in no error', async () => {
    const { error } = await signInError('token', (socket, request, hub) =>
      socket.end(`HTTP/1.1 200 OK\r\nX-Tokens: \u0001${JSON.stringify(hub.tokens(request))}\r\n\r\n`),
    )
    expect(error).toMatchObject({ code: 'connection_failed', phase: 'token' })
  })

  test.each([undefined, null])('without an ID token (%s) are an error of their own when openid was asked for', async (id_token) => {
    const { error } = await signInError('token', granted({ id_token }))
    expect(error).toMatchObject({ name: 'HubError', code: 'missing_id_token', phase: 'token', status: 502 })
  })
})

describe('a refusal of the token endpoint', () => {
  test.each<[string, Json, number]>([
    ['with status 400', { error: 'invalid_grant', error_description: 'code expired' }, 400],
    ['with status 401 and no description', { error: 'invalid_client' }, 401],
    ['with status 200', { error: 'invalid_grant', error_description: 'bad verification code' }, 200],
    ['with status 500 and a description that is no text', { error: 'server_error', error_description: { a: 1 } }, 500],
    ['with status 200, beside an access token', { error: 'invalid_scope', access_token: 'hf_oauth_x', token_type: 'bearer' }, 200],
  ])('%s is a TokenError in the words of the Hub', async (_title, body, status) => {
    const { error } = await signInError('token', respond(body, { status, headers: { 'x-request-id': 'r-1', 'retry-after': '3' } }))
    expect(error).toBeInstanceOf(TokenError)
    expect(error).toMatchObject({ code: body['error'], phase: 'token', status: 502, hubStatus: status, requestId: 'r-1', retryAfter: 3 })
    expect(error.message).toContain(typeof body['error_description'] === 'string' ? body['error_description'] : String(body['error']))
  })

  test.each<[string, Json]>([
    ['null', { error: null }],
    ['empty', { error: '' }],
    ['a number', { error: 5 }],
    ['a list', { error: ['invalid_grant'] }],
  ])('whose error is %s is an answer with an unexpected status', async (_title, body) => {
    const { error } = await signInError('token', respond(body, { status: 400 }))
    expect(error).toMatchObject({ name: 'HubError', code: 'unexpected_status', phase: 'token', hubStatus: 400 })
  })

  test('is shown without control characters, and no longer than a few lines', async () => {
    const { error } = await signInError(
      'token',
      respond(
        {
          error: `bad\r\n\u001b[31m${'!'.repeat(5000)}`,
          error_description: `Line one\r\nSet-Cookie: a=b\u2028\u202e\0${'long '.repeat(100_000)}`,
          error_uri: `https://huggingface.co/\n${'x'.repeat(5000)}`,
        },
        { status: 400, headers: { 'x-request-id': 'i'.repeat(5000) } },
      ),
    )
    for (const shown of [error['code'], error.message, error['uri'], error['requestId']]) expect(shown).toMatch(/^[\x20-\x7e]{1,300}…?$/)
    expect(error.message).toMatch(/^Line one Set-Cookie: a=b long /)
  })

  const echoes: [string, (request: RawRequest) => string][] = [
    ['as it is', (request) => `${clientSecret} ${request.form.get('code')} ${request.form.get('code_verifier')}`],
    ['as the form', (request) => `bad request: ${request.form}`],
    ['in percent encoding', (request) => `${encodeURIComponent(clientSecret)} ${encodeURIComponent(request.form.get('code') ?? '')}`],
    [
      'in percent encoding with small letters',
      (request) => `${encodeURIComponent(clientSecret)} ${request.form}`.replace(/%../g, (code) => code.toLowerCase()),
    ],
    ['as JSON', (request) => JSON.stringify({ secret: clientSecret, ...Object.fromEntries(request.form) })],
    ['as the headers', (request) => request.head.replaceAll('\r\n', '; ')],
    [
      'as the credentials of the header, decoded',
      (request) => Buffer.from(request.headers['authorization']?.slice('Basic '.length) ?? '', 'base64').toString(),
    ],
  ]
  const places: [string, (echo: string) => Behaviour][] = [
    ['error_description', (echo) => respond({ error: 'invalid_request', error_description: echo }, { status: 400 })],
    ['error', (echo) => respond({ error: echo }, { status: 400 })],
    ['error_uri', (echo) => respond({ error: 'invalid_request', error_uri: echo }, { status: 400 })],
    ['x-request-id', (echo) => respond('', { status: 500, headers: { 'x-request-id': echo.replace('é', '') } })],
    ['body', (echo) => respond(echo, { status: 500 })],
    ['body of a 200', (echo) => respond(echo)],
  ]
  const pairs = places.flatMap(([place, answer]) => echoes.map(([how, echo]) => ({ place, how, answer, echo })))

  test.each(pairs)('that echoes the request in $place, $how, gives no secret away', async ({ answer, echo }) => {
    const { error } = await signInError('token', (socket, request, hub) => answer(echo(request))(socket, request, hub))
    expect(error['phase']).toBe('token')
  })

  test('that names thousands of tokens is shown like any other', async () => {
    const { error } = await signInError(
      'token',
      respond(`{"error":"server_error","error_description":"busy"${',"access_token":"a","id_token":"b"'.repeat(30_000)}}`, {
        status: 500,
        headers: { 'x-request-id': 'r-1' },
      }),
    )
    expect(error).toMatchObject({ code: 'server_error', requestId: 'r-1', hubStatus: 500 })
  })

  test('that quotes the tokens it would have given gives none of them away', async () => {
    await signInError(
      'token',
      respond((request, hub) => {
        const tokens = hub.tokens(request)
        return { ...tokens, error: 'server_error', error_description: `could not store ${JSON.stringify(tokens)}` }
      }),
    )
  })
})

describe('userinfo', () => {
  test.each<[string, Json]>([
    ['without a sub', { sub: undefined }],
    ['with a sub that is null', { sub: null }],
    ['with an empty sub', { sub: '' }],
    ['with a sub that is a number', { sub: 42 }],
    ['with a sub that is a list', { sub: ['65f00000000000000000c0de'] }],
  ])('%s is no userinfo', async (_title, change) => {
    const { error } = await signInError(
      'userinfo',
      respond((_request, hub) => ({ ...hub.userinfo(), ...change })),
    )
    expect(error).toMatchObject({ name: 'HubError', code: 'invalid_response', phase: 'userinfo', status: 502 })
  })

  test.each(['65f00000000000000000beef', '65F00000000000000000C0DE', '65f00000000000000000c0de '])(
    'of another account (%j) is not used',
    async (sub) => {
      const { error } = await signInError(
        'userinfo',
        respond((_request, hub) => ({ ...hub.userinfo(), sub })),
      )
      expect(error).toMatchObject({ name: 'HubError', code: 'sub_mismatch', phase: 'userinfo', status: 502 })
    },
  )

  test('that is refused with 401 says that the access token is not accepted', async () => {
    const { error } = await signInError(
      'userinfo',
      respond({ error: 'Invalid credentials' }, { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }),
    )
    expect(error).toMatchObject({ name: 'HubError', code: 'unauthorized', phase: 'userinfo', hubStatus: 401 })
  })

  test('that is a JWT is not taken for JSON', async () => {
    const { error } = await signInError(
      'userinfo',
      respond((request, hub) => hub.idToken(request), { headers: { 'content-type': 'application/jwt' } }),
    )
    expect(error).toMatchObject({ name: 'HubError', code: 'invalid_response', phase: 'userinfo' })
  })

  test.each([400, 401, 403, 500])('that echoes the access token with status %i does not give it away', async (status) => {
    await signInError(
      'userinfo',
      respond((request) => ({ error: request.headers['authorization'], error_description: request.head }), {
        status,
        headers: { 'x-request-id': 'r' },
      }),
    )
    await signInError('userinfo', (socket, request) =>
      socket.write(responseBytes('', { status, headers: { 'x-request-id': `${request.headers['authorization']}` } })),
    )
  })

  test('with odd fields is taken for what can be read in it', async () => {
    await signInSucceeds(
      'userinfo',
      respond((_request, hub) => ({
        ...hub.userinfo(),
        name: { toString: 1 },
        picture: 'javascript:alert(1)',
        orgs: [null, 1, [], { sub: { a: 1 } }],
        ['__proto__']: { polluted: true },
      })),
    )
  })
})
