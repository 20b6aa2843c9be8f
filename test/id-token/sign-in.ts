import { expect } from '@jest/globals'
import type { HuggingFaceStrategyOptions } from '../../lib/index'
import { errorOf, signIn, startRawHub, strategyFor } from '../hostile/sign-in'
import { type Json, type RawHub, type RawRequest, respond, type SigningKey, signedToken } from '../support/raw-hub'

/** How a token response comes by its ID token. */
export type TokenMaker = (request: RawRequest, hub: RawHub) => string

/** An ID token with other claims than usual; an undefined one is left out. */
export const withClaims =
  (claims: Json): TokenMaker =>
  (request, hub) =>
    hub.idToken(request, claims)

/** An ID token with the usual claims, under this header and signed by this key. */
export const signedBy =
  (header: Json, key: SigningKey['privateKey'] | string): TokenMaker =>
  (request, hub) =>
    signedToken(header, hub.claims(request), key)

/** The usual claims by the usual key, under another header. */
export const withHeader =
  (header: Json): TokenMaker =>
  (request, hub) =>
    signedToken({ alg: 'RS256', kid: hub.key.kid, ...header }, hub.claims(request), hub.key.privateKey)

export function answerWith(hub: RawHub, make: TokenMaker): void {
  hub.answers.token = respond((request) => {
    const token = make(request, hub)
    if (token.length > 20) hub.secrets.add(token)
    return { ...hub.tokens(request), id_token: token }
  })
}

interface Setting {
  hub?: RawHub
  options?: Partial<HuggingFaceStrategyOptions>
  keys?: unknown[]
}

async function signInWith(make: TokenMaker, { hub: given, options, keys }: Setting) {
  const hub = given ?? (await startRawHub())
  answerWith(hub, make)
  if (keys) hub.answers.jwks = respond({ keys })
  const { strategy, verified } = strategyFor(hub, options)
  return { hub, verified, outcome: await signIn(hub, strategy) }
}

/** The sign-in ends in an error of this kind, and the app's verify has not heard of it. */
export async function refuses(make: TokenMaker, says: RegExp, setting: Setting = {}): Promise<RawHub> {
  const { hub, verified, outcome } = await signInWith(make, setting)
  const error = errorOf(outcome)
  expect(verified).toEqual([])
  expect(error).toMatchObject({ name: 'HubError', code: 'invalid_id_token', phase: 'token', status: 502 })
  expect(error.message.length).toBeLessThan(600)
  expect(error.message).toMatch(/^[\x20-\x7e…]+$/)
  expect(error.message).toMatch(says)
  return hub
}

/** The person is signed in. */
export async function accepts(make: TokenMaker, setting: Setting = {}): Promise<RawHub> {
  const { hub, verified, outcome } = await signInWith(make, setting)
  expect(outcome).toMatchObject({ action: 'success' })
  expect(verified).toHaveLength(1)
  return hub
}
