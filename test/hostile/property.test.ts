import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { beforeAll, describe, expect, jest, test } from '@jest/globals'
import type * as FastCheck from 'fast-check' with { 'resolution-mode': 'import' }
import { HubError, SignInFailure, TokenError } from '../../lib/errors'
import { parseErrorResponse, readObject, readTokenResponse } from '../../lib/hub-client'
import { HubKeys, verifyIdToken } from '../../lib/id-token'
import { readProfile } from '../../lib/profile'
import { type AnyRequest, readCallback } from '../../lib/request'
import { CookieStateStore } from '../../lib/state/cookie'
import { newHandle, type StateMeta } from '../../lib/state/store'
import { type Endpoint, type Json, respond, rsaKey, type SigningKey, signedToken } from '../support/raw-hub'
import { authenticate, callbackURL, signIn, startRawHub, strategyFor, watchSignIns } from './sign-in'

watchSignIns()

// for machines that have much else to do
jest.setTimeout(30_000)

let fc: typeof FastCheck
let key: SigningKey
beforeAll(async () => {
  // it has no CommonJS
  fc = await import('fast-check')
  key = await rsaKey('usual')
})

/** Names that mean something to JavaScript itself, or to us. */
const trickyNames = [
  '__proto__',
  'constructor',
  'toString',
  'valueOf',
  'toJSON',
  'then',
  'length',
  'hasOwnProperty',
  'cause',
  'message',
  'stack',
]

/** Any JSON value, tricky ones more often than by chance; through text, as it comes from the Hub. */
function anyJson(names: readonly string[] = []): FastCheck.Arbitrary<unknown> {
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.oneof(
        fc.constant(null),
        fc.boolean(),
        fc.double(),
        fc.integer(),
        fc.string({ unit: 'binary' }),
        fc.constantFrom('', 'bearer', 'error'),
      ),
      fc.array(tie('json'), { maxLength: 4 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...names, ...trickyNames), fc.string()), tie('json'), { maxKeys: 6 }),
    ),
  }))
  return json.map((value) => JSON.parse(JSON.stringify(value) ?? 'null') as unknown)
}

/** An object with some of these fields, of any JSON. */
function anyObject(names: readonly string[]): FastCheck.Arbitrary<Json> {
  const fields = Object.fromEntries(names.map((name) => [name, anyJson(names)]))
  return fc
    .tuple(fc.record(fields, { requiredKeys: [] }), fc.dictionary(fc.constantFrom(...trickyNames), anyJson(names), { maxKeys: 3 }))
    .map(([known, tricky]) => JSON.parse(JSON.stringify({ ...known, ...tricky })) as Json)
}

const anyText = () =>
  fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.json().map((json) => json.slice(0, -1)),
  )

/** What it answers, or throws, where that is one of these. */
function outcomeOf<T>(read: () => T, ...expected: (abstract new (...args: never) => Error)[]): T | Error {
  try {
    return read()
  } catch (error) {
    if (expected.some((kind) => error instanceof kind)) return error as Error
    throw error
  }
}

const claimNames = [
  'sub',
  'name',
  'preferred_username',
  'profile',
  'picture',
  'website',
  'email',
  'email_verified',
  'isPro',
  'canPay',
  'orgs',
]
const tokenNames = [
  'access_token',
  'refresh_token',
  'id_token',
  'token_type',
  'expires_in',
  'scope',
  'error',
  'error_description',
  'error_uri',
]

