import { type ChildProcess, fork } from 'node:child_process'
import { createHash, randomInt } from 'node:crypto'
import { once } from 'node:events'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import * as fc from 'fast-check'
import { HubError } from '../../lib/errors'
import { readSigningKeys, verifyIdToken } from '../../lib/hub/id-token'
import { ellipticKey, type Json, rsaKey, type SigningKey, signatureOf, signedToken } from '../support/raw-hub'

jest.setTimeout(60_000)

const now = 1_800_000_000
const [issuer, audience] = ['https://hub.example', 'app']
const expected = { issuer, clientID: audience, nonce: 'nonce', accessToken: 'token', now }
const honest = { iss: issuer, sub: 'ada', aud: audience, exp: now + 600, iat: now, nonce: 'nonce' }
const hashOf = (token: string) => createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url')

let keys: Record<'usual' | 'second' | 'small' | 'large' | 'elliptic', SigningKey>
beforeAll(async () => {
  const named = [rsaKey('usual'), rsaKey('second'), rsaKey('small', 1024), rsaKey('large', 3072), ellipticKey('elliptic')] as const
  const [usual, second, small, large, elliptic] = await Promise.all(named)
  keys = { usual, second, small, large, elliptic }
})

/** Whether the token of this sign-in is accepted, by these keys. */
function accepts(token: string, jwks: unknown = { keys: [keys.usual.jwk] }): boolean {
  try {
    return verifyIdToken(token, readSigningKeys(jwks as Json) ?? [], expected) !== undefined
  } catch (error) {
    if (!(error instanceof HubError) || error.code !== 'invalid_id_token' || error.phase !== 'token') throw error
    return false
  }
}

type Values = { refused: unknown[]; accepted?: unknown[] }

