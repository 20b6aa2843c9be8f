import { createHash } from 'node:crypto'

/** Someone who can sign in on the local Hub. */
export interface Person {
  username: string
  /** Default: derived from the username. It stays the same if that changes. */
  sub?: string
  name?: string | null
  email?: string | null
  /** Default: `true` if there is an address. */
  emailVerified?: boolean
  website?: string | null
  isPro?: boolean
  /** Returned to apps with `read-billing`. */
  canPay?: boolean
  orgs?: readonly Organization[]
  /** The scopes this person grants at most. Default: all that an app asks for. */
  grant?: readonly string[]
  /** More fields of the userinfo response, or others in place of those above. */
  claims?: Readonly<Record<string, unknown>>
}

/** An organization of a {@link Person}. */
export interface Organization {
  username: string
  sub?: string
  name?: string
  plan?: string
  /** Returned to apps with `read-memberships`, or that were granted this organization. */
  role?: string
}

/** A {@link Person} as the local Hub knows them, with every `sub` filled in. */
export type Resident = Omit<Person, 'orgs'> & { sub: string; orgs: ResidentOrganization[] }
export type ResidentOrganization = Organization & { sub: string }

export function toResident(person: Person, index: number, people: readonly Person[]): Resident {
  const withSub = (org: Organization) => ({ sub: stableId(`org ${org.username}`), ...org })
  const { username, sub = stableId(`person ${username}`), orgs = [] } = person
  const isTaken = people.slice(0, index).some((other) => other.username === username)
  if (isTaken) throw new TypeError(`two people have the username ${username}`)
  return { ...person, sub, orgs: orgs.map(withSub) }
}

const stableId = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 24)

export const defaultPeople: readonly Person[] = [
  {
    username: 'ada',
    name: 'Ada Moreno',
    email: 'ada@example.com',
    website: 'https://ada.example',
    isPro: true,
    canPay: true,
    orgs: [
      { username: 'tidal-labs', name: 'Tidal Labs', plan: 'enterprise', role: 'admin' },
      { username: 'open-atlas', name: 'Open Atlas', plan: 'team', role: 'write' },
      { username: 'lakeside', name: 'Lakeside University', plan: 'academia', role: 'read' },
      { username: 'quartz-bank', name: 'Quartz Bank', plan: 'plus', role: 'contributor' },
      { username: 'friends-of-llamas', name: 'Friends of Llamas', role: 'read' },
    ],
  },
  {
    username: 'bo',
    name: 'Bo Lindqvist',
    email: 'bo@example.com',
    orgs: [
      { username: 'tidal-labs', name: 'Tidal Labs', plan: 'enterprise', role: 'contributor' },
      { username: 'open-atlas', name: 'Open Atlas', plan: 'team', role: 'admin' },
    ],
  },
  { username: 'chidi', name: 'Chidi Okafor', email: 'chidi@example.com', emailVerified: false },
  { username: 'dana', name: 'Dana Whitfield', email: null, website: 'https://dana.example' },
  { username: 'emi' },
]

export const avatarURL = (hubURL: string, username: string): string =>
  `${hubURL}/avatars/${encodeURIComponent(username)}.svg`

/** The claims that ID token and userinfo have in common. What is not set is absent in JSON. */
export function identityClaims(hubURL: string, person: Resident, scopes: readonly string[]) {
  const { sub, username, name = username, website, email, emailVerified = email !== null } = person
  const picture = avatarURL(hubURL, username)
  const profile = `${hubURL}/${encodeURIComponent(username)}`
  const about = { name, preferred_username: username, profile, picture, website }
  const contact = email !== undefined && { email, email_verified: emailVerified }
  return { sub, ...(scopes.includes('profile') && about), ...(scopes.includes('email') && contact) }
}

/** The userinfo response. `granted` has the `sub` of the organizations granted to the app. */
export function userinfoClaims(
  hubURL: string,
  person: Resident,
  scopes: readonly string[],
  granted: readonly string[],
): object {
  const { isPro = false, canPay = false, claims } = person
  const billing = scopes.includes('read-billing') && { canPay }
  const orgs = person.orgs.map(({ username, role, ...org }) => {
    const picture = avatarURL(hubURL, username)
    const identity = { name: username, picture, preferred_username: username, ...org }
    const seesRole = granted.includes(org.sub) || scopes.includes('read-memberships')
    return { ...identity, ...(seesRole && { roleInOrg: role }) }
  })
  return { ...identityClaims(hubURL, person, scopes), isPro, ...billing, orgs, ...claims }
}
