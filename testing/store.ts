import type { Adapter, AdapterPayload } from 'oidc-provider' with { 'resolution-mode': 'import' }

/** Keeps codes, tokens, grants and sessions. One for each Hub, so Hubs share nothing. */
export class Store {
  readonly #entries = new Map<string, { payload: AdapterPayload; expires: number }>()
  readonly #idsByUid = new Map<string, string>()

  /** The adapter of one of oidc-provider's models. */
  adapter(model: string): Adapter {
    const entries = this.#entries
    const idsByUid = this.#idsByUid
    const find = async (id: string): Promise<AdapterPayload | undefined> => {
      const entry = entries.get(`${model}:${id}`)
      return entry !== undefined && entry.expires > Date.now() ? entry.payload : undefined
    }
    return {
      find,
      findByUid: async (uid) => find(idsByUid.get(uid) ?? ''),
      async findByUserCode() {},
      async upsert(id, payload, expiresIn = Number.POSITIVE_INFINITY) {
        entries.set(`${model}:${id}`, { payload, expires: Date.now() + expiresIn * 1000 })
        if (model === 'Session' && payload.uid !== undefined) {
          idsByUid.set(payload.uid, id)
        }
      },
      async consume(id) {
        const payload = await find(id)
        if (payload !== undefined) {
          payload.consumed = Math.floor(Date.now() / 1000)
        }
      },
      async destroy(id) {
        entries.delete(`${model}:${id}`)
      },
      async revokeByGrantId(grantId) {
        for (const [key, { payload }] of entries) {
          if (payload.grantId === grantId) {
            entries.delete(key)
          }
        }
      },
    }
  }
}
