import type { HostRequest } from '../framework'
import {
  beganAt,
  defaultMaxAge,
  isExpired,
  isHandle,
  maxSignIns,
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

/** How many characters older sign-ins may take up: some sessions are a cookie of 4096 bytes. */
const maxTotalSize = 2048

/** Keeps sign-ins in progress in `req.session`, for hosts whose response cannot be reached. */
export class SessionStateStore implements SignInStore {
  /** @internal */
  private readonly key: string
  /** @internal */
  private readonly maxAge: number

  constructor(options: SessionStateStoreOptions = {}) {
    this.key = options.key ?? 'huggingface:sign-ins'
    this.maxAge = options.maxAge ?? defaultMaxAge
  }

  /** Called by the strategy. */
  async save(req: HostRequest, signIn: SignIn): Promise<string> {
    const handle = newHandle()
    const newestFirst = this.read(req).sort(([a], [b]) => beganAt(b) - beganAt(a))
    let size = JSON.stringify(signIn).length
    const kept = newestFirst.slice(0, maxSignIns - 1).filter(([, other]) => {
      size += JSON.stringify(other).length
      return size <= maxTotalSize
    })
    this.write(req, [...kept, [handle, signIn]])
    return handle
  }

  /** Called by the strategy. */
  async take(req: HostRequest, handle: string): Promise<SignIn> {
    const entries = this.read(req)
    const [, signIn] = entries.find(([each]) => each === handle) ?? []
    if (!signIn) throw notFound(handle, this.maxAge, entries.length)
    this.write(
      req,
      entries.filter(([each]) => each !== handle),
    )
    return signIn
  }

  /** @internal */
  private read(req: HostRequest): [handle: string, signIn: SignIn][] {
    if (!req.session) {
      throw new Error(
        'there is no req.session; put the session middleware before passport.authenticate',
      )
    }
    const entries = Object.entries(Object(req.session[this.key]) as Record<string, SignIn>)
    return entries.filter(([handle]) => isHandle(handle) && !isExpired(handle, this.maxAge))
  }

  /** Assigns a new object: some session stores do not notice a change inside the old one. @internal */
  private write(req: HostRequest, entries: [string, SignIn][]): void {
    if (req.session) req.session[this.key] = Object.fromEntries(entries)
  }
}
