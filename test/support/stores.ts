import { randomUUID } from 'node:crypto'
import { CookieStateStore, SessionStateStore, type StateStore } from '../../lib'

/** passport-oauth2's own, which keeps the code verifier in the session. */
export function pkceSessionStore(): StateStore {
  const Store = require('passport-oauth2/lib/state/pkcesession')
  return new Store({ key: 'oauth2:hub' })
}

interface Row {
  verifier: string
  state: unknown
  browser: unknown
}
type RequestWithSession = { session: Record<string, unknown> }

/** As an app may write one over its own database, bound to the browser by its session. It calls back later. */
export function databaseStore(): StateStore {
  const rows = new Map<string, Row>()
  return {
    async store(req, verifier, state, _meta, done) {
      const { session } = req as unknown as RequestWithSession
      session['browser'] ??= randomUUID()
      const handle = randomUUID()
      rows.set(handle, { verifier, state: JSON.parse(JSON.stringify(state)), browser: session['browser'] })
      setImmediate(done, null, handle)
    },
    async verify(req, handle, _meta, done) {
      const row = rows.get(handle)
      if (row?.browser !== (req as unknown as RequestWithSession).session['browser']) return void setImmediate(done, null, false)
      rows.delete(handle)
      setImmediate(done, null, row?.verifier ?? false, row?.state)
    },
  }
}

/** Every kind of store that a strategy can have. */
export const storeKinds: [name: string, make: () => CookieStateStore | SessionStateStore | StateStore][] = [
  ['cookies', () => new CookieStateStore({ secret: 'a secret' })],
  ['the session', () => new SessionStateStore()],
  ["passport-oauth2's session store", pkceSessionStore],
  ["the app's database", databaseStore],
]
