import { HubError } from '../errors'
import {
  type Expectations,
  type IdTokenClaims,
  invalidIdToken,
  readSigningKeys,
  type SigningKey,
  verifyIdToken,
} from './id-token'

/** How often the keys are fetched ahead at the most, in milliseconds: just within `idleTimeout`. */
const prewarmInterval = 50_000

/** How old keys may be before newer ones are fetched, in milliseconds. */
const maxAge = 10 * 60_000

/** Minimum time between two fetches for an unknown key, in milliseconds. */
const cooldown = 5000

/** The Hub's signing keys, kept for the strategy that fetched them. Its clock is monotonic. */
export class SigningKeys {
  private keys: readonly SigningKey[] | undefined
  private fetching: Promise<readonly SigningKey[]> | undefined
  private fetchedAt = Number.NEGATIVE_INFINITY
  private prewarmedAt = Number.NEGATIVE_INFINITY
  private missedAt = Number.NEGATIVE_INFINITY
  private readonly load: () => Promise<Record<string, unknown>>

  /** @param load requests the JSON Web Key Set */
  constructor(load: () => Promise<Record<string, unknown>>) {
    this.load = load
  }

  /** While the person is on the Hub: fetches the keys, which also opens a connection to the Hub. */
  prewarm(): void {
    const now = performance.now()
    if (now - this.prewarmedAt < prewarmInterval) return
    this.prewarmedAt = now
    // Whoever needs the keys later fetches them again, and gets the error.
    this.fetch().catch(() => {})
  }

  /**
   * Verifies an ID token, with newer keys if it is signed by one that we do not have yet.
   *
   * @throws {HubError} invalid_id_token, or why the keys could not be fetched
   */
  async verify(token: string, expected: Expectations): Promise<IdTokenClaims> {
    const keys = await this.ready()
    const claims =
      verifyIdToken(token, keys, expected) ??
      verifyIdToken(token, await this.newerThan(keys), expected)
    if (claims) return claims
    throw invalidIdToken("it is signed by none of the Hub's keys")
  }

  /** Resolves with the keys. Stale keys stay in use while newer ones are fetched. */
  async ready(): Promise<readonly SigningKey[]> {
    if (!this.keys) return this.fetch()
    if (performance.now() - this.fetchedAt > maxAge) this.prewarm()
    return this.keys
  }

  /** Resolves with newer keys, or with none if the known ones were fetched just now. */
  private async newerThan(known: readonly SigningKey[]): Promise<readonly SigningKey[]> {
    if (this.keys && this.keys !== known) return this.keys
    const now = performance.now()
    if (!this.fetching && now - this.missedAt < cooldown) return []
    this.missedAt = now
    return this.fetch()
  }

  /** One request at a time. */
  private fetch(): Promise<readonly SigningKey[]> {
    this.fetching ??= this.request().finally(() => {
      this.fetching = undefined
    })
    return this.fetching
  }

  private async request(): Promise<readonly SigningKey[]> {
    const keys = readSigningKeys(await this.load())
    if (!keys)
      throw new HubError('invalid_response', 'jwks', 'the response is not a JSON Web Key Set')
    this.keys = keys
    this.fetchedAt = performance.now()
    return keys
  }
}
