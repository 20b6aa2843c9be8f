import type { Adapter, AdapterPayload } from 'oidc-provider' with { 'resolution-mode': 'import' }

/** Keeps codes, tokens, grants and sessions, which oidc-provider would share among all Hubs. */
export function createStore(): (model: string) => Adapter {
  const entries = new Map<string, AdapterPayload>()
  return (model) => {
    const find = async (id: string) => entries.get(`${model} ${id}`)
    return {
      find,
      findByUid: find,
      findByUserCode: find,
      async upsert(id, payload) {
        entries.set(`${model} ${id}`, payload)
        if (payload.uid) entries.set(`${model} ${payload.uid}`, payload)
      },
      async consume(id) {
        Object.assign(entries.get(`${model} ${id}`) ?? {}, { consumed: true })
      },
      async destroy(id) {
        entries.delete(`${model} ${id}`)
      },
      async revokeByGrantId(grantId) {
        for (const [key, payload] of entries) if (payload.grantId === grantId) entries.delete(key)
      },
    }
  }
}