/** What a claim, a field of the header or a field of the key could be instead, and what becomes of the token. */
const fields: Record<'claims' | 'header' | 'key', Record<string, Values>> = {
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

type Changes = [field: string, value: unknown][]
/** A change to undefined leaves the field out. */
const changed = (usual: Json, changes: Changes): Json => ({ ...usual, ...Object.fromEntries(changes) })

/** Signatures are slow, and many tokens differ in other parts only. */
const signatures = new Map<string, Buffer>()
function signatureFor(alg: unknown, input: string, signer: keyof typeof keys): Buffer {
  const pem = () => keys.usual.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const name = `${String(alg)} ${signer} ${input}`
  const signature = signatures.get(name) ?? signatureOf(alg, input, alg === 'HS256' ? pem() : keys[signer].privateKey)
  signatures.set(name, signature)
  return signature
}

describe.each(Object.entries(fields))('with other %s, an ID token', (part, table) => {
  const row = (verdict: string) => (value: unknown) => ({ value, verdict })
  const rows = Object.entries(table).flatMap(([field, { refused, accepted = [] }]) =>
    [...refused.map(row('refused')), ...accepted.map(row('accepted'))].map((each) => ({ field, ...each })),
  )
  test.each(rows)('whose $field is $value is $verdict', ({ field, value, verdict }) => {
    const changes = (of: string): Changes => (of === part ? [[field, value]] : [])
    const header = changed({ alg: 'RS256', kid: 'usual' }, changes('header'))
    const texts = [header, changed(honest, changes('claims'))].map((json) => Buffer.from(JSON.stringify(json)).toString('base64url'))
    const signature = signatureFor(header['alg'], texts.join('.'), header['alg'] === 'ES256' ? 'elliptic' : 'usual')
    const published = [changed(keys.usual.jwk, changes('key')), { ...keys.elliptic.jwk, kid: 'usual' }]
    const jwks = JSON.parse(JSON.stringify({ keys: published }))
    expect(accepts([...texts, signature.toString('base64url')].join('.'), jwks)).toBe(verdict === 'accepted')
  })
})

describe('nobody is signed in by', () => {
  const signed = (header: Json | string, claims: unknown = honest) => signedToken(header, claims, keys.usual.privateKey)
  const usual = { alg: 'RS256', kid: 'usual' }
  const stranger = (header: Json) => signedToken({ ...usual, ...header }, honest, keys.second.privateKey)
  const mac = (key: string) => signedToken({ alg: 'HS256', kid: 'usual' }, honest, key)

  test.each<[string, () => string[]]>([
    ['what is not a signed JWT', () => ['', 'token', '..', '.'.repeat(100_000), `${btoa('{"alg":"dir"} ')}.a2V5.aXY.dGV4dA.dGFn`]],
    ['a header that is not an object', () => ['null', 'header', '[]'].map((header) => signed(header))],
    ['claims that are not an object', () => ['[]', '5', 'null', '"text"', 'claims', '{}'].map((claims) => signed(usual, claims))],
    ['no signature', () => [/\.[^.]*$/, /[^.]*$/].map((part) => signed(usual).replace(part, ''))],
    [
      'claims that were changed',
      () => [signed(usual).replace(/\.[^.]*/, signed(usual, { ...honest, sub: 'bo' }).match(/\.[^.]*/)?.[0] ?? '')],
    ],
    ['a MAC by what everybody knows', () => [mac(String(keys.usual.publicKey.export({ type: 'spki', format: 'pem' }))), mac('')]],
    [
      "a stranger's key, wherever it is said to be",
      () => [{}, { kid: undefined }, { jwk: keys.second.jwk }, { jku: '/jwks' }].map(stranger),
    ],
  ])('%s', (_, make) => {
    for (const token of make()) expect(accepts(token)).toBe(false)
  })

  test.each<[string, () => unknown[]]>([
    ['no key', () => []],
    ['what is not an object', () => [null, 1, [], 'key']],
    ['a private key', () => [{ ...keys.usual.privateKey.export({ format: 'jwk' }), kid: 'usual' }]],
    ['two others', () => [keys.second.jwk, keys.large.jwk]],
  ])('any token, if the Hub publishes only %s', (_, published) => {
    for (const kid of ['usual', undefined]) expect(accepts(signed({ alg: 'RS256', kid }), { keys: published() })).toBe(false)
  })

  test('a key of 1024 bits, and somebody is by one of 3072', () => {
    const jwks = { keys: [keys.small.jwk, keys.large.jwk] }
    const by = ({ kid, privateKey }: SigningKey) => accepts(signedToken({ alg: 'RS256', kid }, honest, privateKey), jwks)
    expect([by(keys.small), by(keys.large)]).toEqual([false, true])
  })
})

test('a person is signed in although the Hub publishes garbage too, and claims nested as deep as can be', () => {
  const garbage = [null, 'key', {}, { kty: 'RSA', n: '!!', e: 'AQAB' }, { kty: 'OKP', crv: 'Ed25519', x: 'AAAA' }, { kty: 'new' }]
  const jwks = { keys: [...garbage, keys.second.jwk, keys.usual.jwk, keys.elliptic.jwk] }
  const claims = `${JSON.stringify(honest).slice(0, -1)},"deep":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
  for (const kid of [undefined, 'usual']) {
    expect(accepts(signedToken({ alg: 'RS256', kid }, claims, keys.usual.privateKey), jwks)).toBe(true)
  }
})

describe('compared with jose', () => {
  let jose: ChildProcess
  beforeAll(() => {
    jose = fork(path.join(__dirname, '../support/jose.mjs'))
  })
  afterAll(() => {
    jose.kill()
  })

  // A token is an honest one with a few changes, each of which shrinks to none.

  /** What the text of a header or of claims could be instead. */
  const texts: Record<string, (json: string) => Buffer> = {
    'a byte order mark': (json) => Buffer.from(`\ufeff${json}`),
    'not UTF-8': (json) => Buffer.from(json.replace('{', '{"\xff":1,'), 'latin1'),
    blanks: (json) => Buffer.from(` ${json}\n`),
    'a tail': (json) => Buffer.from(`${json}}`),
    'a name twice': (json) => Buffer.from(json.replace('{', '{"alg":"none","iss":"https://elsewhere.example",')),
    'a prototype': (json) => Buffer.from(json.replace('{', '{"__proto__":{"crit":["x"]},')),
    'a list': (json) => Buffer.from(`[${json}]`),
    null: () => Buffer.from('null'),
  }

  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const nextOf = (character: string) => alphabet[alphabet.indexOf(character) ^ 1] ?? ''
  /** What the base64url of a part could be instead. */
  const encodings: Record<string, (part: string) => string> = {
    padded: (part) => part.padEnd(Math.ceil(part.length / 4) * 4, '='),
    'padded too much': (part) => `${part}====`,
    'the standard alphabet': (part) => part.replaceAll('-', '+').replaceAll('_', '/'),
    'a blank': (part) => `${part.slice(0, 9)} ${part.slice(9)}`,
    'a line break at the end': (part) => `${part}\n`,
    'another last bit': (part) => part.slice(0, -1) + nextOf(part.slice(-1)),
    cut: (part) => part.slice(0, -1),
    'not ASCII': (part) => `${part}é`,
    'a dot': (part) => `${part.slice(0, 9)}.${part.slice(9)}`,
    empty: () => '',
  }

  const mangled: Record<string, (signature: Buffer) => Buffer> = {
    reversed: (signature) => Buffer.from(signature).reverse(),
    short: (signature) => signature.subarray(0, -1),
    long: (signature) => Buffer.concat([signature, Buffer.of(0)]),
    zero: (signature) => Buffer.alloc(signature.length),
  }

  /** What the Hub could publish instead. */
  const published: Record<string, (usual: Json) => unknown[]> = {
    all: (usual) => [keys.elliptic.jwk, keys.small.jwk, keys.second.jwk, usual, keys.large.jwk],
    'all without a name': (usual) => published['all']?.(usual).map((jwk) => ({ ...(jwk as Json), kid: undefined })) ?? [],
    'the same twice': (usual) => [usual, usual],
    'one of the same name first': (usual) => [{ ...keys.second.jwk, kid: 'usual' }, usual],
    'one of the same name that is small': (usual) => [{ ...keys.small.jwk, kid: 'usual' }, usual],
    'one of the same name that is elliptic': () => [{ ...keys.elliptic.jwk, kid: 'usual' }],
    garbage: (usual) => [{}, { kty: 'RSA' }, { kty: 'new', kid: 'usual' }, usual],
    'a private key': (usual) => [{ ...keys.usual.privateKey.export({ format: 'jwk' }), ...usual }],
    nothing: () => [],
  }

  const usually = <T>(usual: T, other: fc.Arbitrary<T>) =>
    fc.oneof({ withCrossShrink: true }, { arbitrary: fc.constant(usual), weight: 7 }, { arbitrary: other, weight: 1 })
  const oneOf = (table: object) => usually('', fc.constantFrom(...Object.keys(table)))
  const changes = (table: Record<string, Values>): fc.Arbitrary<Changes> => {
    const listed = Object.entries(table).flatMap(([name, { refused, accepted = [] }]) =>
      [...refused, ...accepted].map((value): Changes[0] => [name, value]),
    )
    const any = fc.tuple(fc.constantFrom(...Object.keys(table)), fc.jsonValue({ maxDepth: 1 }) as fc.Arbitrary<unknown>)
    const change = fc.oneof({ arbitrary: fc.constantFrom(...listed), weight: 5 }, { arbitrary: any, weight: 1 })
    const some = fc.array(change, { minLength: 1, maxLength: 2 })
    return fc.oneof({ withCrossShrink: true }, { arbitrary: fc.constant<Changes>([]), weight: 3 }, { arbitrary: some, weight: 1 })
  }
  const cases = fc.record({
    header: changes(fields.header),
    claims: changes(fields.claims),
    key: changes(fields.key),
    texts: fc.tuple(oneOf(texts), oneOf(texts)),
    encodings: fc.tuple(oneOf(encodings), oneOf(encodings), oneOf(encodings)),
    signature: oneOf(mangled),
    signer: usually<keyof typeof keys>('usual', fc.constantFrom('second', 'small', 'large', 'elliptic')),
    published: oneOf(published),
  })

  function build(given: typeof cases extends fc.Arbitrary<infer Case> ? Case : never) {
    const header = changed({ alg: 'RS256', kid: 'usual', b64: true }, given.header)
    const claims = changed(honest, given.claims)
    const encode = (bytes: Buffer, encoding: string) => {
      const part = bytes.toString('base64url')
      return encodings[encoding]?.(part) ?? part
    }
    const [first, second] = [header, claims].map((value, index) => {
      const json = JSON.stringify(value)
      return encode(texts[given.texts[index] ?? '']?.(json) ?? Buffer.from(json), given.encodings[index] ?? '')
    })
    const input = `${first}.${second}`
    const signature = signatureFor(header['alg'], input, header['alg'] === 'ES256' ? 'elliptic' : given.signer)
    const token = `${input}.${encode(mangled[given.signature]?.(signature) ?? signature, given.encodings[2])}`
    const usual = changed(keys.usual.jwk, given.key)
    // as they come from the Hub
    const jwks = JSON.parse(JSON.stringify({ keys: published[given.published]?.(usual) ?? [usual] }))
    return { token, header, claims, jwks }
  }
  type Built = ReturnType<typeof build>

  const parts = ({ token }: Built) => token.split('.').map((part) => ({ part, bytes: Buffer.from(part, 'base64url') }))
  /** Why ours refuses what jose accepts. */
  const stricter: Record<string, (built: Built) => boolean> = {
    'base64url has one form, without padding (RFC 7515 2)': (built) =>
      parts(built).some(({ part, bytes }) => bytes.toString('base64url') !== part),
    'JSON has no byte order mark (RFC 8259 8.1)': (built) => parts(built).some(({ bytes }) => bytes.toString().startsWith('\ufeff')),
    'no extension is understood (RFC 7515 4.1.11)': ({ header }) => 'crit' in header,
    'a sub is 1 to 255 ASCII characters (Core 2)': ({ claims: { sub } }) => typeof sub !== 'string' || !/^[ -~]{1,255}$/.test(sub),
    'no other audience is trusted (Core 3.1.3.7, 3)': ({ claims: { aud } }) => String(aud) !== audience,
    'azp is this client (Core 3.1.3.7, 5)': ({ claims: { azp } }) => azp !== undefined && azp !== audience,
    'iat is not in the future (Core 3.1.3.7, 10)': ({ claims: { iat } }) => Number(iat) > now + 60,
    'nonce is that of the sign-in (Core 3.1.3.7, 11)': ({ claims: { nonce } }) => nonce !== 'nonce',
    'at_hash is that of the access token (Core 3.1.3.8)': ({ claims }) => 'at_hash' in claims && claims['at_hash'] !== hashOf('token'),
  }

  const [atOnce, times] = [100, 50]
  const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31))

  test(`${atOnce * times} ID tokens are accepted if jose accepts them and no stricter rule forbids it (SEED=${seed})`, async () => {
    const seen: Record<string, number> = {}
    const count = (name: string) => {
      seen[name] = (seen[name] ?? 0) + 1
    }
    const batches = fc.array(cases, { minLength: atOnce, maxLength: atOnce })
    const property = fc.asyncProperty(batches, async (batch) => {
      const built = batch.map(build)
      jose.send(built.map(({ token, jwks }) => ({ token, jwks, now, issuer, audience })))
      const [verdicts] = (await once(jose, 'message')) as [boolean[]]
      for (const [index, each] of built.entries()) {
        const ours = accepts(each.token, each.jwks)
        const reasons = Object.keys(stricter).filter((name) => stricter[name]?.(each))
        const right = verdicts[index] === true && reasons.length === 0
        if (ours !== right) expect({ ...each, ours }).toEqual({ ...each, ours: right })
        count(ours ? 'accepted' : 'refused')
        if (verdicts[index] && !ours) for (const reason of reasons) count(reason)
      }
    })
    await fc.assert(property, { numRuns: times, seed })
    // the test has seen what it is about
    expect(seen['accepted']).toBeGreaterThan((atOnce * times) / 10)
    expect(seen['refused']).toBeGreaterThan((atOnce * times) / 10)
    expect(Object.keys(seen).sort()).toEqual([...Object.keys(stricter), 'accepted', 'refused'].sort())
  })
})
