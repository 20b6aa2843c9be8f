import type { Agent, OutgoingHttpHeaders } from 'node:http'
import type OAuth2Strategy from 'passport-oauth2'
import type { HuggingFaceIdTokenProfile, HuggingFaceProfile, Open } from './profile'
import type { StateStore } from './state/store'

/** A framework's request as passport-oauth2's types have it: Express's. */
export type Request = Parameters<OAuth2Strategy['authenticate']>[0]

/** https://huggingface.co/docs/hub/oauth lists the scopes; any other string is accepted too. */
export type HuggingFaceScope = Open<
  | 'openid'
  | 'profile'
  | 'email'
  | 'read-billing'
  | 'read-memberships'
  | 'read-repos'
  | 'gated-repos'
  | 'contribute-repos'
  | 'write-repos'
  | 'manage-repos'
  | 'read-collections'
  | 'write-collections'
  | 'inference-api'
  | 'read-endpoints'
  | 'write-endpoints'
  | 'read-mcp'
  | 'jobs'
  | 'webhooks'
  | 'write-discussions'
>

/** A list of scopes, or one string with spaces between them. */
export type Scopes = HuggingFaceScope | readonly HuggingFaceScope[]

export interface HuggingFaceStrategyBaseOptions {
  /** The OAuth app's Client ID (https://huggingface.co/settings/connected-applications), or the address of a client metadata document. */
  clientID: string
  /** The OAuth app's secret. Leave it out for a public client; an empty one is refused. */
  clientSecret?: string | undefined
  /** The redirect URI that is registered with the OAuth app; absolute, or relative to where the app is mounted. */
  callbackURL?: string | undefined
  /** What to ask for; each scope has to be allowed on the OAuth app too. Default `profile`. */
  scope?: Scopes | undefined
  /** The hub's address. Default `https://huggingface.co`. */
  hubURL?: string | undefined
  /** Default: `/oauth/authorize` under `hubURL`. */
  authorizationURL?: string | undefined
  /** Default: `/oauth/token` under `hubURL`. */
  tokenURL?: string | undefined
  /** Default: `/oauth/userinfo` under `hubURL`. */
  userProfileURL?: string | undefined
  /** Seals sign-ins in progress, default `clientSecret`. In a list the first one seals and all open, so that a secret can be changed. */
  stateSecret?: string | readonly string[] | undefined
  /** Where sign-ins in progress are kept. Default: a sealed cookie each, or the session where no cookie can be set. */
  store?: StateStore | undefined
  /** Milliseconds for each request to the Hub, from connecting to the last byte. Default 5000. */
  timeout?: number | undefined
  /** For requests to the Hub: a corporate proxy, own certificates. Default: connections are kept and shared. */
  agent?: Agent | undefined
  /** Headers for the requests to the Hub, beside our own. */
  customHeaders?: OutgoingHttpHeaders | undefined
  /** Trust `X-Forwarded-Host` and `-Proto` for a relative `callbackURL`, where the framework cannot be told to. Default false. */
  proxy?: boolean | undefined
  /** Do without userinfo: verify's `profile` is undefined. A function may decide, as in passport-oauth2. Default false. */
  skipUserProfile?: boolean | (() => boolean) | ((accessToken: string, done: (error: unknown, skip?: boolean) => void) => void) | undefined
}

interface WithoutRequest {
  /** Call verify with the request first. Default false. */
  passReqToCallback?: false | undefined
}

interface WithRequest {
  passReqToCallback: true
}

interface FromUserinfo {
  /** Where the profile comes from. `id_token` spares a round trip, asks for `openid` by itself, and does without `isPro`, `canPay` and `orgs`. Default `userinfo`. */
  profileSource?: 'userinfo' | undefined
}

interface FromIdToken {
  profileSource: 'id_token'
}

