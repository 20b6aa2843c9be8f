import { createHash, createHmac, generateKeyPairSync } from 'node:crypto'
import { beforeAll, expect, jest, test } from '@jest/globals'
import * as fc from 'fast-check'
import { HubError } from '../../lib/errors'
import { readSigningKeys, verifyIdToken } from '../../lib/hub/id-token'
import { type Json, rsaKey, type SigningKey, signatureOf, signedToken } from '../support/raw-hub'

jest.setTimeout(60_000)

const now = 1_800_000_000
const [issuer, audience] = ['https://hub.example', 'app']
const expected = { issuer, clientID: audience, nonce: 'nonce', accessToken: 'token', now }
const honest = { iss: issuer, sub: 'ada', aud: audience, exp: now + 600, iat: now, nonce: 'nonce' }
const hashOf = (token: string) => createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url')

const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
let keys: Record<'usual' | 'second' | 'small' | 'large', SigningKey>
beforeAll(async () => {
  const [usual, second] = await Promise.all([rsaKey('usual'), rsaKey('second')])
  keys = { usual, second, small: await rsaKey('small', 1024), large: await rsaKey('large', 3072) }
})

/** Whether the token of this sign-in is accepted, by these keys. */
function accepts(token: string, jwks: Json = { keys: [keys.usual.jwk] }): boolean {
  try {
    return verifyIdToken(token, readSigningKeys(jwks), expected) !== undefined
  } catch (error) {
    if (!(error instanceof HubError) || error.code !== 'invalid_id_token' || error.phase !== 'token') throw error
    return false
  }
}

/** What a claim, a field of the header or a field of the key could be instead, and what becomes of the token. */
const fields: Record<string, Record<string, { refused: unknown[]; accepted?: unknown[] }>> = {
  claims: {
    // Core 3.1.3.7, 2
    iss: { refused: [undefined, null, `${issuer}/`, issuer.toUpperCase(), 'https://elsewhere.example', [issuer]] },
    // Core 2
    sub: { refused: [undefined, null, '', 5, ['ada'], 'é', 'ada\n', 'a'.repeat(256)], accepted: ['a'.repeat(255), ' ', '~'] },
    // Core 3.1.3.7, 3
    aud: { refused: [undefined, null, 'other', 'app ', 7, { app: 1 }, [], [['app']], ['app', 'other'], ['other']], accepted: [['app']] },
    // Core 3.1.3.7, 5
    azp: { refused: ['other', '', 5, null, ['app']], accepted: ['app'] },
    // Core 3.1.3.7, 9; clocks may differ by a minute
    exp: { refused: [undefined, null, String(now + 600), 0, now - 3600, now - 60], accepted: [now - 59, now, now + 0.5, 1e300] },
    // Core 3.1.3.7, 10
    iat: { refused: [undefined, null, String(now), now + 60.5, now + 3600], accepted: [-1, now - 3600, now + 60] },
    // RFC 7519 4.1.5
    nbf: { refused: [null, String(now), now + 61], accepted: [now + 60, now - 61] },
    // Core 3.1.3.7, 11
    nonce: { refused: [undefined, null, '', 5, 'other'] },
    // Core 3.1.3.8
    at_hash: { refused: [null, 1, '', `${hashOf('token')}=`, hashOf('another')], accepted: [hashOf('token')] },
    amr: { refused: [], accepted: [['pwd'], { a: [1] }] },
  },
  header: {
    // Core 3.1.3.7, 7: RS256, as registered
    alg: { refused: ['none', 'None', 'HS256', 'RS384', 'RS512', 'PS256', 'ES256', 'rs256', '', null, undefined, ['RS256']] },
    kid: { refused: ['second', 'other', '', '../../dev/null', 5, null, ['usual']], accepted: [undefined] },
    // RFC 7515 4.1.11
    crit: { refused: [[], ['b64'], ['exp'], ['\r\nSet-Cookie: a\u001b[31m'], 'b64', null] },
    b64: { refused: [], accepted: [false, null] },
    typ: { refused: [], accepted: ['JWT', 'at+jwt', 5] },
    jku: { refused: [], accepted: ['https://elsewhere.example'] },
  },
  // RFC 7517 4
  key: {
    kty: { refused: ['EC', 'oct', 'rsa', undefined, null] },
    use: { refused: ['enc', 'sig ', null, 5], accepted: [undefined] },
    alg: { refused: ['RS384', 'PS256', null, 5], accepted: [undefined] },
    kid: { refused: [undefined, 'other', 5, null] },
    key_ops: { refused: [null, 'verify', [], ['sign'], ['verify', 'sign'], ['verify', 5], ['verify', 'verify']], accepted: [['verify']] },
    d: { refused: ['AQ', '', null] },
    n: { refused: ['', 'AQ', '!!', 5, undefined, null] },
    e: { refused: ['', 'AA', 'AQ', 'Aw', 'AQABAQAB', '!!', 5, undefined, null], accepted: ['AAEAAQ'] },
    x5c: { refused: [], accepted: [['no certificate']] },
  },
}

