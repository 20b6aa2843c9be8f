import { AuthorizationError, InternalOAuthError, TokenError } from 'passport-oauth2'

// They inherit from Error by `__proto__`, which Deno does not have.
for (const { prototype } of [AuthorizationError, InternalOAuthError, TokenError]) {
  Object.setPrototypeOf(prototype, Error.prototype)
}

/** The request to the Hub that failed: for tokens, for userinfo, or for the signing keys. */
export type HubPhase = 'token' | 'userinfo' | 'jwks'

/** What went wrong between this server and the Hub. The README says what to do about each code. */
export type HubErrorCode =
  | 'timeout'
  | 'connection_failed'
  | 'response_too_large'
  | 'response_truncated'
  | 'unexpected_redirect'
  | 'unexpected_status'
  | 'unauthorized'
  | 'invalid_response'
  | 'missing_id_token'
  | 'invalid_id_token'
  | 'sub_mismatch'

/** Why a sign-in failed. The README says what to do about each code. */
export type SignInFailureCode =
  | 'invalid_host'
  | 'invalid_callback'
  | 'prefetched'
  | 'issuer_mismatch'
  | 'state_missing'
  | 'state_lost'
  | 'state_unknown'
  | 'state_expired'
  | 'state_used'
  | 'access_denied'
  | 'login_required'
  | 'consent_required'
  | 'interaction_required'
  | 'account_selection_required'
  | 'refused'

/** The `info` that Passport passes on when a sign-in fails. */
export interface SignInFailureInfo {
  /** Stable: switch on it. */
  code: SignInFailureCode
  /** For the person who signs in. It may quote the Hub, so escape it in HTML. */
  message: string
  /** For the developer: the likely cause and how to fix it. Write it to the log. */
  detail?: string
}

/** What a response of the Hub said in addition to its body. `TokenError`s have it too. */
export interface HubResponseDetails {
  /** HTTP status of the Hub's response. */
  hubStatus?: number
  /** The Hub's `X-Request-Id`. Mention it when you ask Hugging Face for help. */
  requestId?: string
  /** Seconds to wait before the next try, from `Retry-After`. */
  retryAfter?: number
}

/**
 * A request to the Hub failed, or its response cannot be trusted. It extends `InternalOAuthError`,
 * so code written for passport-oauth2 recognizes it. It never contains a secret, a code or a token.
 */
export class HubError extends InternalOAuthError implements HubResponseDetails {
  /** Stable: switch on it. */
  declare readonly code: HubErrorCode
  /** The request that failed. */
  declare readonly phase: HubPhase
  /** HTTP status for your own response: 504 for `timeout`, otherwise 502. */
  declare readonly status: number
  /** The same as `status`, for NestJS. */
  declare readonly statusCode: number
  /** The message is for the log, not for the visitor. */
  declare readonly expose: false
  /** HTTP status of the Hub's response. */
  declare readonly hubStatus?: number
  /** The Hub's `X-Request-Id`. Mention it when you ask Hugging Face for help. */
  declare readonly requestId?: string
  /** Seconds to wait before the next try, from `Retry-After`. */
  declare readonly retryAfter?: number
  /** What failed underneath, such as Node's `ECONNREFUSED`. */
  declare readonly cause?: Error

  /** @internal */
  constructor(
    code: HubErrorCode,
    phase: HubPhase,
    message: string,
    { cause, ...details }: HubResponseDetails & { cause?: Error | undefined } = {},
  ) {
    super(`${failed[phase]}: ${message}`, cause)
    this.name = 'HubError'
    // passport-oauth2's name for the cause. Not enumerable, so that the cause is not printed twice.
    Object.defineProperty(this, 'oauthError', { enumerable: false })
    if (cause) Object.defineProperty(this, 'cause', { value: cause })
    Object.assign(this, { code, phase }, httpStatus(code === 'timeout' ? 504 : 502), details)
  }

  /** @internal */
  override toString(): string {
    return Error.prototype.toString.call(this)
  }
}

/** @throws {HubError} unless the condition holds */
export function assertHub(
  condition: unknown,
  ...error: ConstructorParameters<typeof HubError>
): asserts condition {
  if (!condition) throw new HubError(...error)
}

const failed: Record<HubPhase, string> = {
  token: 'Failed to obtain access token',
  userinfo: 'Failed to fetch user profile',
  jwks: "Failed to fetch the Hub's signing keys",
}

/** Express, Koa and Fastify respond with `status`, NestJS with `statusCode`. */
export function httpStatus(status: number): { status: number; statusCode: number; expose: false } {
  return { status, statusCode: status, expose: false }
}

/** Something that the person can fix. The strategy turns it into Passport's `fail`. */
export class SignInFailure extends Error {
  readonly info: SignInFailureInfo
  readonly status: number

  constructor(
    code: SignInFailureCode,
    detail?: string,
    message = 'This sign-in could not be completed. Please try again.',
    status = 403,
  ) {
    super(message)
    this.info = { code, message, ...(detail === undefined ? {} : { detail }) }
    this.status = status
  }
}

/** @throws {SignInFailure} unless the condition holds */
export function assertSignIn(
  condition: unknown,
  ...failure: ConstructorParameters<typeof SignInFailure>
): asserts condition {
  if (!condition) throw new SignInFailure(...failure)
}
