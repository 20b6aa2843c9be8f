import { type ChildProcess, fork } from 'node:child_process'
import { createHash, randomInt } from 'node:crypto'
import { once } from 'node:events'
import path from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import * as fc from 'fast-check'
import { readSigningKeys, verifyIdToken } from '../../lib/hub/id-token'
import { ellipticKey, type Json, rsaKey, type SigningKey, signatureOf } from '../support/raw-hub'

jest.setTimeout(60_000)

const runs = 5000
const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31))

const now = 1_800_000_000
const expected = { issuer: 'https://hub.example', clientID: 'app', nonce: 'nonce', accessToken: 'token', now }
const atHash = createHash('sha256').update('token').digest().subarray(0, 16).toString('base64url')
const honest = { iss: expected.issuer, sub: 'ada', aud: 'app', exp: now + 600, iat: now, nonce: 'nonce' }

let jose: ChildProcess
let privateJwk: object
let keys: Record<'usual' | 'second' | 'small' | 'large' | 'elliptic', SigningKey>
beforeAll(async () => {
  jose = fork(path.join(__dirname, '../support/jose.mjs'))
  const [usual, second, small, large, elliptic] = await Promise.all([
    rsaKey('usual'),
    rsaKey('second'),
    rsaKey('small', 1024),
    rsaKey('large', 3072),
    ellipticKey('elliptic'),
  ])
  keys = { usual, second, small, large, elliptic }
  privateJwk = usual.privateKey.export({ format: 'jwk' })
})
afterAll(() => {
  jose.kill()
})

// A token is an honest one with a few changes, each of which shrinks to none.

/** What a field could be instead. */
const times = [-3600, -61, -60, -59, 0, 59, 60, 61, 3600].map((offset) => now + offset)
const operations = ['verify', 'sign', 'verify sign', 'verify other', 'verify verify']
const fields: Record<'header' | 'claims' | 'key', Record<string, unknown[]>> = {
  header: {
    alg: ['none', 'HS256', 'RS384', 'RS512', 'PS256', 'ES256', 'rs256', '', null, undefined, ['RS256']],
    kid: [undefined, 'second', 'small', 'elliptic', 'other', '', 5, null, ['usual']],
    crit: [[], ['b64'], ['exp'], 'b64', null],
    b64: [undefined, false, null],
    typ: ['JWT', 'at+jwt', 5],
    jku: ['https://elsewhere.example'],
  },
  claims: {
    iss: [undefined, 'https://hub.example/', 'https://elsewhere.example', ['https://hub.example'], null],
    sub: [undefined, '', 'é', 'a'.repeat(256), 5, null, ['ada']],
    aud: [undefined, ['app'], ['app', 'other'], [], 'other', [['app']], { app: 1 }, null],
    azp: ['app', 'other', null, ''],
    exp: [undefined, null, String(now + 600), 1e300, now + 0.5, ...times],
    iat: [undefined, null, String(now), -1, now + 60.5, ...times],
    nbf: [null, String(now), ...times],
    nonce: [undefined, 'other', '', null, 5],
    at_hash: [atHash, `${atHash}=`, 'other', null],
  },
  key: {
    kty: ['EC', 'oct', 'rsa', undefined, null],
    use: [undefined, 'enc', 'sig ', null, 5],
    alg: [undefined, 'RS384', 'PS256', null, 5],
    kid: [undefined, 'other', 5, null],
    key_ops: [undefined, null, 'verify', [], ['verify', 5], ...operations.map((each) => each.split(' '))],
    d: ['AQ', '', null],
    n: ['', 'AQ', '!!', 5, undefined, null],
    e: ['', 'AA', 'AQ', 'Aw', 'AAEAAQ', 'AQABAQAB', '!!', 5, undefined, null],
    x5c: [['no certificate']],
  },
}

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

