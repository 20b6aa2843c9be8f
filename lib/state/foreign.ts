import { fromCallback } from '../callback'
import { assertSignIn } from '../errors'
import type { HostRequest, Request } from '../framework'
import { displayText } from '../hub/display-text'
import type { SignIn, SignInStore } from './store'

/** What a state store is told about a sign-in. */
export interface StateMeta {
  authorizationURL: string
  tokenURL: string
  clientID: string
  callbackURL?: string | undefined
}

/**
 * A state store by passport-oauth2's contract, of the kind that keeps the code verifier. It has to
 * return the verifier and the state unchanged, and only to the browser that began the sign-in.
 */
export interface StateStore {
  /** Keeps a sign-in, and passes its handle to the callback. Declare all five parameters. */
  store(
    req: Request,
    verifier: string,
    state: object,
    meta: StateMeta,
    callback: (error: unknown, handle?: string) => void,
  ): void
  /** Removes a sign-in, and passes its verifier and its state to the callback, or `false`. */
  verify(
    req: Request,
    handle: string,
    meta: StateMeta,
    callback: (error: unknown, verifier?: string | false, state?: unknown) => void,
  ): void
}

/** Keeps sign-ins in a state store that was written for passport-oauth2. */
export class ForeignStore implements SignInStore {
  private readonly store: StateStore
  private readonly meta: StateMeta

  /** @throws {TypeError} if it is no such store */
  constructor(store: StateStore, meta: StateMeta) {
    const { store: save, verify } = Object(store) as Partial<StateStore>
    if (typeof save !== 'function' || save.length < 5 || typeof verify !== 'function') {
      throw new TypeError(
        'HuggingFaceStrategy: store must have the methods verify, and store with five parameters: store(req, verifier, state, meta, callback), which keeps the code verifier of PKCE',
      )
    }
    this.store = store
    this.meta = meta
  }

  async save(req: HostRequest, { verifier, ...state }: SignIn): Promise<string> {
    const meta = { ...this.meta, callbackURL: state.callbackURL }
    const [handle] = await fromCallback((callback) =>
      this.store.store(req as Request, verifier, state, meta, callback),
    )
    if (typeof handle === 'string' && handle !== '') return handle
    throw new TypeError('the state store passed no handle to its callback')
  }

  async take(req: HostRequest, handle: string): Promise<SignIn> {
    const { store, meta } = this
    const verify = store.verify.bind(store) as (...args: unknown[]) => unknown
    const [verifier, state] = await fromCallback((callback) =>
      store.verify.length === 3
        ? verify(req, handle, callback)
        : verify(req, handle, meta, callback),
    )
    const said = displayText(Object(state).message) ?? 'no'
    assertSignIn(verifier, 'state_unknown', `The state store said: ${said}`)
    const { audience, callbackURL, scope, state: appState } = Object(state) as Partial<SignIn>
    const isWhole = [verifier, audience, callbackURL, scope].every(
      (part) => typeof part === 'string',
    )
    if (!isWhole) throw new TypeError('the state store did not return the verifier and the state')
    return { audience, verifier, callbackURL, scope, state: appState } as SignIn
  }
}