export type HuggingFaceStrategyOptions = HuggingFaceStrategyBaseOptions & WithoutRequest & FromUserinfo
export type HuggingFaceStrategyOptionsWithRequest = HuggingFaceStrategyBaseOptions & WithRequest & FromUserinfo
export type HuggingFaceIdTokenOptions = HuggingFaceStrategyBaseOptions & WithoutRequest & FromIdToken
export type HuggingFaceIdTokenOptionsWithRequest = HuggingFaceStrategyBaseOptions & WithRequest & FromIdToken
export type AnyStrategyOptions = HuggingFaceStrategyBaseOptions & {
  passReqToCallback?: boolean | undefined
  profileSource?: 'userinfo' | 'id_token' | undefined
}

/**
 * `passport.authenticate('huggingface', options)`: what this strategy takes beside Passport's own options. Passport's types know `state` as a string only;
 * for any other value write `{ state: … } satisfies HuggingFaceAuthenticateOptions as object`.
 */
export interface HuggingFaceAuthenticateOptions {
  /** The app's own state, a JSON value. It comes back as `info.state` and `req.authInfo.state`. */
  state?: unknown
  /** In place of the strategy's scopes. */
  scope?: HuggingFaceScope | HuggingFaceScope[] | undefined
  /** In place of the strategy's `callbackURL`; remembered until the person comes back. */
  callbackURL?: string | undefined
  /** `consent` shows the consent page, and the choice of organizations, again. */
  prompt?: Open<'consent'> | undefined
  /** Organizations to ask access to, by `org.id`. */
  orgIds?: string | readonly string[] | undefined
}

declare module 'passport' {
  interface AuthenticateOptions extends Pick<HuggingFaceAuthenticateOptions, 'callbackURL' | 'orgIds'> {}
}

/** What the token endpoint granted: its JSON as it came, less the refresh token, which has a place of its own. */
export interface TokenParams {
  /** Granted scopes, separated by spaces. */
  scope?: string
  /** The ID token, in compact form; only where `openid` was asked for. */
  id_token?: string
  /** Seconds that the access token lives: 8 hours unless the OAuth app says otherwise. */
  expires_in?: number
  /** `bearer` */
  token_type?: string
  [field: string]: unknown
}

/** What `refreshAccessToken` answers. */
export interface RefreshedTokens {
  accessToken: string
  /** The new one; the Hub's refresh tokens rotate. The old one where the Hub sent none. */
  refreshToken: string
  params: TokenParams
}

/** Hands the user to Passport; `false` for nobody, with an `info` that says why. */
export type VerifyCallback = (error?: unknown, user?: unknown, info?: object) => void

type Granted<Profile, Params extends unknown[] = []> = [
  accessToken: string,
  refreshToken: string | undefined,
  ...params: Params,
  profile: Profile,
  done: VerifyCallback,
]

/** Instead of calling `done`, verify may return a promise of the user. */
export type Verify<Profile> = (...granted: Granted<Profile>) => unknown
export type VerifyWithParams<Profile> = (...granted: Granted<Profile, [params: TokenParams]>) => unknown
export type VerifyWithRequest<Profile> = (req: Request, ...granted: Granted<Profile>) => unknown
export type VerifyWithRequestAndParams<Profile> = (req: Request, ...granted: Granted<Profile, [params: TokenParams]>) => unknown

/**
 * Never matches a verify: it lends its parameter types to one that is written in place with a parameter more. TypeScript fixes those types at the first overload, before it has
 * looked at their number; the generic signature keeps a verify with fewer parameters from seeing this one.
 */
export interface ParamsHint<Profile> {
  <T>(a: T, b: never, c: never, d: never): unknown
  (...verify: Parameters<VerifyWithParams<Profile>>): unknown
}
export interface RequestAndParamsHint<Profile> {
  <T>(a: T, b: never, c: never, d: never, e: never): unknown
  (...verify: Parameters<VerifyWithRequestAndParams<Profile>>): unknown
}

export type { HuggingFaceIdTokenProfile, HuggingFaceProfile }
