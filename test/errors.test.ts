import { HubError, InternalOAuthError } from '../lib'
import { answerDetails, legible } from '../lib/errors'

describe('a HubError', () => {
  test.each([
    ['timeout', 504],
    ['aborted', 499],
    ['connection_failed', 502],
    ['invalid_id_token', 502],
  ] as const)('for %s is answered with %i, by every framework, without its message', (code, status) => {
    expect(new HubError(code, 'token', 'x')).toMatchObject({ code, status, statusCode: status, expose: false })
  })

  test.each([
    ['token', 'invalid_response', 'Failed to obtain access token: x'],
    ['userinfo', 'timeout', 'Failed to fetch user profile: x'],
    ['userinfo', 'invalid_response', 'Failed to parse user profile: x'],
    ['jwks', 'invalid_response', "Failed to fetch the Hub's signing keys: x"],
  ] as const)('of %s with %s says %p', (phase, code, message) => {
    const error = new HubError(code, phase, 'x')
    expect(error.message).toBe(message)
    expect(String(error)).toBe(`HubError: ${message}`)
    expect(error).toBeInstanceOf(InternalOAuthError)
  })

  test('keeps of its cause the name, the message and the code, and nothing else', () => {
    const cause = Object.assign(new RangeError('too far'), { code: 'ERR_FAR', rawPacket: Buffer.from('secret') })
    const error = new HubError('connection_failed', 'token', 'x', { cause })
    expect(error.cause).toMatchObject({ name: 'RangeError', message: 'too far', code: 'ERR_FAR' })
    expect(error.cause).not.toHaveProperty('rawPacket')
    expect(error.oauthError).toBe(error.cause)
    expect(Object.keys(error)).not.toContain('oauthError')
    expect(new HubError('timeout', 'token', 'x')).not.toHaveProperty('cause')
    expect(new HubError('connection_failed', 'token', 'x', { cause: new Error('plain') }).cause).not.toHaveProperty('code')
  })

  test('names each reason where every address of the Hub refused', () => {
    const cause = new AggregateError([new Error('connect ECONNREFUSED ::1'), new Error('connect ECONNREFUSED 127.0.0.1')], '')
    expect(new HubError('connection_failed', 'token', 'x', { cause }).cause?.message).toBe(
      'connect ECONNREFUSED ::1; connect ECONNREFUSED 127.0.0.1',
    )
  })
})

describe('what the Hub says', () => {
  test.each([
    ['plain', 'se+cret/='],
    ['in percent encoding', 'se%2Bcret%2F%3D'],
    ['in percent encoding of lower case', 'se%2bcret%2f%3d'],
  ])('is shown without a secret that it repeats %s', (_, echo) => {
    expect(legible(`you sent ${echo}!`, ['se+cret/=', undefined, ''])).toBe('you sent ***!')
  })

  test('is shown without a secret that it repeats in a form or in JSON', () => {
    expect(legible('secret=a+b', ['a b'])).toBe('secret=***')
    expect(legible('"a\\"b"', ['a"b'])).toBe('"***"')
  })

  test("is shown without the Hub's tokens and secrets, whoever's they are", () => {
    expect(legible('token hf_oauth_abc.def-123 of oauth_app_secret_0123456789')).toBe('token *** of ***')
    expect(legible('half_open')).toBe('half_open')
  })

  test('is shown on one line, without control characters, and not longer than 300 characters', () => {
    expect(legible('  a\r\n\u001b[31mb\u202ec ')).toBe('a [31mb c')
    expect(legible('x'.repeat(300))).toBe('x'.repeat(300))
    expect(legible('x'.repeat(301))).toBe(`${'x'.repeat(300)}…`)
  })

  test.each([undefined, null, 7, {}, '', ' \n'])('is nothing where it is %p', (said) => {
    expect(legible(said)).toBeUndefined()
  })

  test('beside its body is its status, its request id and how long to wait', () => {
    expect(answerDetails(503, { 'x-request-id': 'Root=1 secret', 'retry-after': '120' }, ['secret'])).toEqual({
      hubStatus: 503,
      requestId: 'Root=1 ***',
      retryAfter: 120,
    })
    expect(answerDetails(429, { 'retry-after': '12 apples' }, [])).toEqual({ hubStatus: 429 })
    const { retryAfter } = answerDetails(429, { 'retry-after': new Date(Date.now() + 90_000).toUTCString() }, [])
    expect(retryAfter).toBeGreaterThan(80)
    expect(retryAfter).toBeLessThanOrEqual(91)
    expect(answerDetails(429, { 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' }, [])).toEqual({ hubStatus: 429, retryAfter: 0 })
  })
})
