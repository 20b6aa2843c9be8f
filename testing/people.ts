import { createHash } from 'node:crypto'

/** Someone who can sign in on the local Hub. Only `username` is required. */
export interface Person {
  /** The Hub's `preferred_username`. It can change; `sub` cannot. */
  username: string
  /** The account's id: 24 hexadecimal digits. Default: derived from the username. */
  sub?: string
  /** Full name. Default: the username. */
  name?: string | null
  /** Default: none. */
  email?: string | null
  /** Default: `true` if there is an address. */
  emailVerified?: boolean
  /** URL of the avatar. Default: one drawn by the local Hub. */
  picture?: string | null
  website?: string | null
  isPro?: boolean
  /** Returned to apps with `read-billing`. */
  canPay?: boolean
  /** Returned to apps with `read-billing`. */
  billingMode?: 'prepaid' | 'postpaid'
  hardwareItems?: readonly Record<string, unknown>[]
  orgs?: readonly Organization[]
  /** The scopes this person grants at most. Default: all that an app asks for. */
  grant?: readonly string[]
  /** Added to the userinfo response as they are, or in place of the fields above. */
  claims?: Record<string, unknown>
}

/** An organization of a {@link Person}, with that person's role in it. */
export interface Organization {
  /** The Hub's `preferred_username`. */
  username: string
  /** Default: derived from the username. */
  sub?: string
  /** Default: the username. */
  name?: string
  /** URL of the logo. Default: one drawn by the local Hub. */
  picture?: string
  /** `team`, `enterprise`, `plus` or `academia`, for example. Default: none. */
  plan?: string
  /**
   * `admin`, `write`, `contributor`, `read` or `no_access`, for example. Returned to apps with
   * `read-memberships`, and to those that the person granted this organization to.
   */
  role?: string
  /** Returned to apps with `read-billing` that were granted this organization. */
  canPay?: boolean
  /** Returned to apps with `read-billing` that were granted this organization. */
  billingMode?: 'prepaid' | 'postpaid'
  securityRestrictions?: readonly string[]
  /** Returned to apps that were granted this organization. */
  resourceGroups?: readonly { sub: string; name: string; role: string }[]
}

/** A {@link Person} as the local Hub knows them, with every `sub` filled in. */
export type Resident = Omit<Person, 'orgs'> & { sub: string; orgs: ResidentOrganization[] }

export type ResidentOrganization = Organization & { sub: string }

export function toResidents(people: readonly Person[]): Resident[] {
  const names = new Set<string>()
  return people.map((person) => {
    const { username, orgs = [] } = person
    if (names.has(username)) {
      throw new TypeError(`startHub got two people with the username ${username}`)
    }
    names.add(username)
    return {
      ...person,
      sub: person.sub ?? stableId(`person ${username}`),
      orgs: orgs.map((org) => ({ ...org, sub: org.sub ?? stableId(`org ${org.username}`) })),
    }
  })
}

function stableId(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24)
}

const tidalLabs = { username: 'tidal-labs', name: 'Tidal Labs', plan: 'enterprise' }
const openAtlas = { username: 'open-atlas', name: 'Open Atlas', plan: 'team' }
const lakeside = { username: 'lakeside-university', name: 'Lakeside University', plan: 'academia' }
const quartz = { username: 'quartz-bank', name: 'Quartz Bank', plan: 'plus' }

export const defaultPeople: readonly Person[] = [
  {
    username: 'ada',
    name: 'Ada Moreno',
    email: 'ada@example.com',
    website: 'https://ada.example',
    isPro: true,
    canPay: true,
    billingMode: 'postpaid',
    hardwareItems: [{ sku: ['GPU', 'NVIDIA', 'RTX 4090'], mem: 24, num: 1, isPrimary: true }],
    orgs: [
      {
        ...tidalLabs,
        role: 'admin',
        canPay: true,
        billingMode: 'postpaid',
        resourceGroups: [{ sub: '65f000000000000000000a01', name: 'research', role: 'admin' }],
      },
      { ...openAtlas, role: 'write' },
      { ...lakeside, role: 'read' },
      { ...quartz, role: 'contributor', securityRestrictions: ['mfa', 'sso'] },
      { username: 'friends-of-llamas', name: 'Friends of Llamas', role: 'read' },
    ],
  },
  {
    username: 'bo',
    name: 'Bo Lindqvist',
    email: 'bo@example.com',
    orgs: [
      { ...tidalLabs, role: 'contributor' },
      { ...openAtlas, role: 'admin' },
    ],
  },
  { username: 'chidi', name: 'Chidi Okafor', email: 'chidi@example.com', emailVerified: false },
  { username: 'dana', name: 'Dana Whitfield', email: null, website: 'https://dana.example' },
  { username: 'emi' },
]

export function avatarURL(hubURL: string, username: string): string {
  return `${hubURL}/avatars/${encodeURIComponent(username)}.svg`
}

type Claims = Record<string, unknown>

/** The claims that ID token and userinfo have in common. As on the Hub, absent if not set. */
export function identityClaims(
  hubURL: string,
  person: Resident,
  scopes: ReadonlySet<string>,
): Claims {
  const { sub, username, name = username, email, emailVerified = email !== null } = person
  const { picture = avatarURL(hubURL, username), website } = person
  return withoutUndefined({
    sub,
    ...(scopes.has('profile') && {
      name,
      preferred_username: username,
      profile: `${hubURL}/${encodeURIComponent(username)}`,
      picture,
      website,
    }),
    ...(scopes.has('email') && email !== undefined && { email, email_verified: emailVerified }),
  })
}

/** The userinfo response. `granted` has the `sub` of the organizations granted to the app. */
export function userinfoClaims(
  hubURL: string,
  person: Resident,
  scopes: ReadonlySet<string>,
  granted: ReadonlySet<string>,
): Claims {
  const seesBilling = scopes.has('read-billing')
  const orgs = person.orgs.map((org) => {
    const isGranted = granted.has(org.sub)
    return withoutUndefined({
      sub: org.sub,
      name: org.name ?? org.username,
      picture: org.picture ?? avatarURL(hubURL, org.username),
      preferred_username: org.username,
      plan: org.plan,
      ...(isGranted &&
        seesBilling && { canPay: org.canPay ?? false, billingMode: org.billingMode }),
      ...((isGranted || scopes.has('read-memberships')) && { roleInOrg: org.role }),
      securityRestrictions: org.securityRestrictions,
      ...(isGranted && { resourceGroups: org.resourceGroups }),
    })
  })
  return withoutUndefined({
    ...identityClaims(hubURL, person, scopes),
    ...(scopes.has('profile') && { hardwareItems: person.hardwareItems }),
    isPro: person.isPro ?? false,
    ...(seesBilling && { canPay: person.canPay ?? false, billingMode: person.billingMode }),
    orgs,
    ...person.claims,
  })
}

function withoutUndefined(claims: Claims): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))
}
