import type { Client } from './clients'
import type { Faults } from './faults'
import type { Resident } from './people'
import type { Store } from './store'

/** What outlives one oidc-provider: new signing keys need a new one. */
export interface HubState {
  readonly url: string
  readonly people: Resident[]
  readonly clients: readonly Client[]
  readonly clientMetadata: ((clientID: string) => object | Promise<object>) | undefined
  readonly store: Store
  /** The organizations that a person granted an app, by {@link consentKey}. */
  readonly consents: Map<string, ReadonlySet<string>>
  /** The same by the id of a grant, as they were when it was made. */
  readonly grantedOrgs: Map<string, ReadonlySet<string>>
  faults: Faults
}

/** The Hub asks for consent once for each person, app and set of scopes. */
export function consentKey(sub: string, clientID: string, scopes: ReadonlySet<string>): string {
  return JSON.stringify([sub, clientID, [...scopes].sort()])
}
