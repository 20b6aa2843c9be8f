import { createHash, timingSafeEqual } from 'node:crypto'
import type { CryptoKey, JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose'
import { HubError } from './errors'

/** The claims of a verified ID token (OpenID Connect Core 2), and whatever the scopes add. */
export interface IdTokenClaims {
  sub: string
  [claim: string]: unknown
}

export interface IdTokenExpectations {
  issuer: string
  clientID: string
  nonce: string
  accessToken: string
}

/** Seconds that the Hub's clock and ours may differ. */
const clockTolerance = 60

/** Milliseconds after which held keys are fetched anew, before they are needed. */
const freshFor = 10 * 60_000

/** Milliseconds between two fetches for keys that turned out not to be held. */
const coolDown = 5000

/**
 * Verifies an ID token by OpenID Connect Core 3.1.3.7 and answers its claims. It fails closed: claims come out only when the signature (RS256, by one of the Hub's keys),
 * `iss`, `aud`, `azp`, `exp`, `iat`, `nonce`, `sub` and, when present, `at_hash` are all right.
 *
 * @throws {HubError} invalid_id_token, naming the claim but quoting nothing of the token; or what fetching the keys threw
 */
export async function verifyIdToken(
  token: string,
  keys: HubKeys,
  fetchKeys: FetchKeys,
  expected: IdTokenExpectations,
): Promise<IdTokenClaims> {
  // loaded outside of the `try`: that it cannot be loaded (in Jest without ES modules) says nothing of the token
  const { jwtVerify } = await loadJose()
  try {
    const options = {
      algorithms: ['RS256'],
      issuer: expected.issuer,
      audience: expected.clientID,
      clockTolerance,
      requiredClaims: ['exp', 'iat', 'sub'],
    }
    const held = await keys.held(fetchKeys)
    let verified = await verifySignature(jwtVerify, token, held, options)
    const newer = verified === 'unknown key' ? await keys.newerThan(held, fetchKeys) : undefined
    if (newer) verified = await verifySignature(jwtVerify, token, newer, options)
    if (verified === 'unknown key') throw new Error("it is signed with a key that is none of the Hub's")
    checkClaims(verified, expected)
    return verified
  } catch (error) {
    if (error instanceof HubError) throw error
    const { name, code, message } = Object(error) as Partial<Error & { code: string }>
    // the one message of jose's that quotes the token's header
    const reason = code === 'ERR_JOSE_NOT_SUPPORTED' ? 'its header asks for something that is not supported' : message
    throw new HubError('invalid_id_token', 'token', `the ID token cannot be trusted: ${reason}`, { cause: { name, code, message: reason } })
  }
}

function checkClaims(claims: JWTPayload, expected: IdTokenExpectations): asserts claims is IdTokenClaims {
  const reject = (claim: string, why: string) => {
    throw new Error(`"${claim}" ${why}`)
  }
  // Core 2: at most 255 ASCII characters
  if (typeof claims.sub !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(claims.sub)) reject('sub', 'is not a usable identifier')
  // Core 3.1.3.7, 3: another audience beside ours is not one that we trust
  if (Array.isArray(claims.aud) && claims.aud.some((audience) => audience !== expected.clientID)) {
    reject('aud', 'names another audience beside this client')
  }
  // Core 3.1.3.7, 5
  if (claims['azp'] !== undefined && claims['azp'] !== expected.clientID) reject('azp', 'is another client')
  if (Number(claims.iat) > Date.now() / 1000 + clockTolerance) reject('iat', 'lies in the future; is the clock of this server right?')
  // Core 3.1.3.7, 11 and 15.5.2
  if (!sameText(claims['nonce'], expected.nonce)) reject('nonce', 'is not the one that this sign-in sent')
  // Core 3.1.3.8: optional for the Hub, binding when there
  if (
    claims['at_hash'] !== undefined &&
    claims['at_hash'] !== createHash('sha256').update(expected.accessToken).digest().subarray(0, 16).toString('base64url')
  ) {
    reject('at_hash', 'does not belong to the access token')
  }
}

/** The payload of a verified token as text. */
export function payloadOf(token: string): string {
  return Buffer.from(String(token.split('.')[1]), 'base64url').toString()
}

/** Compares in constant time. */
export function sameText(given: unknown, expected: string): boolean {
  if (typeof given !== 'string') return false
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** A token without `kid` may fit several keys: each is tried. */
async function verifySignature(
  jwtVerify: Jose['jwtVerify'],
  token: string,
  keySet: JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<JWTPayload | 'unknown key'> {
  let named = true
  const find: JWTVerifyGetKey = (header, input) => {
    named = header.kid !== undefined
    return keySet(header, input)
  }
  try {
    return (await jwtVerify(token, find, options)).payload
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ERR_JWKS_NO_MATCHING_KEY') return 'unknown key'
    // without a name, a wrong signature may as well mean a key that is not held yet
    if (code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' && !named) return 'unknown key'
    if (code !== 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') throw error
    for await (const key of error as AsyncIterable<CryptoKey>) {
      try {
        return (await jwtVerify(token, key, options)).payload
      } catch (another) {
        // a claim is wrong, so the key was right; a key that cannot be used is passed over like one that does not fit
        if (String(codeOf(another)).startsWith('ERR_JWT_')) throw another
      }
    }
    return 'unknown key'
  }
}

function codeOf(error: unknown): unknown {
  return Object(error).code
}

type Jose = typeof import('jose/jwks/local') & typeof import('jose/jwt/verify')

let jose: Jose | undefined

/** The two parts of jose that are used, once, while the keys are fetched. One after the other: Jest cannot import two at a time. */
async function loadJose(): Promise<Jose> {
  try {
    jose ??= { ...(await import('jose/jwks/local')), ...(await import('jose/jwt/verify')) }
    return jose
  } catch (cause) {
    const cure = 'run Jest with NODE_OPTIONS=--experimental-vm-modules'
    throw new Error(`ID tokens are verified by jose, an ES module, which cannot be loaded here; ${cure}`, { cause })
  }
}

/** Fetches the JSON Web Key Set at the keys' address. */
export type FetchKeys = () => Promise<unknown>

/** A hub's signing keys, fetched when needed and kept for all strategies of the process. */
export class HubKeys {
  private keySet: JWTVerifyGetKey | undefined
  private fetchedAt = Number.NEGATIVE_INFINITY
  private missedAt = Number.NEGATIVE_INFINITY
  private prefetchedAt = Number.NEGATIVE_INFINITY
  private fetching: Promise<void> | undefined

  private static readonly byAddress = new Map<string, HubKeys>()

  static at(address: string): HubKeys {
    const keys = HubKeys.byAddress.get(address) ?? new HubKeys()
    HubKeys.byAddress.set(address, keys)
    return keys
  }

  /** Whether the keys should be fetched before somebody needs them. */
  get stale(): boolean {
    return Date.now() - this.fetchedAt > freshFor
  }

  /** The keys. Those that are held serve on while fresh ones are fetched, or cannot be. */
  async held(fetchKeys: FetchKeys): Promise<JWTVerifyGetKey> {
    if (this.keySet && this.stale) this.prefetch(fetchKeys)
    if (!this.keySet) await this.fetch(fetchKeys)
    return this.keySet as JWTVerifyGetKey
  }

  /** After a token with a key that is not among those `tried`: fetches once, unless that was done just now. */
  async newerThan(tried: JWTVerifyGetKey, fetchKeys: FetchKeys): Promise<JWTVerifyGetKey | undefined> {
    if (this.keySet === tried) {
      if (!this.fetching && Date.now() - this.missedAt < coolDown) return undefined
      this.missedAt = Date.now()
      await this.fetch(fetchKeys)
    }
    return this.keySet
  }

  /** While nobody waits. At most one request at a time, and one in five seconds, however many sign-ins begin. */
  prefetch(fetchKeys: FetchKeys): void {
    if (this.fetching || Date.now() - this.prefetchedAt < coolDown) return
    this.prefetchedAt = Date.now()
    this.fetch(fetchKeys).catch(() => {})
  }

  /** One request at a time, whoever asks. */
  fetch(fetchKeys: FetchKeys): Promise<void> {
    this.fetching ??= this.load(fetchKeys).finally(() => {
      this.fetching = undefined
    })
    return this.fetching
  }

  private async load(fetchKeys: FetchKeys): Promise<void> {
    const [{ createLocalJWKSet }, keys] = await Promise.all([loadJose(), fetchKeys()])
    try {
      this.keySet = createLocalJWKSet(keys as Parameters<typeof createLocalJWKSet>[0])
    } catch (error) {
      throw new HubError('invalid_response', 'jwks', 'the answer is no JSON Web Key Set', { cause: error })
    }
    this.fetchedAt = Date.now()
  }
}
