import { expect } from '@jest/globals'
import type { HuggingFaceStrategyOptions } from '../../lib/index'
import { type Json, type RawHub, type RawRequest, respond, type SigningKey, signedToken } from './raw-hub'
import { errorOf, signIn, startRawHub, strategyFor } from './sign-in'

/** How a token response comes by its ID token. */
export type TokenMaker = (request: RawRequest, hub: RawHub) => string

export interface Change {
  /** Added to the usual header. An undefined field is left out. */
  header?: Json
  /** Added to the usual claims. An undefined claim is left out. */
  claims?: Json | ((hub: RawHub) => Json)
  key?: SigningKey['privateKey'] | string
}

/** The usual ID token, but for this. */
export function token({ header, claims, key }: Change = {}): TokenMaker {
  return (request, hub) => {
    const all = hub.claims(request, typeof claims === 'function' ? claims(hub) : claims)
    return signedToken({ alg: 'RS256', kid: hub.key.kid, ...header }, all, key ?? hub.key.privateKey)
  }
}

/** From now on the Hub's token response has this ID token. */
export function issue(hub: RawHub, make: TokenMaker): void {
  hub.answers.token = respond((request) => {
    const idToken = make(request, hub)
    if (idToken.length > 20) hub.secrets.add(idToken)
    return { ...hub.tokens(request), id_token: idToken }
  })
}

/** From now on the Hub publishes these keys. */
export function publish(hub: RawHub, ...keys: unknown[]): void {
  hub.answers.jwks = respond({ keys })
}

interface Setting {
  hub?: RawHub
  options?: Partial<HuggingFaceStrategyOptions>
  keys?: unknown[]
}

async function signInWith(make: TokenMaker, { hub: given, options, keys }: Setting) {
  const hub = given ?? (await startRawHub())
  issue(hub, make)
  if (keys) publish(hub, ...keys)
  const { strategy, verified } = strategyFor(hub, options)
  return { hub, strategy, verified, outcome: await signIn(hub, strategy) }
}

/** The sign-in ends in an error. Neither the app's verify nor userinfo is asked. */
export async function refuses(make: TokenMaker, setting: Setting = {}): Promise<RawHub> {
  const { hub, verified, outcome } = await signInWith(make, setting)
  const error = errorOf(outcome)
  expect(error).toMatchObject({ name: 'HubError', code: 'invalid_id_token', phase: 'token', status: 502 })
  expect(error.message).toMatch(/^[\x20-\x7e…]{1,600}$/)
  expect(verified).toEqual([])
  expect(hub.to('userinfo')).toEqual([])
  return hub
}

/** The person is signed in. */
export async function accepts(make: TokenMaker, setting: Setting = {}) {
  const { hub, strategy, verified, outcome } = await signInWith(make, setting)
  expect(outcome).toMatchObject({ action: 'success' })
  expect(verified).toHaveLength(1)
  return { hub, strategy }
}
