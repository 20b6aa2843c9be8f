import { randomBytes } from 'node:crypto'
import { SignInFailure } from '../errors'
import type { HostRequest } from '../framework'

/** A sign-in in progress: what the way back from the Hub needs to know. */
export interface SignIn {
  /** The hub and the client that it belongs to. */
  audience: string
  /** RFC 7636 4.1 */
  verifier: string
  /** As sent to the Hub. The token request repeats it. */
  callbackURL: string
  scope: string
  /** The app's own state, a JSON value. */
  state?: unknown
}

/** Keeps sign-ins in progress. */
export interface SignInStore {
  /** Keeps a sign-in, and resolves with its handle. */
  save(req: HostRequest, signIn: SignIn): Promise<string>
  /** Removes a sign-in, and resolves with it, or rejects with the reason why it is gone. */
  take(req: HostRequest, handle: string): Promise<SignIn>
}

/**
 * How long a person has to come back, in milliseconds: one hour, as in Hugging Face's own chat-ui.
 * They may have to create an account and confirm an e-mail address first.
 */
export const defaultMaxAge = 60 * 60_000

/** How many sign-ins a browser may have in progress. One more replaces the oldest. */
export const maxSignIns = 5

/** When the sign-in began, in milliseconds, and 128 random bits. */
export function newHandle(): string {
  return `${Date.now().toString(36)}.${randomBytes(16).toString('base64url')}`
}

export function isHandle(text: string): boolean {
  return /^[\da-z]{8}\.[\w-]{22}$/.test(text)
}

/** When the sign-in of a handle began, in milliseconds. */
export function beganAt(handle: string): number {
  return Number.parseInt(handle, 36)
}

export function isExpired(handle: string, maxAge: number): boolean {
  return Date.now() - beganAt(handle) > maxAge
}

/** Why a store does not have a sign-in, although it has `others` of this browser. */
export function notFound(handle: string, maxAge: number, others: number): SignInFailure {
  if (!isHandle(handle)) return unknown('The state was not issued by this app.')
  if (isExpired(handle, maxAge)) {
    const message = 'This sign-in took too long. Please try again.'
    const detail = `It took longer than the maxAge of ${Math.round(maxAge / 1000)} seconds.`
    return new SignInFailure('state_expired', message, detail)
  }
  if (others === 0) return new SignInFailure('state_lost', tryAgain)
  return unknown(`This browser did not begin it, or has begun ${maxSignIns} others since.`)
}

export function unknown(detail: string): SignInFailure {
  return new SignInFailure('state_unknown', tryAgain, detail)
}

const tryAgain = 'This sign-in could not be completed. Please try again.'

/** The likely cause of `state_lost`, for the developer. `origin` is where the callback arrived. */
export function likelyCause(origin: string | undefined, callbackURL: string | undefined): string {
  const [actual, expected] = [origin, callbackURL].map((url) =>
    url && URL.canParse(url) ? new URL(url) : undefined,
  )
  if (actual?.protocol === 'http:' && expected?.protocol === 'https:') {
    return 'The cookie is Secure, but this server was reached over http. Use https, or tell the framework to trust the proxy in front of it.'
  }
  if (actual && expected && actual.host !== expected.host) {
    return `The callback arrived at ${actual.host}, but callbackURL names ${expected.host}. Open the app there.`
  }
  return 'No cookie or session of this sign-in came back. The browser may block cookies, the sign-in may have begun in another browser or on another host name, or the sign-in of another tab may have cleared the session.'
}

/** How many used sign-ins this process remembers, for an hour at the most. */
const maxUsed = 10_000

const used = new Map<string, number>()

/** @param key the audience and the handle */
export function isUsed(key: string): boolean {
  return used.has(key)
}

/**
 * Remembers in this process that a sign-in was used: a store in a session or a cookie may see one
 * callback twice before the browser has received the first response.
 */
export function markUsed(key: string): void {
  const now = performance.now()
  for (const [oldest, usedAt] of used) {
    if (used.size < maxUsed && now - usedAt < defaultMaxAge) break
    used.delete(oldest)
  }
  used.set(key, now)
}

/** A store of the app may use a handle again, such as the ID of the session. */
export function unmarkUsed(key: string): void {
  used.delete(key)
}

export function alreadyUsed(): SignInFailure {
  const message = 'This sign-in is already complete. Go back to the app.'
  return new SignInFailure('state_used', message, 'The callback was loaded more than once.')
}
