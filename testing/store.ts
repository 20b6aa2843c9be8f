/** What oidc-provider keeps: codes, tokens, grants, sessions. One store for each Hub, so that Hubs share nothing. */
export class Store {
  readonly entries = new Map<string, Entry>()
  readonly sessions = new Map<string, string>()
  readonly grants = new Map<string, Set<string>>()
  readonly #codesAreExpired: () => boolean

  constructor(codesAreExpired: () => boolean) {
    this.#codesAreExpired = codesAreExpired
  }

  /** The adapter of one oidc-provider model, in the form its documentation asks for. */
  adapter(model: string): object {
    const { entries, sessions, grants } = this
    const find = async (id: string): Promise<Payload | undefined> => {
      if (model === 'AuthorizationCode' && this.#codesAreExpired()) {
        return undefined
      }
      const entry = entries.get(`${model}:${id}`)
      return entry !== undefined && entry.expires > Date.now() ? entry.payload : undefined
    }
    return {
      find,
      async findByUid(uid: string) {
        const id = sessions.get(uid)
        return id === undefined ? undefined : find(id)
      },
      async findByUserCode() {
        return undefined
      },
      async upsert(id: string, payload: Payload, expiresIn?: number) {
        const key = `${model}:${id}`
        entries.set(key, { payload, expires: Date.now() + (expiresIn ?? Number.POSITIVE_INFINITY) * 1000 })
        if (model === 'Session' && payload.uid !== undefined) {
          sessions.set(payload.uid, id)
        }
        if (model !== 'Grant' && payload.grantId !== undefined) {
          const keys = grants.get(payload.grantId)
          if (keys === undefined) {
            grants.set(payload.grantId, new Set([key]))
          } else {
            keys.add(key)
          }
        }
      },
      async consume(id: string) {
        const entry = entries.get(`${model}:${id}`)
        if (entry !== undefined) {
          entry.payload.consumed = Math.floor(Date.now() / 1000)
        }
      },
      async destroy(id: string) {
        const key = `${model}:${id}`
        const { payload } = entries.get(key) ?? {}
        entries.delete(key)
        // A session that gets a new id keeps its uid: only the latest id may take the uid with it.
        if (payload?.uid !== undefined && sessions.get(payload.uid) === id) {
          sessions.delete(payload.uid)
        }
      },
      async revokeByGrantId(grantId: string) {
        for (const key of grants.get(grantId) ?? []) {
          entries.delete(key)
        }
        grants.delete(grantId)
      },
    }
  }
}

interface Entry {
  readonly payload: Payload
  readonly expires: number
}

interface Payload {
  readonly uid?: string
  readonly grantId?: string
  consumed?: number
}