describe('any JSON', () => {
  test('as userinfo is a profile with an id, or has no sub', () => {
    const orgNames = [
      'sub',
      'name',
      'preferred_username',
      'picture',
      'plan',
      'roleInOrg',
      'canPay',
      'securityRestrictions',
      'resourceGroups',
    ]
    const claims = fc
      .tuple(anyObject(claimNames), fc.option(fc.array(anyObject(orgNames)), { nil: undefined }))
      .map(([object, orgs]) => (orgs ? { ...object, orgs } : object))
    fc.assert(
      fc.property(claims, (object) => {
        const raw = JSON.stringify(object)
        const profile = outcomeOf(() => readProfile(object, raw), TypeError)
        if (profile instanceof Error) return expect(profile.message).toBe('the answer has no sub')
        expect(typeof profile.id === 'string' && profile.id !== '').toBe(true)
        expect([profile.provider, profile._raw]).toEqual(['huggingface', raw])
        for (const { value } of [...(profile.emails ?? []), ...(profile.photos ?? [])]) expect(typeof value).toBe('string')
        for (const org of profile.orgs ?? []) expect(typeof org.id).toBe('string')
      }),
      { numRuns: 200 },
    )
  })

  test('as a token response is tokens, or a HubError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyText(),
          anyJson(tokenNames).map((value) => JSON.stringify(value)),
          anyObject(tokenNames).map((value) => JSON.stringify(value)),
          anyObject(tokenNames).map((value) => JSON.stringify({ ...value, access_token: 'hf_oauth_x' })),
        ),
        (body) => {
          const tokens = outcomeOf(() => readTokenResponse(body), HubError)
          if (tokens instanceof HubError) return expect(tokens).toMatchObject({ code: 'invalid_response', phase: 'token' })
          expect((tokens as { access_token: string }).access_token).toMatch(/^[\x21-\x7e]+$/)
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('as an error response is a TokenError or none, and what is no JSON says so', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyText(),
          anyJson(tokenNames).map((value) => JSON.stringify(value)),
          anyObject(['error', 'error_description', 'error_uri']).map((value) => JSON.stringify(value)),
        ),
        fc.integer({ min: 100, max: 999 }),
        (body, status) => {
          const error = outcomeOf(() => parseErrorResponse(body, status), SyntaxError)
          if (error !== null && !(error instanceof SyntaxError)) expect(error).toBeInstanceOf(TokenError)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('as a body is an object, or a HubError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyText(),
          anyJson().map((value) => JSON.stringify(value)),
        ),
        (body) => {
          const value = outcomeOf(() => readObject('userinfo', body), HubError)
          expect(typeof value === 'object' && value !== null && !Array.isArray(value)).toBe(true)
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('any ID token', () => {
  const expected = { issuer: 'https://huggingface.co', clientID: 'app', nonce: 'nonce', accessToken: 'hf_oauth_x' }

  async function ends(token: string): Promise<void> {
    const keys = new HubKeys()
    const claims = await verifyIdToken(token, keys, async () => ({ keys: [key.jwk] }), expected).catch((error: unknown) => error)
    if (claims instanceof HubError) {
      expect(claims).toMatchObject({ code: 'invalid_id_token', phase: 'token' })
      return
    }
    expect(claims).not.toBeInstanceOf(Error)
    expect(claims).toMatchObject({ sub: expect.stringMatching(/./), nonce: 'nonce', iss: expected.issuer })
  }

  test('with any claims, signed as it should be, is verified or a HubError', async () => {
    const names = ['sub', 'iss', 'aud', 'exp', 'iat', 'nbf', 'nonce', 'azp', 'at_hash', 'acr', 'auth_time']
    const now = Math.floor(Date.now() / 1000)
    const good = { sub: 'x', iss: expected.issuer, aud: 'app', exp: now + 600, iat: now, nonce: 'nonce' }
    const claims = fc.oneof(
      anyJson(names),
      anyObject(names),
      anyObject(names).map((some) => ({ ...good, ...some })),
      fc.tuple(fc.constantFrom(...names), anyJson(names)).map(([name, value]) => ({ ...good, [name]: value })),
    )
    await fc.assert(
      fc.asyncProperty(claims, (value) => ends(signedToken({ alg: 'RS256', kid: key.kid }, JSON.stringify(value), key.privateKey))),
      { numRuns: 300 },
    )
  })

  test('with any header is verified or a HubError', async () => {
    const header = anyObject(['alg', 'kid', 'typ', 'crit', 'b64', 'jwk', 'jku', 'x5c', 'zip', 'enc'])
    const headers = fc.oneof(
      header,
      header.map((some) => ({ ...some, alg: 'RS256' })),
    )
    await fc.assert(
      fc.asyncProperty(headers, (some) => {
        const parts = [JSON.stringify(some), '{"sub":"x"}', 'signature'].map((part) => Buffer.from(part).toString('base64url'))
        return ends(parts.join('.'))
      }),
      { numRuns: 300 },
    )
  })

  test('that is any text is a HubError', async () => {
    const dotted = fc.array(fc.oneof(fc.base64String(), fc.string()), { maxLength: 6 }).map((parts) => parts.join('.'))
    await fc.assert(fc.asyncProperty(fc.oneof(anyText(), dotted), ends), { numRuns: 300 })
  })

  test('is refused, whatever key set comes with it', async () => {
    const keyNames = ['kty', 'n', 'e', 'kid', 'alg', 'use', 'key_ops', 'd', 'crv', 'x', 'y', 'k', 'ext', 'keys']
    const keySet = fc.oneof(
      anyJson(keyNames),
      anyObject(['keys']),
      fc
        .array(
          fc.oneof(
            anyObject(keyNames),
            anyObject(keyNames).map((some) => ({ kty: 'RSA', ...some })),
            anyJson(),
          ),
        )
        .map((keys) => ({ keys })),
    )
    const token = signedToken({ alg: 'RS256' }, {}, key.privateKey)
    await fc.assert(
      fc.asyncProperty(keySet, async (value) => {
        const error = await verifyIdToken(token, new HubKeys(), async () => value, expected).catch((error: unknown) => error)
        expect(error).toBeInstanceOf(HubError)
        expect(['invalid_id_token', 'invalid_response']).toContain((error as HubError).code)
      }),
      { numRuns: 300 },
    )
  })
})

describe('any request', () => {
  const parameterNames = ['code', 'state', 'error', 'error_description', 'error_uri', 'iss', 'code[]', 'code[x]', 'error[]', 'state[]']

  /** A query as Express (simple and extended), Fastify or Koa would hand it on. */
  const anyQuery = () =>
    fc.dictionary(
      fc.oneof(fc.constantFrom(...parameterNames, ...trickyNames), fc.string()),
      fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.string()), fc.dictionary(fc.string(), fc.string()), fc.constant(undefined)),
    )

  function reads(req: AnyRequest): void {
    const callback = outcomeOf(() => readCallback(req), SignInFailure)
    if (callback instanceof SignInFailure) {
      const code = expect.stringMatching(/^(invalid_callback|state_missing)$/)
      expect(callback).toMatchObject({ status: expect.any(Number), info: { code } })
      return
    }
    if (callback === undefined) return
    const { state, code, error } = callback as { state: string; code?: string; error?: string }
    expect([typeof state, typeof (code ?? error)]).toEqual(['string', 'string'])
    expect(code === undefined).toBe(error !== undefined)
  }

  test('with any query is a callback, none, or refused', () => {
    fc.assert(
      fc.property(anyQuery(), (query) => reads({ query })),
      { numRuns: 1000 },
    )
  })

  test('with any address is a callback, none, or refused', () => {
    // what Node's parser lets through as a request target
    const target = fc.string({ unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)) })
    const query = fc
      .array(fc.tuple(fc.constantFrom(...parameterNames, ...trickyNames), target))
      .map((pairs) => `?${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`)
    const url = fc.oneof(
      target,
      fc
        .tuple(fc.constantFrom('', '/', '//', '//[', '/\\', 'http://', '*', 'http://a:b'), fc.oneof(target, query))
        .map((parts) => parts.join('')),
      query,
    )
    fc.assert(
      fc.property(url, (text) => {
        reads({ url: text })
        reads({ originalUrl: text })
      }),
      { numRuns: 1000, examples: [['//'], ['//['], ['http://a:b'], ['//?code=a&state=b'], ['?code=a&state=b#?error=c']] },
    )
  })

  const meta: StateMeta = {
    authorizationURL: 'https://huggingface.co/oauth/authorize',
    tokenURL: 'https://huggingface.co/oauth/token',
    clientID: 'app',
    callbackURL,
  }

  /** A cookie header with any cookies, and many that look like ours. */
  const anyCookies = () => {
    // a header is bytes, and Node reads them as Latin-1
    const text = (length: number) =>
      fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: length })
    const name = fc.oneof(
      text(20),
      text(20).map((end) => `hf-signin.${end}`),
      fc.constantFrom('hf-signin.used', 'hf-signin.', 'hf-signin.__proto__', 'hf-signin.constructor', 'hf-signin.a b'),
      fc.nat().map((seconds) => `hf-signin.${seconds.toString(36)}.AAAAAAAAAAAAAAAAAAAAAA`),
    )
    const cookie = fc.tuple(name, fc.oneof(text(60), fc.constantFrom('', '~~~', '%', '%ED%A0%80', '%00'))).map((pair) => pair.join('='))
    return fc.oneof(
      text(200),
      fc.array(cookie, { maxLength: 12 }).map((cookies) => cookies.join('; ')),
    )
  }

  /** Names that a server cannot set, which a browser may send all the same. */
  const oddNames = ['a b', 'é', 'c d', 'e f', 'g h', 'i j'].map((name) => `hf-signin.${name}=1`).join('; ')

  function requestWith(cookie: string): AnyRequest {
    const req = new IncomingMessage(new Socket())
    return Object.assign(req, { headers: { host: '127.0.0.1:4567', cookie }, res: new ServerResponse(req) }) as unknown as AnyRequest
  }

  test('with any cookies can begin a sign-in, which is found again with the cookies that it set', async () => {
    const store = new CookieStateStore({ secret: 'a secret for this test' })
    await fc.assert(
      fc.asyncProperty(anyCookies(), async (cookie) => {
        const req = requestWith(cookie)
        const handle = await new Promise<string>((resolve, reject) =>
          store.store(req, 'verifier', { a: 1 }, meta, (error, value) => (error ? reject(error) : resolve(String(value)))),
        )
        const set = [req.res?.getHeader?.('set-cookie') ?? []].flat().map((line) => String(line).split(';')[0])
        const back = requestWith([...set, cookie].join('; '))
        const found = await new Promise((resolve, reject) =>
          store.verify(back, handle, meta, (error, ...values) => (error ? reject(error) : resolve(values.slice(0, 2)))),
        )
        expect(found).toEqual(['verifier', { a: 1 }])
      }),
      { numRuns: 300, examples: [[oddNames]] },
    )
  })

  test('with any cookies and any state is refused with a code', async () => {
    const store = new CookieStateStore({ secret: 'a secret for this test' })
    const handles = fc.oneof(fc.string(), fc.constantFrom('used', '__proto__', 'constructor', 'a b'), fc.constant(0).map(newHandle))
    await fc.assert(
      fc.asyncProperty(anyCookies(), handles, async (cookie, handle) => {
        const planted = [cookie, `hf-signin.${handle}=planted`].join('; ')
        const answer = await new Promise<unknown[]>((resolve) =>
          store.verify(requestWith(planted), handle, meta, (...values) => resolve(values)),
        )
        const [error, ok, info] = answer
        const refusal = error instanceof SignInFailure ? error.info : info
        expect([error instanceof SignInFailure || !error, ok || false]).toEqual([true, false])
        expect(refusal).toMatchObject({ code: expect.stringMatching(/^state_/), message: expect.any(String) })
      }),
      { numRuns: 300 },
    )
  })

  test('to the callback route is a redirect or a failure, and no request to the Hub', async () => {
    const hub = await startRawHub()
    const { strategy, verified } = strategyFor(hub, { stateSecret: 'another secret', scope: 'openid' })
    await signIn(hub, strategy)
    const before = hub.to('token').length
    const parameter = fc.tuple(fc.constantFrom(...parameterNames), fc.string({ unit: 'binary' }))
    await fc.assert(
      fc.asyncProperty(fc.array(parameter, { maxLength: 6 }), anyCookies(), async (parameters, cookie) => {
        const pairs = parameters.map(([name, value]): [string, string] => [name, Buffer.from(value).toString()])
        const { action } = await authenticate(strategy, { url: `/callback?${new URLSearchParams(pairs)}`, cookie })
        expect(['redirect', 'fail']).toContain(action)
      }),
      { numRuns: 200, examples: [[[], oddNames]] },
    )
    expect(hub.to('token')).toHaveLength(before)
    expect(verified).toHaveLength(1)
  })
})

