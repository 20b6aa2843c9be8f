import { createHmac, randomBytes } from 'node:crypto'
import { refused, SignInFailure, type SignInFailureCode, type SignInFailureInfo } from '../errors'
import { type AnyRequest, originOf } from '../request'
import { type Done, settle } from '../settle'

/**
 * A state store by passport-oauth2's contract: `store(req, verifier, state, meta, done)` answers a handle, `verify(req, handle, meta, done)` the code verifier and the app's state.
 * As there, the number of parameters decides what is passed, so declare all of them, `done` too, even where you return a promise instead: of the handle, and of `{ ok, state }`.
 * A `store` of fewer parameters need not keep the verifier.
 */
export interface StateStore {
  store(...args: never): unknown
  verify(...args: never): unknown
}

/** What a store is told about the sign-in, beside the verifier and the app's state. */
export interface StateMeta {
  authorizationURL: string
  tokenURL: string
  clientID: string
  callbackURL?: string | undefined
  scope?: string | undefined
}

/** What our own stores keep, and hand back as a fourth value of `verify`'s callback. */
export interface SignIn {
  verifier: string
  state?: unknown
  callbackURL?: string | undefined
  scope?: string | undefined
}

/** Milliseconds that a person has to come back. */
export const signInLifetime = 10 * 60_000

/** Sign-ins that one browser may have in progress: one more pushes out the oldest. */
export const mostSignIns = 5

type Parameters = unknown[]

/** Hands a sign-in to a store. With a store that keeps no verifier, it is derived from the handle by a secret, so PKCE stays on. */
export async function remember(store: StateStore, req: AnyRequest, signIn: SignIn, meta: StateMeta, secret: string | undefined) {
  const { verifier, state } = signIn
  const call = store.store.bind(store) as (...args: Parameters) => unknown
  const byArity: Record<number, Parameters> = { 2: [req], 3: [req, meta], 4: [req, state, meta] }
  const args = byArity[store.store.length] ?? [req, verifier, state, meta]
  const [handle] = await settle((done) => call(...args, done))
  if (typeof handle !== 'string' || handle === '') throw new TypeError('the state store did not answer with a handle')
  return { handle, verifier: keepsVerifier(store) ? verifier : derivedVerifier(handle, secret) }
}

/**
 * Gets a sign-in back from a store, which forgets it.
 *
 * @throws {SignInFailure} where the store does not know it
 */
export async function recall(
  store: StateStore,
  req: AnyRequest,
  handle: string,
  meta: StateMeta,
  secret: string | undefined,
): Promise<SignIn> {
  const call = store.verify.bind(store) as (...args: Parameters) => unknown
  const answer = await settle((done) => (store.verify.length === 3 ? call(req, handle, done) : call(req, handle, meta, done)))
  const [ok, state, kept] = answer.length === 1 && typeof answer[0] === 'object' ? promised(answer[0]) : answer
  if (!ok) {
    throw new SignInFailure(
      {
        code: 'state_unknown',
        message: 'The state store does not know this sign-in. Begin it again.',
        ...Object(state),
      },
      403,
    )
  }
  if (keepsVerifier(store) && typeof ok !== 'string') throw new TypeError('the state store did not answer with the code verifier')
  return { ...Object(kept), state, verifier: keepsVerifier(store) ? String(ok) : derivedVerifier(handle, secret) }
}

function promised(answer: unknown): unknown[] {
  const { ok, state } = Object(answer) as { ok?: unknown; state?: unknown }
  return [ok, state]
}

export function keepsVerifier(store: StateStore): boolean {
  return store.store.length < 2 || store.store.length > 4
}

function derivedVerifier(handle: string, secret = ''): string {
  return createHmac('sha256', secret).update(`code verifier of ${handle}`).digest('base64url')
}

let latestTime = 0

/** The state: when the sign-in began, in milliseconds, and 128 random bits. By the time the oldest is found, and what happened to a sign-in that is gone. */
export function newHandle(): string {
  const now = Date.now()
  // two in one millisecond keep their order; a clock that was set back does not count for two
  latestTime = latestTime - now > 1000 ? now : Math.max(now, latestTime + 1)
  return `${latestTime.toString(36)}.${randomBytes(16).toString('base64url')}`
}

export function isHandle(handle: string): boolean {
  return /^[0-9a-z]{1,9}\.[\w-]{22}$/.test(handle)
}

export function hasExpired(handle: string): boolean {
  return Date.now() - Number.parseInt(handle, 36) > signInLifetime
}

/** Why a sign-in is not there, for the `info` of a failure. */
export function whyGone(
  handle: string,
  others: number,
  used: boolean,
  req: AnyRequest,
  meta: StateMeta,
  kind: 'cookie' | 'session',
): SignInFailure {
  const because = (code: SignInFailureCode, message: string) => refused(code, `${message} Begin the sign-in again.`)
  if (!isHandle(handle)) return because('state_unknown', 'The callback belongs to no sign-in that this app began.')
  if (used) return because('state_used', 'This sign-in is done already: the page was reloaded, or opened a second time.')
  if (hasExpired(handle)) return because('state_expired', `The sign-in took longer than ${signInLifetime / 60_000} minutes.`)
  if (others > 0) {
    return because('state_unknown', 'This browser did not begin this sign-in, or has begun more than five since.')
  }
  return because('state_lost', `No ${kind} of the sign-in came back with the callback: ${likelyCause(req, meta)}.`)
}

function likelyCause(req: AnyRequest, { callbackURL }: StateMeta): string {
  const origin = originOf(req, true)
  if (!origin || !callbackURL || !URL.canParse(callbackURL)) {
    return 'the sign-in was begun in another browser, or the browser keeps no cookies'
  }
  const [actual, expected] = [new URL(origin), new URL(callbackURL)]
  if (expected.protocol === 'https:' && actual.protocol === 'http:') {
    return 'the cookie is Secure, but this server is reached over http; use https, or tell the framework to trust the proxy that ends TLS'
  }
  if (expected.host !== actual.host) {
    return `this request was sent to ${actual.host}, but the callback URL names ${expected.host}; open the app there`
  }
  return `the sign-in was begun in another browser, or on another host name than ${expected.host}, or the browser blocks cookies`
}

/** Answers passport-oauth2's callback from a promise. */
export function answer(work: Promise<SignIn | string>, done: Done): void {
  work.then(
    (value) =>
      typeof value === 'string'
        ? done(null, value)
        : done(null, value.verifier, value.state, { callbackURL: value.callbackURL, scope: value.scope }),
    (error) => (error instanceof SignInFailure ? done(null, false, error.info as SignInFailureInfo) : done(error)),
  )
}
