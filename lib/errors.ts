import type { IncomingHttpHeaders } from 'node:http'
import { AuthorizationError, InternalOAuthError, TokenError } from 'passport-oauth2'

export { AuthorizationError, InternalOAuthError, TokenError }

/** The request to the Hub that failed: for tokens, for userinfo, or for the keys that ID tokens are signed with. */
export type HubPhase = 'token' | 'userinfo' | 'jwks'

/** What went wrong between this server and the Hub. Each code has a row in the README: what happened, what to do. */
export type HubErrorCode =
  | 'timeout'
  | 'connection_failed'
  | 'aborted'
  | 'response_too_large'
  | 'response_truncated'
  | 'unexpected_redirect'
  | 'unexpected_status'
  | 'unauthorized'
  | 'invalid_response'
  | 'missing_id_token'
  | 'invalid_id_token'
  | 'sub_mismatch'

/** Why a sign-in was refused: the `code` of the `info` that Passport hands on with a `fail`. */
export type SignInFailureCode =
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

/** The `info` of a failed sign-in. */
export interface SignInFailureInfo {
  code: SignInFailureCode
  /** What happened and what to do. It may quote the Hub: escape it where it is shown as HTML. */
  message: string
}

/** What the Hub's answer said beside its body. `TokenError`s carry it too. */
export interface HubAnswerDetails {
  /** HTTP status of the Hub's answer. */
  hubStatus?: number
  /** The Hub's `X-Request-Id`: name it when you ask Hugging Face for help. */
  requestId?: string
  /** Seconds to wait before trying again, from `Retry-After`. */
  retryAfter?: number
}

/**
 * A request to the Hub failed, or its answer cannot be trusted. It is an `InternalOAuthError`, so code that knows passport-oauth2 recognises it.
 * No HubError holds a secret, a code or a token, in its message, its stack, its `cause` or elsewhere.
 */
export class HubError extends InternalOAuthError implements HubAnswerDetails {
  /** Stable: switch on it. */
  declare readonly code: HubErrorCode
  declare readonly phase: HubPhase
  /** HTTP status that the app's error handler can answer with: 504 for `timeout`, 499 for `aborted`, else 502. */
  declare readonly status: number
  declare readonly statusCode: number
  /** The message is for the log, not for the person. */
  declare readonly expose: false
  declare readonly hubStatus?: number
  declare readonly requestId?: string
  declare readonly retryAfter?: number
  declare readonly cause?: Error

  constructor(code: HubErrorCode, phase: HubPhase, message: string, details: HubAnswerDetails & { cause?: unknown } = {}) {
    const { cause, ...answer } = details
    const harmless = cause === undefined ? undefined : harmlessCause(cause)
    const failed = phase === 'userinfo' && code === 'invalid_response' ? 'Failed to parse user profile' : failedAt[phase]
    super(`${failed}: ${message}`, harmless)
    this.name = 'HubError'
    // passport-oauth2's name for the cause stays, but is not printed beside it
    Object.defineProperty(this, 'oauthError', { enumerable: false })
    if (harmless) Object.defineProperty(this, 'cause', { value: harmless })
    Object.assign(this, { code, phase }, httpStatus(code === 'timeout' ? 504 : code === 'aborted' ? 499 : 502), answer)
  }

  override toString(): string {
    return Error.prototype.toString.call(this)
  }
}

const failedAt: Record<HubPhase, string> = {
  token: 'Failed to obtain access token',
  userinfo: 'Failed to fetch user profile',
  jwks: "Failed to fetch the Hub's signing keys",
}

/** `status` is what Express, Koa and Fastify answer with; Nest wants the other two beside it. */
export function httpStatus(status: number): { status: number; statusCode: number; expose: false } {
  return { status, statusCode: status, expose: false }
}

/** Thrown inside a leg of the sign-in when a person, not a machine, has to act; becomes Passport's `fail`. */
export class SignInFailure extends Error {
  readonly info: object | undefined
  readonly status: number | undefined

  constructor(info: SignInFailureInfo | object | undefined, status?: number) {
    super('the sign-in was refused')
    this.info = info
    this.status = status
  }
}

export function refused(code: SignInFailureCode, message: string, status = 403): SignInFailure {
  return new SignInFailure({ code, message } satisfies SignInFailureInfo, status)
}

/** Only the message and the code of a cause: Node's parse errors carry the raw packet, jose's the claims. */
function harmlessCause(cause: unknown): Error {
  const { name, message, code, errors } = Object(cause) as {
    name?: string
    message?: string
    code?: string
    errors?: Error[]
  }
  // Node tries each address in turn; what it then throws has an empty message and the reasons in a list
  const reasons = message || errors?.map((error) => error.message).join('; ') || code || 'no reason given'
  const harmless = Object.assign(new Error(legible(reasons)), code === undefined ? {} : { code })
  if (name) Object.defineProperty(harmless, 'name', { value: name })
  return harmless
}

/**
 * Something that the Hub or the browser said, fit to be shown: this exchange's own secrets struck out (a Hub may echo the request), control characters gone,
 * at most 300 characters.
 */
export function legible(said: unknown, secrets: readonly (string | undefined)[] = []): string | undefined {
  if (typeof said !== 'string') return undefined
  // the Hub's tokens and secrets begin like this; then those of this exchange, in the forms that an echo has
  let text = said.replace(/\b(hf|oauth_app_secret)_[\w.-]{8,}/g, '***')
  for (const secret of secrets) {
    if (!secret) continue
    const encoded = [encodeURIComponent(secret), formEncode(secret)]
    const lowerCase = encoded.map((form) => form.replace(/%../g, (octet) => octet.toLowerCase()))
    for (const form of [secret, ...encoded, ...lowerCase, JSON.stringify(secret).slice(1, -1)]) text = text.replaceAll(form, '***')
  }
  text = text.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim()
  return text.length > 300 ? `${text.slice(0, 300)}…` : text || undefined
}

/** application/x-www-form-urlencoded, as RFC 6749 2.3.1 wants client credentials before Basic. */
export function formEncode(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1)
}

/** What an answer of the Hub says beside its body. */
export function answerDetails(status: number, headers: IncomingHttpHeaders, secrets: readonly (string | undefined)[]): HubAnswerDetails {
  const requestId = legible(headers['x-request-id'], secrets)
  const after = headers['retry-after'] ?? ''
  // RFC 9110 10.2.3: seconds, or a date
  const seconds = /^\d+$/.test(after) ? Number(after) : Math.max(0, Math.ceil((Date.parse(after) - Date.now()) / 1000))
  return { hubStatus: status, ...(requestId ? { requestId } : {}), ...(Number.isFinite(seconds) ? { retryAfter: seconds } : {}) }
}