test.each<[Endpoint, readonly string[]]>([
  ['token', tokenNames],
  ['userinfo', claimNames],
  ['jwks', ['keys', 'kty', 'kid', 'n', 'e']],
])('any answer of the %s endpoint ends a sign-in in one action', async (endpoint, names) => {
  const hub = await startRawHub()
  const { strategy } = strategyFor(hub)
  const body = fc.oneof(
    anyText(),
    anyJson(names).map((value) => JSON.stringify(value)),
    anyObject(names).map((value) => JSON.stringify(value)),
  )
  const status = fc.oneof(fc.constantFrom(200, 200, 201, 400, 401, 429, 500), fc.integer({ min: 200, max: 999 }))
  const headers = fc.dictionary(
    fc.constantFrom('x-request-id', 'retry-after', 'content-type', 'content-encoding', 'www-authenticate'),
    fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) }),
  )
  await fc.assert(
    fc.asyncProperty(body, status, headers, async (text, code, more) => {
      // these two have no body
      if (code !== 204 && code !== 304) hub.answers[endpoint] = respond(text, { status: code, headers: more })
      const { action, args } = await signIn(hub, strategy)
      if (action === 'success') return
      expect(action).toBe('error')
      expect(args[0] instanceof HubError || args[0] instanceof TokenError).toBe(true)
    }),
    { numRuns: 100 },
  )
})
