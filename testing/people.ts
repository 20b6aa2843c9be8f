import { createHash } from 'node:crypto'

/** Somebody who can sign in at the local Hub. Only `username` is needed. */
export interface Person {
  /** The Hub's `preferred_username`. It can change; `sub` cannot. */
  username: string
  /** The Hub's id of the account: 24 hexadecimal digits. Default: derived from the username. */
  sub?: string
  /** Full name. Default: the username; `null` answers null, as some identity providers do. */
  name?: string | null
  /** Default: none. */
  email?: string | null
  /** Default: `true` when there is an address. */
  emailVerified?: boolean
  /** Address of the avatar. Default: one drawn by the local Hub. */
  picture?: string | null
  website?: string | null
  isPro?: boolean
  /** Seen by apps that were granted `read-billing`. */
  canPay?: boolean
  /** Seen by apps that were granted `read-billing`. */
  billingMode?: 'prepaid' | 'postpaid'
  hardwareItems?: readonly Record<string, unknown>[]
  orgs?: readonly Organization[]
  /** More fields of the userinfo answer, or other values for those above; sent as they are. */
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
  /** Default: one drawn by the local Hub. */
  picture?: string
  /** `team`, `enterprise`, `plus`, `academia`, or one that is not known yet. Default: none. */
  plan?: string
  /** `admin`, `write`, `contributor`, `read`, `no_access`. Seen by apps the organization was granted to. */
  role?: string
  /** Seen by apps that were granted `read-billing` and the organization. */
  canPay?: boolean
  billingMode?: 'prepaid' | 'postpaid'
  securityRestrictions?: readonly string[]
  /** Seen by apps the organization was granted to. */
  resourceGroups?: readonly { sub: string; name: string; role: string }[]
}

/** A {@link Person} with every `sub` filled in, as the local Hub knows them. */
export type Resident = Omit<Person, 'orgs'> & { sub: string; orgs: (Organization & { sub: string })[] }

export function toResident(person: Person): Resident {
  return {
    ...person,
    sub: person.sub ?? stableId(`person ${person.username}`),
    orgs: (person.orgs ?? []).map((org) => ({ ...org, sub: org.sub ?? stableId(`org ${org.username}`) })),
  }
}

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
        username: 'tidal-labs',
        name: 'Tidal Labs',
        plan: 'enterprise',
        role: 'admin',
        canPay: true,
        billingMode: 'postpaid',
        resourceGroups: [{ sub: '65f000000000000000000a01', name: 'research', role: 'admin' }],
      },
      { username: 'open-atlas', name: 'Open Atlas', plan: 'team', role: 'write' },
      { username: 'lakeside-university', name: 'Lakeside University', plan: 'academia', role: 'read' },
      {
        username: 'quartz-bank',
        name: 'Quartz Bank',
        plan: 'plus',
        role: 'contributor',
        securityRestrictions: ['mfa', 'sso'],
      },
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

/** 24 hexadecimal digits, the same for the same words on every day and machine. */
function stableId(words: string): string {
  return createHash('sha256').update(words).digest('hex').slice(0, 24)
}

export function profileURL(hubURL: string, username: string): string {
  return `${hubURL}/${encodeURIComponent(username)}`
}

export function avatarURL(hubURL: string, username: string): string {
  return `${hubURL}/avatars/${encodeURIComponent(username)}.svg`
}

type Claims = Record<string, unknown>

/** The claims that the ID token and userinfo have in common. */
export function identityClaims(hubURL: string, person: Resident, scopes: ReadonlySet<string>): Claims {
  const claims: Claims = { sub: person.sub }
  if (scopes.has('profile')) {
    claims['name'] = person.name === undefined ? person.username : person.name
    claims['preferred_username'] = person.username
    claims['profile'] = profileURL(hubURL, person.username)
    claims['picture'] = person.picture === undefined ? avatarURL(hubURL, person.username) : person.picture
    // Absent when the person has none, as at the real Hub.
    if (person.website !== undefined) {
      claims['website'] = person.website
    }
  }
  if (scopes.has('email') && person.email !== undefined) {
    claims['email'] = person.email
    claims['email_verified'] = person.emailVerified ?? person.email !== null
  }
  return claims
}

/** The userinfo answer. `granted` are the organizations that the person gave the app access to. */
export function userinfoClaims(hubURL: string, person: Resident, scopes: ReadonlySet<string>, granted: ReadonlySet<string>): Claims {
  const billing = scopes.has('read-billing')
  const claims = identityClaims(hubURL, person, scopes)
  if (scopes.has('profile') && person.hardwareItems !== undefined) {
    claims['hardwareItems'] = person.hardwareItems
  }
  claims['isPro'] = person.isPro ?? false
  if (billing) {
    claims['canPay'] = person.canPay ?? false
    if (person.billingMode !== undefined) {
      claims['billingMode'] = person.billingMode
    }
  }
  claims['orgs'] = person.orgs.map((org) => {
    const isGranted = granted.has(org.sub)
    return withoutUndefined({
      sub: org.sub,
      name: org.name ?? org.username,
      picture: org.picture ?? avatarURL(hubURL, org.username),
      preferred_username: org.username,
      plan: org.plan,
      canPay: billing && isGranted ? (org.canPay ?? false) : undefined,
      billingMode: billing && isGranted ? org.billingMode : undefined,
      roleInOrg: isGranted || scopes.has('read-memberships') ? org.role : undefined,
      securityRestrictions: org.securityRestrictions,
      resourceGroups: isGranted ? org.resourceGroups : undefined,
    })
  })
  return { ...claims, ...person.claims }
}

function withoutUndefined(claims: Claims): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))
}
