import { isUtf8 } from 'node:buffer'
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { assertHub } from '../errors'
import { parseObject } from './json'

/** The claims of a verified ID token (OpenID Connect Core 2), and whatever the scopes add. */
export interface IdTokenClaims {
  sub: string
  [claim: string]: unknown
}

/** A key that may sign ID tokens. */
export interface SigningKey {
  kid: string | undefined
  key: KeyObject
}

export interface Expectations {
  issuer: string
  clientID: string
  nonce: string
  accessToken: string
  /** Seconds since 1970. */
  now: number
}

/** How much the Hub's clock and ours may differ, in seconds. */
const clockTolerance = 60

/**
 * The signing keys of a JSON Web Key Set (RFC 7517). Keys that cannot be used are left out.
 *
 * @throws {HubError} invalid_response
 */
export function readSigningKeys(jwks: Record<string, unknown>): SigningKey[] {
  const { keys } = jwks
  const message = 'the response is not a JSON Web Key Set'
  assertHub(Array.isArray(keys), 'invalid_response', 'jwks', message)
  return keys.flatMap((entry) => readSigningKey(Object(entry)) ?? [])
}

function readSigningKey(jwk: Record<string, unknown>): SigningKey | undefined {
  const { kty, n, e, d, kid, use = 'sig', alg = 'RS256', key_ops: operations = ['verify'] } = jwk
  const isForUs = kty === 'RSA' && use === 'sig' && alg === 'RS256' && d === undefined
  if (!isForUs || JSON.stringify(operations) !== '["verify"]') return undefined
  try {
    const key = createPublicKey({ key: { kty, n: String(n), e: String(e) }, format: 'jwk' })
    // RFC 7518 3.3
    if (Number(key.asymmetricKeyDetails?.modulusLength) < 2048) return undefined
    return { kid: typeof kid === 'string' ? kid : undefined, key }
  } catch {
    return undefined
  }
}

/**
 * Verifies an ID token by OpenID Connect Core 3.1.3.7, and returns its claims. It fails closed: only
 * claims whose signature and contents are right are returned.
 *
 * @returns undefined if none of the keys has signed it, so newer ones may be needed
 * @throws {HubError} invalid_id_token. It names what is wrong, and quotes nothing of the token
 */
export function verifyIdToken(
  token: string,
  keys: readonly SigningKey[],
  expected: Expectations,
): IdTokenClaims | undefined {
  const [header, payload, signature, ...more] = token.split('.')
  assertIdToken(header && payload && signature && more.length === 0, 'it is not a signed JWT')
  const { alg, kid, crit } = decodeObject(header)
  // RFC 8725 3.1: the algorithm is ours to choose.
  assertIdToken(alg === 'RS256', 'it is not signed by RS256')
  // RFC 7515 4.1.11: we understand no extension.
  assertIdToken(crit === undefined, 'it needs an extension that is not supported')
  const signed = Buffer.from(`${header}.${payload}`)
  const signatureBytes = decode(signature)
  const candidates = keys.filter((key) => kid === undefined || key.kid === kid)
  if (!candidates.some(({ key }) => verify('sha256', signed, key, signatureBytes))) return undefined
  const claims = decodeObject(payload)
  checkClaims(claims, expected)
  return claims
}

function checkClaims(
  claims: Record<string, unknown>,
  { issuer, clientID, nonce, accessToken, now }: Expectations,
): asserts claims is IdTokenClaims {
  const { iss, sub, aud, azp, exp, iat, nbf, at_hash: hash } = claims
  assertIdToken(iss === issuer, '"iss" is not the Hub')
  // Core 2: at most 255 ASCII characters
  assertIdToken(
    typeof sub === 'string' && /^[\x20-\x7e]{1,255}$/.test(sub),
    '"sub" is not an identifier',
  )
  // Core 3.1.3.7, 3: we trust no other audience
  const [audience, ...others] = [aud].flat()
  assertIdToken(audience === clientID && others.length === 0, '"aud" is not this client alone')
  // Core 3.1.3.7, 5
  assertIdToken(azp === undefined || azp === clientID, '"azp" is another client')
  assertIdToken(
    typeof exp === 'number' && exp > now - clockTolerance,
    '"exp" is missing or has passed',
  )
  const latest = now + clockTolerance
  assertIdToken(typeof iat === 'number', '"iat" is missing')
  assertIdToken(iat <= latest, '"iat" is in the future; is the clock of this server right?')
  // RFC 7519 4.1.5
  assertIdToken(
    nbf === undefined || (typeof nbf === 'number' && nbf <= latest),
    '"nbf" is in the future',
  )
  // Core 3.1.3.7, 11 and 15.5.2
  assertIdToken(claims['nonce'] === nonce, '"nonce" is not the one this sign-in sent')
  // Core 3.1.3.8: optional, but binding
  const digest = createHash('sha256').update(accessToken).digest()
  const isBound = hash === undefined || hash === digest.subarray(0, 16).toString('base64url')
  assertIdToken(isBound, '"at_hash" belongs to another access token')
}

export function assertIdToken(condition: unknown, problem: string): asserts condition {
  const message = `the ID token cannot be trusted: ${problem}`
  assertHub(condition, 'invalid_id_token', 'token', message)
}

/** RFC 7515 2 and RFC 4648 3.5: base64url without padding, and only in its canonical form. */
function decode(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  assertIdToken(bytes.toString('base64url') === part, 'it is not encoded as base64url')
  return bytes
}

function decodeObject(part: string): Record<string, unknown> {
  const bytes = decode(part)
  const value = isUtf8(bytes) && parseObject(bytes.toString())
  assertIdToken(value, 'it is not JSON')
  return value
}