/** What the JSON of a header or of claims could be instead. */
const texts = {
  refused: {
    'a byte order mark': (json: string) => `\ufeff${json}`,
    'not UTF-8': (json: string) => Buffer.from(json.replace('{', '{"\xff":1,'), 'latin1'),
    'a tail': (json: string) => `${json}}`,
    'a list': (json: string) => `[${json}]`,
    'a text': (json: string) => JSON.stringify(json),
    null: () => 'null',
  },
  accepted: {
    blanks: (json: string) => ` ${json}\n`,
    'a name twice': (json: string) => json.replace('{', '{"alg":"none","iss":"https://elsewhere.example",'),
    'a prototype': (json: string) => json.replace('{', '{"__proto__":{"crit":["x"]},'),
    'deep lists': (json: string) => json.replace('{', `{"deep":${'['.repeat(100_000)}${']'.repeat(100_000)},`),
  },
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** What the base64url of a part could be instead. */
const encodings = {
  refused: {
    padded: (part: string) => `${part}==`,
    'a character of the standard alphabet': (part: string) => `${part}+`,
    'a blank': (part: string) => `${part.slice(0, 9)} ${part.slice(9)}`,
    'a line break at the end': (part: string) => `${part}\n`,
    'another last bit': (part: string) => part.slice(0, -1) + alphabet[alphabet.indexOf(part.slice(-1)) ^ 1],
    cut: (part: string) => part.slice(0, -1),
    'not ASCII': (part: string) => `${part}é`,
    'a dot': (part: string) => `${part.slice(0, 9)}.${part.slice(9)}`,
    'a dot behind it': (part: string) => `${part}.AAAA`,
    empty: () => '',
  },
}

const signatures = {
  refused: {
    reversed: (signature: Buffer) => Buffer.from(signature).reverse(),
    short: (signature: Buffer) => signature.subarray(0, -1),
    long: (signature: Buffer) => Buffer.concat([signature, Buffer.of(0)]),
    "a stranger's": (_: Buffer, input: string) => signatureOf(input, keys.second.privateKey),
    'a MAC by what everybody knows': (_: Buffer, input: string) =>
      createHmac('sha256', keys.usual.publicKey.export({ type: 'spki', format: 'pem' }))
        .update(input)
        .digest(),
  },
}

/** What the Hub could publish instead of its key. */
const published = {
  refused: {
    nothing: () => [],
    'a private key': ([usual]: Json[]) => [{ ...keys.usual.privateKey.export({ format: 'jwk' }), ...usual }],
    'all without a name': ([usual]: Json[]) => [keys.second.jwk, usual, keys.large.jwk].map((jwk) => ({ ...jwk, kid: undefined })),
    'two others': () => [keys.second.jwk, keys.large.jwk],
    'others of the same name': () => [keys.second.jwk, keys.small.jwk, elliptic].map((jwk) => ({ ...jwk, kid: 'usual' })),
  },
  accepted: {
    all: ([usual]: Json[]) => [elliptic, keys.small.jwk, keys.second.jwk, usual, keys.large.jwk],
    'the same twice': ([usual]: Json[]) => [usual, usual],
    'one of the same name first': ([usual]: Json[]) => [{ ...keys.second.jwk, kid: 'usual' }, usual],
    garbage: ([usual]: Json[]) => [{}, { kty: 'RSA' }, { kty: 'new', kid: 'usual' }, { kty: 'RSA', n: '!!', e: 'AQAB' }, usual],
  },
}

const forms: Record<string, Record<string, object>> = {
  'header text': texts,
  'claims text': texts,
  'header encoding': encodings,
  'claims encoding': encodings,
  'signature encoding': encodings,
  signature: signatures,
  'key set': published,
}

interface Change {
  part: string
  what: string
  /** Of a field. `undefined` leaves it out. A form has a function instead. */
  value: unknown
  verdict: string
}

const changes: Change[] = [
  ...Object.entries(fields).flatMap(([part, table]) =>
    Object.entries(table).flatMap(([what, { refused, accepted = [] }]) => [
      ...refused.map((value) => ({ part, what, value, verdict: 'refused' })),
      ...accepted.map((value) => ({ part, what, value, verdict: 'accepted' })),
    ]),
  ),
  ...Object.entries(forms).flatMap(([part, table]) =>
    Object.entries(table).flatMap(([verdict, all]) => Object.entries(all).map(([what, value]) => ({ part, what, value, verdict }))),
  ),
]

/** An honest ID token and the keys of its Hub, but for these changes. The last of a kind counts. */
function build(made: readonly Change[]) {
  const of = (part: string) => made.filter((each) => each.part === part)
  const withFields = (part: string, usual: Json): Json => ({
    ...usual,
    ...Object.fromEntries(of(part).map(({ what, value }) => [what, value])),
  })
  const formed = <T>(part: string, usual: T, input = ''): T => {
    const form = of(part).at(-1)?.value as ((usual: T, input: string) => T) | undefined
    return form ? form(usual, input) : usual
  }
  const header = withFields('header', { alg: 'RS256', kid: 'usual', b64: true })
  const claims = withFields('claims', honest)
  const encoded = (part: string, content: string | Buffer) =>
    formed(`${part} encoding`, Buffer.from(content as string).toString('base64url'))
  const input = [
    encoded('header', formed('header text', JSON.stringify(header))),
    encoded('claims', formed('claims text', JSON.stringify(claims))),
  ].join('.')
  const signature = formed('signature', signatureOf(input, keys.usual.privateKey), input)
  const published = formed<Json[]>('key set', [withFields('key', keys.usual.jwk), { ...elliptic, kid: 'usual' }])
  // as they come from the Hub
  const jwks: Json = JSON.parse(JSON.stringify({ keys: published }))
  return { token: `${input}.${encoded('signature', signature)}`, header, claims, jwks }
}

type Built = ReturnType<typeof build>

test.each(changes)('an ID token with another $part ($what: $value) is $verdict', (change) => {
  const { token, jwks } = build([change])
  expect(accepts(token, jwks)).toBe(change.verdict === 'accepted')
})

test('an ID token is verified by jose as it is here, unless a stricter rule forbids it', async () => {
  const { createLocalJWKSet, jwtVerify } = await import('jose')
  const requiredClaims = ['sub', 'iat', 'exp', 'nonce']
  const options = { algorithms: ['RS256'], issuer, audience, clockTolerance: 60, currentDate: new Date(now * 1000), requiredClaims }
  async function joseAccepts({ token, jwks }: Built): Promise<boolean> {
    const isVerified = (key: Parameters<typeof jwtVerify>[1]) => jwtVerify(token, key as never, options).then(() => true)
    try {
      return await isVerified(createLocalJWKSet(jwks as never))
    } catch (error) {
      const { code } = error as { code?: string }
      if (code !== 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') return false
      for await (const key of error as AsyncIterable<never>) if (await isVerified(key).catch(() => false)) return true
      return false
    }
  }

  const parts = ({ token }: Built) => token.split('.').map((part) => ({ part, bytes: Buffer.from(part, 'base64url') }))
  /** Why ours refuses what jose accepts. */
  const stricter: Record<string, (built: Built) => boolean> = {
    'base64url has one form, without padding (RFC 7515 2)': (built) =>
      parts(built).some(({ part, bytes }) => bytes.toString('base64url') !== part),
    'JSON has no byte order mark (RFC 8259 8.1)': (built) => parts(built).some(({ bytes }) => bytes.toString().startsWith('\ufeff')),
    'no extension is understood (RFC 7515 4.1.11)': ({ header }) => 'crit' in header,
    'a sub is 1 to 255 ASCII characters (Core 2)': ({ claims: { sub } }) => typeof sub !== 'string' || !/^[ -~]{1,255}$/.test(sub),
    'no other audience is trusted (Core 3.1.3.7, 3)': ({ claims: { aud } }) => [aud].flat().some((each) => each !== audience),
    'azp is this client (Core 3.1.3.7, 5)': ({ claims: { azp } }) => azp !== undefined && azp !== audience,
    'iat is not in the future (Core 3.1.3.7, 10)': ({ claims: { iat } }) => typeof iat === 'number' && iat > now + 60,
    'nonce is that of the sign-in (Core 3.1.3.7, 11)': ({ claims: { nonce } }) => nonce !== 'nonce',
    'at_hash is that of the access token (Core 3.1.3.8)': ({ claims }) => 'at_hash' in claims && claims['at_hash'] !== hashOf('token'),
  }

  const anyField = fc.constantFrom(...changes.filter(({ part }) => part in fields))
  const anyValue = fc.tuple(anyField, fc.jsonValue({ maxDepth: 1 })).map(([change, value]) => ({ ...change, value }))
  const some = fc.oneof({ arbitrary: fc.constantFrom(...changes), weight: 5 }, { arbitrary: anyValue, weight: 1 })
  const property = fc.asyncProperty(fc.array(some, { maxLength: 3 }), async (made) => {
    const built = build(made)
    const [ours, theirs] = [accepts(built.token, built.jwks), await joseAccepts(built)]
    const reasons = Object.keys(stricter).filter((rule) => stricter[rule]?.(built))
    expect(ours).toBe(theirs && reasons.length === 0)
  })
  await fc.assert(property, { numRuns: 5000, examples: changes.map((change): [Change[]] => [[change]]) })
})

test("nobody is signed in by a stranger's key, wherever it is said to be", () => {
  for (const more of [{ kid: undefined }, { jwk: keys.second.jwk }, { jku: '/jwks' }]) {
    expect(accepts(signedToken({ alg: 'RS256', kid: 'usual', ...more }, honest, keys.second.privateKey))).toBe(false)
  }
})

test('nobody is signed in by a key of 1024 bits, and somebody is by one of 3072', () => {
  const jwks = { keys: [keys.small.jwk, keys.large.jwk] }
  const by = ({ kid, privateKey }: SigningKey) => accepts(signedToken({ alg: 'RS256', kid }, honest, privateKey), jwks)
  expect([by(keys.small), by(keys.large)]).toEqual([false, true])
})

test('somebody is signed in although not all that the Hub publishes are keys', () => {
  const jwks = { keys: [null, 'key', 1, [], keys.usual.jwk] }
  expect(accepts(signedToken({ alg: 'RS256', kid: 'usual' }, honest, keys.usual.privateKey), jwks)).toBe(true)
})
