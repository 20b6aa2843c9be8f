// Compile-only: a strategy that is extended, called, and whose errors are told apart.
import type { Request } from 'express'
import passport from 'passport'
import {
  AuthorizationError,
  HubError,
  type HubErrorCode,
  type HuggingFaceAuthenticateOptions,
  type HuggingFaceOrg,
  type HuggingFaceProfile,
  HuggingFaceStrategy,
  InternalOAuthError,
  type RefreshedTokens,
  type SignInFailureInfo,
  TokenError,
} from 'passport-huggingface'
import type OAuth2Strategy from 'passport-oauth2'
import { type Equal, expectType, options } from './expect.js'

class BrandedStrategy extends HuggingFaceStrategy {
  override name = 'branded'

  override authorizationParams(options: HuggingFaceAuthenticateOptions & { theme?: string }): object {
    return { ...super.authorizationParams(options), theme: options.theme ?? 'light' }
  }

  override userProfile(accessToken: string, done: (error?: unknown, profile?: HuggingFaceProfile) => void): void {
    super.userProfile(accessToken, (error, profile) => {
      expectType<Equal<typeof profile, HuggingFaceProfile | undefined>>()
      done(error, profile && { ...profile, displayName: profile.displayName ?? profile.id })
    })
  }

  override tokenParams(options: object): object {
    return { ...super.tokenParams(options), audience: 'an-app' }
  }

  override parseErrorResponse(body: string, status: number): Error | null {
    return status === 418 ? new Error('teapot') : super.parseErrorResponse(body, status)
  }
}
class WithFixedOptions extends HuggingFaceStrategy {
  constructor(clientID: string) {
    super({ ...options, clientID }, async (_accessToken, _refreshToken, profile) => profile)
  }

  override authenticate(req: Request, options?: HuggingFaceAuthenticateOptions): void {
    super.authenticate(req, { ...options, prompt: 'consent' })
  }
}

const strategy = new BrandedStrategy(options, async (_accessToken, _refreshToken, profile) => profile)
passport.use(strategy)
passport.use(new WithFixedOptions('some-id'))
expectType<typeof strategy extends OAuth2Strategy ? true : false>()
expectType<typeof strategy extends passport.Strategy ? true : false>()
expectType<Equal<ReturnType<typeof strategy.refreshAccessToken>, Promise<RefreshedTokens>>>()
expectType<Equal<ReturnType<typeof strategy.fetchProfile>, Promise<HuggingFaceProfile>>>()

// @ts-expect-error: kept for subclasses
strategy._oauth2

// tokens, and a profile at any time
export async function later() {
  const { accessToken, refreshToken, params } = await strategy.refreshAccessToken('some-token')
  expectType<Equal<typeof accessToken, string>>()
  expectType<Equal<typeof refreshToken, string>>()
  expectType<Equal<typeof params.expires_in, number | undefined>>()
  // @ts-expect-error: without a refresh token there is nothing to refresh
  await strategy.refreshAccessToken()

  const { provider, id, username, emails, photos, isPro, canPay, orgs = [], _raw, _json } = await strategy.fetchProfile(accessToken)
  expectType<Equal<typeof provider, 'huggingface'>>()
  expectType<Equal<typeof id, string>>()
  expectType<Equal<typeof username, string | undefined>>()
  expectType<Equal<typeof isPro, boolean | undefined>>()
  expectType<Equal<typeof canPay, boolean | undefined>>()
  expectType<Equal<typeof orgs, HuggingFaceOrg[]>>()
  expectType<Equal<typeof _raw, string>>()
  expectType<Equal<typeof _json, Record<string, unknown>>>()
  const address = emails?.[0].value
  expectType<Equal<typeof address, string | undefined>>()
  const verified = emails?.[0].verified
  expectType<Equal<typeof verified, boolean | undefined>>()
  const avatar = photos?.[0].value
  expectType<Equal<typeof avatar, string | undefined>>()
  return {
    admin: orgs.filter(({ role }) => role === 'admin').map((org) => org.id),
    enterprise: orgs.some(({ plan }) => plan === 'enterprise' || plan === 'a plan of tomorrow'),
    restricted: orgs.some((org) => org.securityRestrictions?.includes('mfa')),
    groups: orgs.flatMap((org) => org.resourceGroups ?? []).map((group) => [group.id, group.role]),
  }
}

// errors
export function report(error: unknown): string {
  if (error instanceof HubError) {
    expectType<Equal<typeof error.code, HubErrorCode>>()
    expectType<Equal<typeof error.phase, 'token' | 'userinfo' | 'jwks'>>()
    expectType<Equal<typeof error.status, number>>()
    expectType<Equal<typeof error.cause, Error | undefined>>()
    switch (error.code) {
      case 'timeout':
        return `${error.status}`
      case 'unauthorized':
        return `${error.hubStatus} ${error.requestId}`
      // @ts-expect-error: no such code
      case 'time-out':
        return ''
      default:
        return `${error.message}; again in ${error.retryAfter ?? 1} s`
    }
  }
  if (error instanceof TokenError || error instanceof AuthorizationError) return `${error.code} ${error.status} ${error.uri}`
  if (error instanceof InternalOAuthError) return String(error.oauthError)
  return 'something else'
}
expectType<HubError extends InternalOAuthError ? true : false>()
expectType<HubError extends InstanceType<typeof OAuth2Strategy.InternalOAuthError> ? true : false>()

// the info of a refused sign-in, in a custom callback
export const middleware = passport.authenticate('huggingface', (_error: unknown, user: Express.User | false, info: SignInFailureInfo) => {
  if (user) return user
  switch (info.code) {
    case 'access_denied':
    case 'state_expired':
      return info.message
    // @ts-expect-error: no such code
    case 'denied':
      return ''
    default:
      return info.code
  }
})