const signatures: Record<string, (signature: Buffer) => Buffer> = {
  reversed: (signature) => Buffer.from(signature).reverse(),
  short: (signature) => signature.subarray(0, -1),
  long: (signature) => Buffer.concat([signature, Buffer.of(0)]),
  zero: (signature) => Buffer.alloc(signature.length),
}

type Name = keyof typeof keys
const published = (change: Json): Record<string, unknown[]> => {
  const { usual, second, small, large, elliptic } = keys
  const changed: Json = { ...usual.jwk, ...change }
  return {
    usual: [changed],
    all: [elliptic.jwk, small.jwk, second.jwk, changed, large.jwk],
    'all without a name': [elliptic, small, second, { jwk: changed }, large].map(({ jwk }) => ({ ...jwk, kid: undefined })),
    'the same twice': [changed, changed],
    'one of the same name first': [{ ...second.jwk, kid: 'usual' }, changed],
    'one of the same name that is small': [{ ...small.jwk, kid: 'usual' }, changed],
    'one of the same name that is elliptic': [{ ...elliptic.jwk, kid: 'usual' }],
    garbage: [{}, { kty: 'RSA' }, { kty: 'new', kid: 'usual' }, changed],
    'a private key': [{ ...privateJwk, ...change, kid: 'usual' }],
    nothing: [],
  }
}

interface Case {
  header: [string, unknown][]
  claims: [string, unknown][]
  key: [string, unknown][]
  texts: [string, string]
  encodings: [string, string, string]
  signature: string
  signer: Name
  published: string
}

function cases(): fc.Arbitrary<Case> {
  const usually = <T>(usual: T, other: fc.Arbitrary<T>) =>
    fc.oneof({ withCrossShrink: true }, { arbitrary: fc.constant(usual), weight: 7 }, { arbitrary: other, weight: 1 })
  const oneOf = (table: object) => usually('', fc.constantFrom(...Object.keys(table)))
  const changes = (table: Record<string, unknown[]>) => {
    const listed = Object.entries(table).flatMap(([name, values]) => values.map((value): [string, unknown] => [name, value]))
    const any = fc.tuple(fc.constantFrom(...Object.keys(table)), fc.jsonValue({ maxDepth: 1 }))
    const change = fc.oneof({ arbitrary: fc.constantFrom(...listed), weight: 5 }, { arbitrary: any, weight: 1 })
    return fc.oneof(
      { withCrossShrink: true },
      { arbitrary: fc.constant<[string, unknown][]>([]), weight: 3 },
      { arbitrary: fc.array(change, { minLength: 1, maxLength: 2 }), weight: 2 },
    )
  }
  return fc.record({
    header: changes(fields.header),
    claims: changes(fields.claims),
    key: changes(fields.key),
    texts: fc.tuple(oneOf(texts), oneOf(texts)),
    encodings: fc.tuple(oneOf(encodings), oneOf(encodings), oneOf(encodings)),
    signature: oneOf(signatures),
    signer: usually<Name>('usual', fc.constantFrom('second', 'small', 'large', 'elliptic')),
    published: usually('usual', fc.constantFrom(...Object.keys(published({})))),
  })
}

/** A change to undefined leaves the field out. */
const changed = (usual: Json, changes: [string, unknown][]): Json => ({ ...usual, ...Object.fromEntries(changes) })

