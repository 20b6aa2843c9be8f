import type { Agent, OutgoingHttpHeaders } from 'node:http'
import type { AuthenticateOptions as PassportOptions } from 'passport'
import type { SignInFailureInfo } from './errors'
import type { Request } from './framework'
import type { HuggingFaceProfile, Open } from './profile'
import type { CookieStateStore } from './state/cookie'
import type { StateStore } from './state/foreign'
import type { SessionStateStore } from './state/session'

/** A scope of https://huggingface.co/docs/hub/oauth. Any other string is accepted too. */
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
  | 'read-network-security'
  | 'write-network-security'
  | 'jobs'
  | 'webhooks'
  | 'write-discussions'
>

interface CommonOptions {
  /**
   * The Client ID of your OAuth app (https://huggingface.co/settings/connected-applications), or
   * the URL of a client ID metadata document.
   */
  clientID: string
  /** The client secret of your OAuth app. Leave it out for a public client. */
  clientSecret?: string | undefined
  /**
   * The redirect URI. Absolute, or a path: `/path` starts at the host's root, `path` where the
   * router is mounted. Required here or in `passport.authenticate`.
   */
  callbackURL?: string | undefined
  /**
   * Scopes to ask for: a list, or a string separated by spaces. Each must be enabled on the OAuth
   * app too. Default `profile`.
   */
  scope?: HuggingFaceScope | readonly HuggingFaceScope[] | undefined
  /**
   * Where the profile comes from. `id_token` saves a request to the Hub and adds the scope `openid`,
   * but has no `isPro`, `canPay` and `orgs`. Default `userinfo`.
   */
  profileSource?: 'userinfo' | 'id_token' | undefined
  /** URL of the hub, and issuer of its ID tokens. Default `https://huggingface.co`. */
  hubURL?: string | undefined
  /** URL of the authorization endpoint. Default `/oauth/authorize` under `hubURL`. */
  authorizationURL?: string | undefined
  /** URL of the token endpoint. Default `/oauth/token` under `hubURL`. */
  tokenURL?: string | undefined
  /** URL of the userinfo endpoint. Default `/oauth/userinfo` under `hubURL`. */
  userProfileURL?: string | undefined
  /**
   * Encrypts pending sign-ins: a random string of 32 characters or more. If you give a list, the
   * first encrypts and all decrypt, so you can rotate it. Default `clientSecret`.
   */
  stateSecret?: string | readonly string[] | undefined
  /**
   * Where pending sign-ins are kept. Default: each one encrypted in a cookie of its own, or in the
   * session if no cookie can be set.
   */
  store?: CookieStateStore | SessionStateStore | StateStore | undefined
  /**
   * Begin again, once, if the browser comes back from the Hub and its sign-in is lost, unknown or
   * expired. Default true.
   */
  restart?: boolean | undefined
  /** For each request to the Hub, from connecting to the last byte, in milliseconds. Default 5000. */
  timeout?: number | undefined
  /** `http.Agent` for requests to the Hub, for example for a proxy or a custom CA. */
  agent?: Agent | undefined
  /** Headers to add to each request to the Hub. */
  customHeaders?: OutgoingHttpHeaders | undefined
  /**
   * Trust `X-Forwarded-Host` and `X-Forwarded-Proto` for a relative `callbackURL`, if your framework
   * has no such setting. Default false.
   */
  proxy?: boolean | undefined
  /** Skip fetching the profile: verify gets `undefined`. Default false. */
  skipUserProfile?:
    | boolean
    | (() => boolean)
    | ((accessToken: string, done: (error: unknown, skip?: boolean) => void) => void)
    | undefined
}

/** Options of `new HuggingFaceStrategy(options, verify)`. */
export interface HuggingFaceStrategyOptions extends CommonOptions {
  /** Call verify with the request first. Default false. */
  passReqToCallback?: false | undefined
}

/** Options of a strategy whose verify gets the request first. */
export interface HuggingFaceStrategyOptionsWithRequest extends CommonOptions {
  /** Call verify with the request first. */
  passReqToCallback: true
}

export type AnyStrategyOptions = HuggingFaceStrategyOptions | HuggingFaceStrategyOptionsWithRequest

