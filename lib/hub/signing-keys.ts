import { assertHub } from '../errors'
import {
  assertIdToken,
  type Expectations,
  type IdTokenClaims,
  readSigningKeys,
  type SigningKey,
  verifyIdToken,
} from './id-token'

/**
 * How often the keys are fetched ahead at the most, in milliseconds. A connection is kept for 60 s: a
 * person who begins 25 s after that and stays on the Hub for 30 s finds it still open.
 */
const prewarmInterval = 25_000

/** How old keys may be before newer ones are fetched, in milliseconds. */
const staleAfter = 10 * 60_000

/** Minimum time between two fetches for an unknown key, in milliseconds. */
const cooldown = 5000

/** The Hub's signing keys, kept for the strategy that fetched them. Its clock is monotonic. */
export class SigningKeys {
  private keys: readonly SigningKey[] | undefined
  private fetching: Promise<readonly SigningKey[]> | undefined
  private fetchedAt = Number.NEGATIVE_INFINITY
  private missedAt = Number.NEGATIVE_INFINITY
  private readonly load: () => Promise<Record<string, unknown>>

  /** @param load requests the JSON Web Key Set */
  constructor(load: () => Promise<Record<string, unknown>>) {
    this.load = load
  }

  /**
   * While the person is on the Hub: fetches the keys, which also opens a connection to the Hub.
   *
   * @param maxAge how old the keys may be, in milliseconds
   */
  prewarm(maxAge = prewarmInterval): void {
    // Whoever needs the keys later fetches them again, and gets the error.
    if (performance.now() - this.fetchedAt >= maxAge) this.fetch().catch(() => {})
  }

  /**
   * Verifies an ID token, with newer keys if it is signed by one that we do not have yet.
   *
   * @throws {HubError} missing_id_token, invalid_id_token, or why the keys could not be fetched
   */
  async verify(token: string | undefined, expected: Expectations): Promise<IdTokenClaims> {
    const missing = 'the Hub sent no ID token; enable the scope openid on your OAuth app'
    assertHub(token !== undefined, 'missing_id_token', 'token', missing)
    const keys = await this.ready()
    const claims =
      verifyIdToken(token, keys, expected) ?? verifyIdToken(token, await this.newer(), expected)
    assertIdToken(claims, "it is signed by none of the Hub's keys")
    return claims
  }

  /** Resolves with the keys. Stale keys stay in use while newer ones are fetched. */
  async ready(): Promise<readonly SigningKey[]> {
    if (!this.keys) return this.fetch()
    this.prewarm(staleAfter)
    return this.keys
  }

  /** Resolves with newer keys, or with none if they were asked for just now. */
  private async newer(): Promise<readonly SigningKey[]> {
    const now = performance.now()
    if (!this.fetching && now - this.missedAt < cooldown) return []
    this.missedAt = now
    return this.fetch()
  }

  /** One request at a time. */
  private fetch(): Promise<readonly SigningKey[]> {
    this.fetchedAt = performance.now()
    this.fetching ??= this.request().finally(() => {
      this.fetching = undefined
    })
    return this.fetching
  }

  private async request(): Promise<readonly SigningKey[]> {
    this.keys = readSigningKeys(await this.load())
    return this.keys
  }
}
