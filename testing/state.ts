import type { Client } from './clients'
import type { Faults } from './faults'
import type { Resident } from './people'
import type { Store } from './store'

/** What lives as long as the Hub, longer than one oidc-provider: a new set of keys takes a new one. */
export interface HubState {
  readonly url: string
  readonly people: Resident[]
  readonly clients: readonly Client[]
  readonly store: Store
  readonly consents: Consents
  readonly clientMetadata: ((clientID: string) => object | Promise<object>) | undefined
  faults: Faults
}

/** Remembers who let which app have which scopes, and which organizations went with it. */
export class Consents {
  readonly #byRequest = new Map<string, ReadonlySet<string>>()
  readonly #byGrant = new Map<string, ReadonlySet<string>>()

  /** The organizations granted when the same was asked before; undefined when it never was. */
  recall(accountId: string, clientID: string, scopes: ReadonlySet<string>): ReadonlySet<string> | undefined {
    return this.#byRequest.get(requestKey(accountId, clientID, scopes))
  }

  remember(accountId: string, clientID: string, scopes: ReadonlySet<string>, orgs: ReadonlySet<string>): void {
    this.#byRequest.set(requestKey(accountId, clientID, scopes), orgs)
  }

  /** Every grant keeps the organizations of the moment it was made. */
  bind(grantId: string, orgs: ReadonlySet<string>): void {
    this.#byGrant.set(grantId, orgs)
  }

  orgsOf(grantId: string): ReadonlySet<string> {
    return this.#byGrant.get(grantId) ?? new Set()
  }
}

function requestKey(accountId: string, clientID: string, scopes: ReadonlySet<string>): string {
  return JSON.stringify([accountId, clientID, [...scopes].sort()])
}
