import { AuthorizationError, httpStatus, SignInFailure, type SignInFailureCode } from './errors'
import { displayText, errorCode } from './hub/display-text'

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
  for (const [name, value] of Object.entries(added)) {
    url.searchParams.delete(name)
    for (const each of [value].flat()) {
      if (each !== undefined && each !== null) url.searchParams.append(name, String(each))
    }
  }
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined) url.searchParams.set(name, value)
  }
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
  const single = (name: string): string | undefined => {
    const value = query[name]
    if (value === undefined) return undefined
    if (typeof value === 'string' && value && value.length <= maxParameterLength) return value
    throw invalidCallback(`"${name}" is repeated, empty or too long.`)
  }
  const [code, error, state, iss] = [
    single('code'),
    single('error'),
    single('state'),
    single('iss'),
  ]
  if ((code === undefined) === (error === undefined)) {
    throw invalidCallback('A callback has either a code or an error.')
  }
  if (state === undefined) {
    throw new SignInFailure('state_missing', tryAgain, 'The callback has no state.')
  }
  // RFC 9207: the issuer, when named, must be ours
  if (iss !== undefined && iss !== issuer) {
    throw new SignInFailure(
      'issuer_mismatch',
      tryAgain,
      'The callback names another issuer; is hubURL right?',
    )
  }
  const { error_description: description, error_uri: uri } = query
  return { state, code, error, description, uri }
}

const tryAgain = 'This sign-in could not be completed. Please try again.'

function invalidCallback(detail: string): SignInFailure {
  return new SignInFailure('invalid_callback', tryAgain, detail, 400)
}

/** What the person can decide is a failure. Other errors are the app's or the Hub's. */
const personMessages: Record<string, string> = {
  access_denied: 'You did not allow the sign-in.',
  login_required: 'You are not signed in to Hugging Face.',
  consent_required: 'You have not authorized this app on Hugging Face yet.',
  interaction_required: 'Hugging Face needs you to do something first.',
  account_selection_required: 'Please choose an account on Hugging Face first.',
}

/** The error that an error response means (RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6). */
export function authorizationError(response: AuthorizationResponse, scope: string): Error {
  const { error = '', description, uri } = response
  const said = displayText(description)
  const message = Object.hasOwn(personMessages, error) ? personMessages[error] : undefined
  if (message) return new SignInFailure(error as SignInFailureCode, message, said)
  const code = errorCode(error) ?? 'server_error'
  const advice = `You asked for "${scope}". Enable each scope on the OAuth app too.`
  const words = said ? `${code}: "${said}"` : code
  const text = `The Hub responded to the authorization request with ${words}.`
  const advised = code === 'invalid_scope' ? `${text} ${advice}` : text
  const failure = new AuthorizationError(advised, code, displayText(uri))
  return Object.assign(failure, httpStatus(failure.status))
}
