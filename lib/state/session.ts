import type { HostRequest } from '../framework'
import {
  checkHandle,
  checkMaxAge,
  excess,
  isExpired,
  isHandle,
  newHandle,
  notFound,
  type SignIn,
  type SignInStore,
} from './store'

export interface SessionStateStoreOptions {
  /** The property of `req.session` that keeps the sign-ins. Default `huggingface:sign-ins`. */
  key?: string | undefined
  /** How long a person has to come back from the Hub, in milliseconds. Default one hour. */
  maxAge?: number | undefined
}

/** Maximum size of all of them together, in characters: some sessions are a cookie of 4096 bytes. */
const maxTotalSize = 2048

/** Keeps sign-ins in progress in `req.session`, for hosts whose response cannot be reached. */
export class SessionStateStore implements SignInStore {
  /** @internal */
  private readonly key: string
  /** @internal */
  private readonly maxAge: number

  constructor({ key = 'huggingface:sign-ins', maxAge }: SessionStateStoreOptions = {}) {
    this.key = key
    this.maxAge = checkMaxAge(maxAge)
  }

  /** Called by the strategy. */
  async save(req: HostRequest, signIn: SignIn): Promise<string> {
    const handle = newHandle()
    const signIns = this.read(req)
    const old = excess(signIns, maxTotalSize - JSON.stringify(signIn).length)
    for (const each of old) signIns.delete(each)
    this.write(req, signIns.set(handle, signIn))
    return handle
  }

  /** Called by the strategy. */
  async take(req: HostRequest, handle: string): Promise<SignIn> {
    const signIns = this.read(req)
    checkHandle(handle, this.maxAge)
    const signIn = signIns.get(handle)
    if (!signIn) throw notFound(req, signIns.size)
    signIns.delete(handle)
    this.write(req, signIns)
    return signIn
  }

  /** @internal */
  private read(req: HostRequest): Map<string, SignIn> {
    if (!req.session) {
      throw new Error('there is no req.session; use the session middleware before passport')
    }
    const signIns = Object(req.session[this.key]) as Record<string, SignIn>
    const isFresh = (handle: string) => isHandle(handle) && !isExpired(handle, this.maxAge)
    return new Map(Object.entries(signIns).filter(([handle]) => isFresh(handle)))
  }

  /** Assigns a new object: some session stores do not notice a change inside the old one. @internal */
  private write(req: HostRequest, signIns: Map<string, SignIn>): void {
    if (req.session) req.session[this.key] = Object.fromEntries(signIns)
  }
}
