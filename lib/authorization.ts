import { AuthorizationError, httpStatus, legible, refused, type SignInFailureCode } from './errors'
import type { Callback } from './request'

/** The address of an authorization request (RFC 6749 4.1.1). `own` parameters replace those that the app adds: they keep the sign-in safe. */
export function authorizationRequest(address: string, added: object, own: Record<string, string | undefined>): string {
  const url = new URL(address)
  for (const [name, value] of Object.entries(added)) {
    url.searchParams.delete(name)
    for (const each of [value].flat()) if (each !== undefined && each !== null) url.searchParams.append(name, String(each))
  }
  for (const [name, value] of Object.entries(own)) if (value !== undefined) url.searchParams.set(name, value)
  return url.href
}

/** What the person did at the Hub is a `fail`; what the app asked wrongly, or the Hub could not do, is an error. */
export function denial({ error = '', description, uri, state }: Callback): Error {
  const shown = legible(description, [state])
  const person: Record<string, string> = {
    access_denied: 'The person did not allow the sign-in.',
    login_required: 'The person is not signed in at the Hub.',
    consent_required: 'The person has yet to allow the app at the Hub.',
    interaction_required: 'The person has something to do at the Hub first.',
    account_selection_required: 'The person has to choose an account at the Hub first.',
  }
  const usual = Object.hasOwn(person, error) ? person[error] : undefined
  if (usual) return refused(error as SignInFailureCode, shown ?? usual)
  const code = legible(error, [state]) ?? 'server_error'
  const message = shown ?? `the Hub answered the authorization request with ${code}; see the codes in the README`
  const refusal = new AuthorizationError(message, code, legible(uri, [state]))
  return Object.assign(refusal, httpStatus(refusal.status))
}
