import { CookieStateStore, type HuggingFaceStrategyOptions, SessionStateStore, type StateStore } from '../../lib'
import { Person, secureCallback } from './person'
import { startRawHub, strategyFor } from './sign-in'

/** passport-oauth2's own, which keeps the code verifier in the session. */
const PkceSessionStore: new (options: object) => StateStore = require('passport-oauth2/lib/state/pkcesession')

/** Every kind of store that a strategy can have. */
export const storeKinds: [name: string, make: () => CookieStateStore | SessionStateStore | StateStore][] = [
  ['cookies', () => new CookieStateStore({ secret: 'a secret' })],
  ['the session', () => new SessionStateStore()],
  ["passport-oauth2's session store", () => new PkceSessionStore({ key: 'oauth2:hub' })],
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