/** What `passport.authenticate('huggingface', …)` accepts in addition to Passport's own options. */
export interface HuggingFaceAuthenticateOptions {
  /** Your own state, a JSON value. It comes back as `req.authInfo.state`. */
  state?: unknown
  /** Overrides the strategy's scopes. */
  scope?: HuggingFaceScope | readonly HuggingFaceScope[] | undefined
  /** Overrides the strategy's `callbackURL`. It is remembered until the person comes back. */
  callbackURL?: string | undefined
  /** `consent` shows the consent screen again. */
  prompt?: Open<'consent'> | undefined
  /** Organizations to ask access to, by `org.id`. It does not restrict who can sign in. */
  orgIds?: string | readonly string[] | undefined
}

/** A custom callback of `passport.authenticate('huggingface', options, callback)`. */
export type HuggingFaceAuthenticateCallback = (
  /** A technical failure: a `HubError`, `TokenError` or `AuthorizationError`, or what verify threw. */
  error: Error | null,
  /** The user from verify, or `false` if the sign-in failed. */
  user?: Express.User | false | null,
  /** Why the sign-in failed, or verify's `info` with your `state`. */
  info?: Partial<SignInFailureInfo> & { state?: unknown; [field: string]: unknown },
  /** HTTP status of a failure. */
  status?: number,
) => unknown

declare module 'passport' {
  // The names and defaults of the type parameters have to be those of Passport's types.
  interface Authenticator<InitializeRet, AuthenticateRet, AuthorizeRet, AuthorizeOptions> {
    /** Begins or completes a sign-in with Hugging Face. */
    authenticate(
      strategy: 'huggingface',
      options: Omit<PassportOptions, 'state' | 'scope' | 'prompt'> & HuggingFaceAuthenticateOptions,
      callback?: HuggingFaceAuthenticateCallback,
    ): AuthenticateRet
    /** Begins or completes a sign-in with Hugging Face. */
    authenticate(
      strategy: 'huggingface',
      callback?: HuggingFaceAuthenticateCallback,
    ): AuthenticateRet
  }
}

/** The token endpoint's response, without the refresh token. */
export interface TokenParams {
  /** Granted scopes, separated by spaces. They may be fewer than you asked for. */
  scope?: string
  /** The ID token, in compact form. Only with the scope `openid`. */
  id_token?: string
  /** Lifetime of the access token, in seconds: 8 hours, unless the OAuth app says otherwise. */
  expires_in?: number
  /** Always `bearer`. */
  token_type?: string
  [field: string]: unknown
}

/** What `refreshAccessToken` resolves with. */
export interface RefreshedTokens {
  /** The new access token. */
  accessToken: string
  /** The new refresh token: store it, the old one is no longer valid. */
  refreshToken: string
  /** The rest of the token endpoint's response. */
  params: TokenParams
}

/** What verify may resolve with or pass to `done`. `false` and `null` reject the sign-in. */
export type VerifiedUser = Express.User | false | null | undefined

/** Completes verify. `false` rejects the sign-in, and `info` says why. */
export type VerifyCallback = (error?: unknown, user?: VerifiedUser, info?: object) => void

type VerifyResult = VerifiedUser | void | Promise<VerifiedUser | void>

/** Finds or creates your user: call `done`, or return a promise of the user. */
export type Verify = (
  accessToken: string,
  refreshToken: string | undefined,
  profile: HuggingFaceProfile,
  done: VerifyCallback,
) => VerifyResult

/** A verify with five parameters also gets the token endpoint's response. */
export type VerifyWithParams = (
  accessToken: string,
  refreshToken: string | undefined,
  params: TokenParams,
  profile: HuggingFaceProfile,
  done: VerifyCallback,
) => VerifyResult

/** Verify with `passReqToCallback: true`. */
export type VerifyWithRequest = (
  req: Request,
  accessToken: string,
  refreshToken: string | undefined,
  profile: HuggingFaceProfile,
  done: VerifyCallback,
) => VerifyResult

/** A verify with six parameters and `passReqToCallback: true`. */
export type VerifyWithRequestAndParams = (
  req: Request,
  accessToken: string,
  refreshToken: string | undefined,
  params: TokenParams,
  profile: HuggingFaceProfile,
  done: VerifyCallback,
) => VerifyResult
