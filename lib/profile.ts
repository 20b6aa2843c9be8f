/** A plan, role or restriction as the Hub documents it; others may come and pass through. */
export type Open<Known extends string> = Known | (string & {})

/** What every sign-in yields, from userinfo or from the ID token. */
export interface HuggingFaceIdTokenProfile {
  provider: 'huggingface'
  /** `sub`: the account's identifier, which survives a rename. Key your users by it. */
  id: string
  /** `preferred_username`; scope `profile`. It can be changed by the person. */
  username?: string
  /** `name`: the full name; scope `profile`. */
  displayName?: string
  /** `profile`: the account's page; scope `profile`. */
  profileUrl?: string
  /** Scope `email`. `verified` is true only where the Hub says so. */
  emails?: [{ value: string; verified: boolean }]
  /** `picture`: the avatar's address; scope `profile`. */
  photos?: [{ value: string }]
  /** Scope `profile`; only where the person has given one. */
  website?: string
  /** The Hub's answer as it came, as text. */
  _raw: string
  /** The Hub's answer, parsed; fields that this package does not know are here. */
  _json: Record<string, unknown>
}

/** The profile from userinfo (https://huggingface.co/docs/hub/oauth): what the ID token does not tell comes with it. */
export interface HuggingFaceProfile extends HuggingFaceIdTokenProfile {
  /** Whether the account has a PRO subscription; scope `profile`. */
  isPro?: boolean
  /** Whether the account has a payment method; scope `read-billing`. */
  canPay?: boolean
  /** Organizations; scopes `profile` and `read-memberships`. Absent when the Hub did not tell, which is not the same as none. */
  orgs?: HuggingFaceOrg[]
}

export interface HuggingFaceOrg {
  /** The organization's identifier, which survives a rename. Compare this one. */
  id: string
  username?: string
  displayName?: string
  picture?: string
  plan?: Open<'academia' | 'enterprise' | 'plus' | 'team'>
  /** The person's role; only where the person granted the organization to the app. */
  role?: Open<'admin' | 'contributor' | 'no_access' | 'read' | 'write'>
  /** Scope `read-billing`. */
  canPay?: boolean
  /** What keeps the app from the organization's data. */
  securityRestrictions?: Open<'ip' | 'mfa' | 'sso' | 'token-policy' | 'token-revoked'>[]
  resourceGroups?: {
    id: string
    name?: string
    role?: Open<'admin' | 'contributor' | 'no_access' | 'read' | 'write'>
  }[]
}

/**
 * Userinfo, or the claims of an ID token, as a profile by Passport's contact schema. Only `sub` is required; what is null, empty or of another type than documented is left out.
 *
 * @throws {TypeError} where `sub` is missing
 */
export function readProfile(claims: Record<string, unknown>, raw: string): HuggingFaceProfile {
  const id = text(claims['sub'])
  if (id === undefined) throw new TypeError('the answer has no sub')
  const email = text(claims['email'])
  const picture = webAddress(claims['picture'])
  return {
    provider: 'huggingface',
    id,
    ...present({
      username: text(claims['preferred_username']),
      displayName: text(claims['name']),
      profileUrl: webAddress(claims['profile']),
      emails: email && ([{ value: email, verified: claims['email_verified'] === true }] satisfies HuggingFaceProfile['emails']),
      photos: picture && ([{ value: picture }] satisfies HuggingFaceProfile['photos']),
      website: webAddress(claims['website']),
      isPro: flag(claims['isPro']),
      canPay: flag(claims['canPay']),
      orgs: list(claims['orgs'], readOrg),
    }),
    _raw: raw,
    _json: claims,
  }
}

function readOrg(entry: unknown): HuggingFaceOrg | undefined {
  const org = Object(entry) as Record<string, unknown>
  const id = text(org['sub'])
  if (id === undefined) return undefined
  return {
    id,
    ...present({
      username: text(org['preferred_username']),
      displayName: text(org['name']),
      picture: webAddress(org['picture']),
      plan: text(org['plan']),
      role: text(org['roleInOrg']),
      canPay: flag(org['canPay']),
      securityRestrictions: list(org['securityRestrictions'], text),
      resourceGroups: list(org['resourceGroups'], (group) => {
        const { sub, name, role } = Object(group) as Record<string, unknown>
        const groupId = text(sub)
        return groupId === undefined ? undefined : { id: groupId, ...present({ name: text(name), role: text(role) }) }
      }),
    }),
  }
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined | ''> }

function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function flag(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

function list<T>(value: unknown, read: (entry: unknown) => T | undefined): T[] | undefined {
  return Array.isArray(value) ? value.map(read).filter((entry) => entry !== undefined) : undefined
}

/** Only what is safe as a link or an image: an `href` of another scheme could run code. */
function webAddress(value: unknown): string | undefined {
  const address = text(value)
  return address && /^https?:\/\//i.test(address) && URL.canParse(address) ? address : undefined
}
