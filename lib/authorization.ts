import { AuthorizationError } from 'passport-oauth2'
import { assertSignIn, httpStatus, SignInFailure, type SignInFailureCode } from './errors'
import { displayText, errorCode, quoted } from './hub/display-text'

/**
 * The URL of an authorization request (RFC 6749 4.1.1). Our own parameters replace those that the
 * app adds, since they keep the sign-in safe.
 */
export function authorizationRequest(
  endpoint: string,
  added: object,
  own: Record<string, string | undefined>,
): string {
  const url = new URL(endpoint)
  const parameters = new URLSearchParams(url.search)
  for (const [name, value] of Object.entries({ ...added, ...own })) {
    if (value === undefined || value === null) continue
    parameters.delete(name)
    for (const each of [value].flat()) parameters.append(name, String(each))
  }
  url.search = parameters.toString()
  return url.href
}

/** What the Hub sent back through the browser (RFC 6749 4.1.2 and 4.1.2.1). */
export interface AuthorizationResponse {
  state: string
  code: string | undefined
  error: string | undefined
  /** Unchecked. */
  description: unknown
  /** Unchecked. */
  uri: unknown
}

/** Maximum length of a parameter. No honest response comes near it. */
const maxParameterLength = 4096

/**
 * The authorization response in a query, or undefined if the query has none.
 *
 * @throws {SignInFailure} invalid_callback, state_missing, issuer_mismatch
 */
export function readAuthorizationResponse(
  query: Record<string, unknown>,
  issuer: string,
): AuthorizationResponse | undefined {
  // `code[]` and `code[x]` belong to a callback too. To begin a sign-in for them would be a loop.
  if (!Object.keys(query).some((name) => /^(code|error)(\[|$)/.test(name))) return undefined
  const { code, error, state, iss, error_description: description, error_uri: uri } = query
  const isWhole = [code, error, state, iss].every(
    (each) =>
      each === undefined || (typeof each === 'string' && each && each.length <= maxParameterLength),
  )
  const isOne = (code === undefined) !== (error === undefined)
  const rule = 'A callback has one code or one error, and nothing repeated, empty or too long.'
  assertSignIn(isWhole && isOne, 'invalid_callback', rule, undefined, 400)
  assertSignIn(state !== undefined, 'state_missing', 'The callback has no state.')
  // RFC 9207: the issuer, when named, must be ours
  const isOurs = iss === undefined || iss === issuer
  assertSignIn(isOurs, 'issuer_mismatch', 'It names another issuer; is hubURL right?')
  return { state, code, error, description, uri } as AuthorizationResponse
}

/** What the person can decide is a failure. Other errors are the app's or the Hub's. */
const personMessages = new Map([
  ['access_denied', 'You did not allow the sign-in.'],
  ['login_required', 'You are not signed in to Hugging Face.'],
  ['consent_required', 'You have not authorized this app on Hugging Face yet.'],
  ['interaction_required', 'Hugging Face needs you to do something first.'],
  ['account_selection_required', 'Please choose an account on Hugging Face first.'],
])

/** The error that an error response means (RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6). */
export function authorizationError(response: AuthorizationResponse, scope: string): Error {
  const { error = '', description, uri } = response
  const said = displayText(description)
  const message = personMessages.get(error)
  if (message) return new SignInFailure(error as SignInFailureCode, said, message)
  const code = errorCode(error) ?? 'server_error'
  const words = quoted(code, said)
  const advice = ` You asked for "${scope}". Enable each scope on the OAuth app too.`
  const text = `The Hub responded to the authorization request with ${words}.${code === 'invalid_scope' ? advice : ''}`
  const failure = new AuthorizationError(text, code, displayText(uri))
  return Object.assign(failure, httpStatus(failure.status))
}
