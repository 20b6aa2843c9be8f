import type { AnyRequest } from '../request'
import type { Done } from '../settle'
import { answer, hasExpired, isHandle, mostSignIns, newHandle, type SignIn, type StateMeta, type StateStore, whyGone } from './store'

export interface SessionStateStoreOptions {
  /** Where in `req.session` the sign-ins are kept. Default `huggingface:sign-ins`. */
  key?: string | undefined
}

/** A sign-in, and whose it is; once used, only that. */
interface Entry extends Partial<SignIn> {
  hub: string
  used?: true
}

/** Keeps sign-ins in progress in `req.session`, for hosts whose response cannot be reached from the request (Fastify). */
export class SessionStateStore implements StateStore {
  private readonly key: string

  constructor({ key = 'huggingface:sign-ins' }: SessionStateStoreOptions = {}) {
    this.key = key
  }

  store(req: AnyRequest, verifier: string, state: unknown, meta: StateMeta, done: Done): void {
    const begin = async () => {
      const handle = newHandle()
      // a handle begins with its time, so the oldest comes first
      const entries = Object.entries(this.read(req)).sort(([a], [b]) => (a < b ? -1 : 1))
      const used = entries.filter(([, entry]) => entry.used).slice(-mostSignIns)
      const inProgress = entries.filter(([, entry]) => !entry.used).slice(-(mostSignIns - 1))
      const entry: Entry = { hub: hubOf(meta), verifier, state, callbackURL: meta.callbackURL, scope: meta.scope }
      this.write(req, [...used, ...inProgress, [handle, entry]])
      return handle
    }
    answer(begin(), done)
  }

  verify(req: AnyRequest, handle: string, meta: StateMeta, done: Done): void {
    const finish = async () => {
      const entries = this.read(req)
      const entry = Object.hasOwn(entries, handle) ? entries[handle] : undefined
      const { hub, used, verifier, ...rest } = entry ?? ({} as Entry)
      if (hub !== hubOf(meta) || !verifier) throw whyGone(handle, Object.keys(entries).length, used === true, req, meta, 'session')
      this.write(req, Object.entries({ ...entries, [handle]: { hub, used: true } satisfies Entry }))
      return { verifier, ...rest }
    }
    answer(finish(), done)
  }

  private read(req: AnyRequest): Record<string, Entry> {
    if (!req.session) {
      throw new Error('there is no req.session to keep the sign-in in; put the session middleware before passport.authenticate')
    }
    const entries = Object.entries(Object(req.session[this.key]) as Record<string, Entry>)
    return Object.fromEntries(entries.filter(([handle]) => isHandle(handle) && !hasExpired(handle)))
  }

  /** Assigns anew: some session stores do not notice a change inside. */
  private write(req: AnyRequest, entries: [string, Entry][]): void {
    if (req.session) req.session[this.key] = Object.fromEntries(entries)
  }
}

function hubOf({ authorizationURL, clientID }: StateMeta): string {
  return `${authorizationURL} ${clientID}`
}
