import { randomUUID } from 'node:crypto'
import { CookieStateStore, type HuggingFaceStrategyOptions, SessionStateStore, type StateStore } from '../../lib'
import { Person, secureCallback } from './person'
import { startRawHub, strategyFor } from './sign-in'

/** passport-oauth2's own, which keeps the code verifier in the session. */
const PkceSessionStore: new (options: object) => StateStore = require('passport-oauth2/lib/state/pkcesession')

/** As an app may write one over its own database, bound to the browser by its session. It calls back later. */
function databaseStore(): StateStore {
  const rows = new Map<string, { verifier: string; state: unknown; browser: unknown }>()
  const sessionOf = (req: object) => (req as { session: Record<string, unknown> }).session
  return {
    async store(req, verifier, state, _meta, done) {
      const session = sessionOf(req)
      session['browser'] ??= randomUUID()
      const handle = randomUUID()
      rows.set(handle, { verifier, state: JSON.parse(JSON.stringify(state)), browser: session['browser'] })
      setImmediate(done, null, handle)
    },
    async verify(req, handle, _meta, done) {
      const row = rows.get(handle)
      if (row?.browser !== sessionOf(req)['browser']) return void setImmediate(done, null, false)
      rows.delete(handle)
      setImmediate(done, null, row?.verifier ?? false, row?.state)
    },
  }
}

/** Every kind of store that a strategy can have. */
export const storeKinds: [name: string, make: () => CookieStateStore | SessionStateStore | StateStore][] = [
  ['cookies', () => new CookieStateStore({ secret: 'a secret' })],
  ['the session', () => new SessionStateStore()],
  ["passport-oauth2's session store", () => new PkceSessionStore({ key: 'oauth2:hub' })],
  ["the app's database", databaseStore],
]

/** A strategy that asks nothing of its Hub, since nobody listens there. It begins no lost sign-in again. */
export function strategyWith(options: Partial<HuggingFaceStrategyOptions> = {}) {
  return strategyFor({ url: 'http://127.0.0.1:9' }, { callbackURL: secureCallback, restart: false, ...options }).strategy
}

/** A Hub, a strategy, and somebody with a browser and a session. */
export async function startWith(options: Partial<HuggingFaceStrategyOptions> = {}) {
  const hub = await startRawHub()
  return { hub, person: new Person({}), ...strategyFor(hub, { callbackURL: secureCallback, ...options }) }
}
