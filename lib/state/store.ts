import { randomBytes } from 'node:crypto'
import { assertSignIn, SignInFailure } from '../errors'
import { type HostRequest, originOf } from '../framework'

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
const defaultMaxAge = 60 * 60_000

/** @throws {TypeError} if it is no number of milliseconds */
export function checkMaxAge(maxAge = defaultMaxAge): number {
  if (Number.isFinite(maxAge)) return maxAge
  throw new TypeError('maxAge must be a number of milliseconds, such as 3600000')
}

/** How many sign-ins a browser may have in progress. One more replaces the oldest. */
const maxSignIns = 5

/** When the sign-in began, in milliseconds, and 128 random bits. */
export const newHandle = (): string =>
  `${Date.now().toString(36)}.${randomBytes(16).toString('base64url')}`

export const isHandle = (text: string): boolean => /^[\da-z]{8}\.[\w-]{22}$/.test(text)

/** When the sign-in of a handle began, in milliseconds. */
const beganAt = (handle: string): number => Number.parseInt(handle, 36)

export const isExpired = (handle: string, maxAge: number): boolean =>
  Date.now() - beganAt(handle) > maxAge

/**
 * The handles of the oldest sign-ins in progress, which have to make room for a new one. The newest
 * of them comes first.
 *
 * @param maxSize of those that stay, in characters of JSON
 */
export function excess(signIns: Map<string, unknown>, maxSize: number): string[] {
  let size = 0
  // Of two that began in the same millisecond, a store returns the older one first.
  const newestFirst = [...signIns].reverse().sort(([a], [b]) => beganAt(b) - beganAt(a))
  const tooMany = newestFirst.filter((each, index) => {
    size += JSON.stringify(each).length
    return index >= maxSignIns - 1 || size > maxSize
  })
  return tooMany.map(([handle]) => handle)
}

/** @throws {SignInFailure} state_unknown, state_expired */
export function checkHandle(handle: string, maxAge: number): void {
  assertSignIn(isHandle(handle), 'state_unknown', 'The state was not issued by this app.')
  const detail = `It took longer than the maxAge of ${Math.round(maxAge / 1000)} seconds.`
  const message = 'This sign-in took too long. Please try again.'
  assertSignIn(!isExpired(handle, maxAge), 'state_expired', detail, message)
}

/** Why a store does not have a sign-in, although it has `others` of this browser. */
export function notFound(req: HostRequest, others: number): SignInFailure {
  if (others > 0) {
    const detail = `This browser did not begin it, or has begun ${maxSignIns} others.`
    return new SignInFailure('state_unknown', detail)
  }
  const origin = originOf(req, true) ?? 'this server'
  const detail = `No cookie or session of this sign-in came back to ${origin}. If callbackURL has another host or scheme, open the app there, or let the framework trust its proxy. Otherwise the browser blocks cookies, the sign-in began in another browser, or the sign-in of another tab cleared the session.`
  return new SignInFailure('state_lost', detail)
}

/** How many used sign-ins this process remembers. */
const maxUsed = 10_000

const used = new Set<string>()

/**
 * A store in a session or a cookie may see one callback twice before the browser has received the
 * first response. So this process remembers which sign-ins were used.
 *
 * @param key the audience and the handle
 * @throws {SignInFailure} state_used
 */
export function checkUnused(key: string): void {
  const message = 'This sign-in is already complete. Go back to the app.'
  assertSignIn(!used.has(key), 'state_used', 'The callback was loaded more than once.', message)
}

/** @throws {SignInFailure} state_used, if a second callback has got as far meanwhile */
export function markUsed(key: string): void {
  checkUnused(key)
  const [oldest = ''] = used
  if (used.size >= maxUsed) used.delete(oldest)
  used.add(key)
}

/** A store of the app may use a handle again, such as the ID of the session. */
export function unmarkUsed(key: string): void {
  used.delete(key)
}