function build(given: Case) {
  const header = changed({ alg: 'RS256', kid: 'usual', b64: true }, given.header)
  const claims = changed(honest, given.claims)
  const encode = (value: Json, text: string, encoding: string) => {
    const json = JSON.stringify(value)
    const part = (texts[text]?.(json) ?? Buffer.from(json)).toString('base64url')
    return encodings[encoding]?.(part) ?? part
  }
  const [first, second, third] = given.encodings
  const input = `${encode(header, given.texts[0], first)}.${encode(claims, given.texts[1], second)}`
  const { alg } = header
  const { privateKey } = alg === 'ES256' ? keys.elliptic : keys[given.signer]
  const isKnown = alg === 'ES256' || (['RS384', 'RS512', 'PS256'].includes(String(alg)) && given.signer !== 'elliptic')
  const mac = alg === 'HS256' ? keys.usual.publicKey.export({ type: 'spki', format: 'pem' }).toString() : undefined
  const signed = signatureOf(mac || isKnown || alg === 'none' ? alg : 'RS256', Buffer.from(input), mac ?? privateKey)
  const part = (signatures[given.signature]?.(signed) ?? signed).toString('base64url')
  const token = `${input}.${encodings[third]?.(part) ?? part}`
  const jwks = { keys: published(Object.fromEntries(given.key))[given.published] }
  // as they come from the Hub
  return { token, header, claims, jwks: JSON.parse(JSON.stringify(jwks)) as Json }
}

/** Why ours refuses what jose accepts. */
const stricter: Record<string, (built: ReturnType<typeof build>) => boolean> = {
  'base64url has one form, without padding (RFC 7515 2)': ({ token }) =>
    token.split('.').some((part) => Buffer.from(part, 'base64url').toString('base64url') !== part),
  'JSON has no byte order mark (RFC 8259 8.1)': ({ token }) =>
    token.split('.').some((part) => Buffer.from(part, 'base64url').toString().startsWith('\ufeff')),
  'no extension is understood (RFC 7515 4.1.11)': ({ header }) => 'crit' in header,
  'a sub is 1 to 255 ASCII characters (Core 2)': ({ claims: { sub } }) => typeof sub !== 'string' || !/^[ -~]{1,255}$/.test(sub),
  'no other audience is trusted (Core 3.1.3.7, 3)': ({ claims: { aud } }) => String(aud) !== 'app',
  'azp is this client (Core 3.1.3.7, 5)': ({ claims: { azp } }) => azp !== undefined && azp !== 'app',
  'iat is not in the future (Core 3.1.3.7, 10)': ({ claims: { iat } }) => Number(iat) > now + 60,
  'nonce is that of the sign-in (Core 3.1.3.7, 11)': ({ claims: { nonce } }) => nonce !== 'nonce',
  'at_hash is that of the access token (Core 3.1.3.8)': ({ claims }) => 'at_hash' in claims && claims['at_hash'] !== atHash,
}

function accepts({ token, jwks }: ReturnType<typeof build>): boolean {
  try {
    return verifyIdToken(token, readSigningKeys(jwks) ?? [], expected) !== undefined
  } catch {
    return false
  }
}

async function joseAccepts({ token, jwks }: ReturnType<typeof build>): Promise<unknown> {
  jose.send({ token, jwks, now, issuer: expected.issuer, audience: expected.clientID })
  const [verdict] = await once(jose, 'message')
  return verdict
}

test(`an ID token is accepted if jose accepts it and no stricter rule forbids it (SEED=${seed})`, async () => {
  const seen: Record<string, number> = {}
  const count = (name: string) => {
    seen[name] = (seen[name] ?? 0) + 1
  }
  await fc.assert(
    fc.asyncProperty(cases(), async (given) => {
      const built = build(given)
      const [ours, joses] = [accepts(built), await joseAccepts(built)]
      const reasons = Object.keys(stricter).filter((name) => stricter[name]?.(built))
      const right = joses === true && reasons.length === 0
      if (ours !== right) expect({ ...built, ours }).toEqual({ ...built, ours: right })
      count(ours ? 'accepted' : 'refused')
      if (joses && !ours) for (const reason of reasons) count(reason)
    }),
    { numRuns: runs, seed },
  )
  // the test has seen what it is about
  expect(seen['accepted']).toBeGreaterThan(runs / 10)
  expect(seen['refused']).toBeGreaterThan(runs / 10)
  expect(Object.keys(seen).sort()).toEqual([...Object.keys(stricter), 'accepted', 'refused'].sort())
})
