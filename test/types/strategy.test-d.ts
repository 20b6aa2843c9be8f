// Compile-only: a strategy that is extended, called, and whose errors are told apart.
import type { Request } from 'express'
import passport from 'passport'
import {
  type AuthorizationError,
  HubError,
  type HubErrorCode,
  type HuggingFaceAuthenticateOptions,
  type HuggingFaceOrg,
  HuggingFaceStrategy,
  InternalOAuthError,
  type RefreshedTokens,
  TokenError,
} from 'passport-huggingface'
import type OAuth2Strategy from 'passport-oauth2'
import { type Equal, expectType, options } from './expect.js'

/** docs/customizing.md overrides the other methods. */
class Branded extends HuggingFaceStrategy {
  override name = 'branded'
  // A name that the strategy uses for itself is free.
  protected config = 1

  constructor(clientID: string) {
    super({ ...options, clientID }, async (_accessToken, _refreshToken, profile) => profile)
  }

  override authenticate(req: Request, options?: HuggingFaceAuthenticateOptions): void {
    super.authenticate(req, { ...options, prompt: 'consent' })
  }

  override parseErrorResponse(body: string, status: number): Error | null {
    return status === 418 ? new Error('teapot') : super.parseErrorResponse(body, status)
  }
}

const strategy = new Branded('some-id')
passport.use(strategy)
expectType<typeof strategy extends OAuth2Strategy & passport.Strategy ? true : false>()
// @ts-expect-error: kept for subclasses
strategy._oauth2

// tokens, and a profile at any time
expectType<Equal<ReturnType<typeof strategy.refreshAccessToken>, Promise<RefreshedTokens>>>()
export async function later() {
  const { accessToken, refreshToken, params } = await strategy.refreshAccessToken('some-token')
  expectType<Equal<[typeof accessToken, typeof refreshToken], [string, string]>>()
  expectType<Equal<typeof params.expires_in, number | undefined>>()
  const { provider, id, username, emails, photos, isPro, orgs = [], _json } = await strategy.fetchProfile(accessToken)
  expectType<Equal<[typeof provider, typeof id], ['huggingface', string]>>()
  expectType<Equal<[typeof username, typeof isPro], [string | undefined, boolean | undefined]>>()
  expectType<Equal<[typeof orgs, typeof _json], [HuggingFaceOrg[], Record<string, unknown>]>>()
  const [mail, avatar] = [emails?.[0], photos?.[0].value]
  expectType<Equal<typeof mail, { value: string; verified: boolean } | undefined>>()
  expectType<Equal<typeof avatar, string | undefined>>()
  return orgs.filter(({ role, plan }) => role === 'admin' || plan === 'a plan of tomorrow').flatMap((org) => org.resourceGroups ?? [])
}

// errors
export function report(error: unknown): string {
  if (error instanceof HubError) {
    expectType<Equal<typeof error.code, HubErrorCode>>()
    expectType<Equal<typeof error.phase, 'token' | 'userinfo' | 'jwks'>>()
    expectType<Equal<[typeof error.status, typeof error.cause], [number, Error | undefined]>>()
    // @ts-expect-error: no such code
    if (error.code === 'time-out') return ''
    return error.code === 'unauthorized' ? `${error.hubStatus} ${error.requestId}` : `again in ${error.retryAfter ?? 1} s`
  }
  if (error instanceof TokenError) return `${error.code} ${error.status} ${error.uri}`
  return error instanceof InternalOAuthError ? String(error.oauthError) : 'something else'
}
expectType<HubError extends InstanceType<typeof OAuth2Strategy.InternalOAuthError> ? true : false>()
expectType<AuthorizationError extends InstanceType<typeof OAuth2Strategy.AuthorizationError> ? true : false>()
