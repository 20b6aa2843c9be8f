/** A value that the Hub documents. Other strings may come, and pass through. */
export type Open<Known extends string> = Known | (string & {})

/** The profile, from userinfo or from the ID token (https://huggingface.co/docs/hub/oauth). */
export interface HuggingFaceProfile {
  provider: 'huggingface'
  /** `sub`: the identifier of the account, which survives a rename. Key your users by it. */
  id: string
  /** `preferred_username`. The person can change it. Scope `profile`. */
  username?: string
  /** `name`: the full name. Scope `profile`. */
  displayName?: string
  /** `profile`: the page of the account. Scope `profile`. */
  profileUrl?: string
  /** Scope `email`. `verified` is true only if the Hub says so. */
  emails?: [{ value: string; verified: boolean }]
  /** `picture`: the URL of the avatar. Scope `profile`. */
  photos?: [{ value: string }]
  /** Only if the person has entered one. Scope `profile`. */
  website?: string
  /** Whether the account has a PRO subscription. Only from userinfo. Scope `profile`. */
  isPro?: boolean
  /** Whether the account has a payment method. Only from userinfo. Scope `read-billing`. */
  canPay?: boolean
  /**
   * Organizations. Only from userinfo. Scope `read-memberships`. Absent if the Hub did not say,
   * which is not the same as none.
   */
  orgs?: HuggingFaceOrg[]
  /** The Hub's response as text. */
  _raw: string
  /** The Hub's response, parsed. It has the fields that this package does not know. */
  _json: Record<string, unknown>
}

/** An organization that the person belongs to. */
export interface HuggingFaceOrg {
  /** The identifier of the organization, which survives a rename: `_id` in the Hub's API. Compare this one. */
  id: string
  /** `preferred_username`. It can change. */
  username?: string
  /** `name` */
  displayName?: string
  /** URL of the avatar. */
  picture?: string
  /** The subscription. */
  plan?: Open<'academia' | 'enterprise' | 'plus' | 'team'>
  /** The role of the person. Scope `read-memberships`. */
  role?: Open<'admin' | 'contributor' | 'no_access' | 'read' | 'write'>
  /** Whether it has a payment method. Scope `read-billing`. */
  canPay?: boolean
  /** What keeps the app from the data of the organization. */
  securityRestrictions?: Open<'ip' | 'mfa' | 'sso' | 'token-policy' | 'token-revoked'>[]
  /** The resource groups of the person in the organization. */
  resourceGroups?: {
    id: string
    name?: string
    role?: Open<'admin' | 'contributor' | 'no_access' | 'read' | 'write'>
  }[]
}

/**
 * Userinfo, or the claims of an ID token, as a profile by Passport's contact schema. Only `sub` is
 * required: without it there is no profile. What is null, empty or of an unexpected type is left out.
 */
export function readProfile(
  claims: Record<string, unknown>,
  raw: string,
): HuggingFaceProfile | undefined {
  const id = asString(claims['sub'])
  if (id === undefined) return undefined
  const email = asString(claims['email'])
  const picture = webAddress(claims['picture'])
  const verified = claims['email_verified'] === true
  return present({
    provider: 'huggingface',
    id,
    username: asString(claims['preferred_username']),
    displayName: asString(claims['name']),
    profileUrl: webAddress(claims['profile']),
    emails: email && [{ value: email, verified }],
    photos: picture && [{ value: picture }],
    website: webAddress(claims['website']),
    isPro: asBoolean(claims['isPro']),
    canPay: asBoolean(claims['canPay']),
    orgs: asArray(claims['orgs'], readOrg),
    _raw: raw,
    _json: claims,
  }) as HuggingFaceProfile
}

function readOrg(entry: unknown): HuggingFaceOrg | undefined {
  const org = Object(entry) as Record<string, unknown>
  const id = asString(org['sub'])
  if (id === undefined) return undefined
  return present({
    id,
    username: asString(org['preferred_username']),
    displayName: asString(org['name']),
    picture: webAddress(org['picture']),
    plan: asString(org['plan']),
    role: asString(org['roleInOrg']),
    canPay: asBoolean(org['canPay']),
    securityRestrictions: asArray(org['securityRestrictions'], asString),
    resourceGroups: asArray(org['resourceGroups'], readGroup),
  }) as HuggingFaceOrg
}

function readGroup(entry: unknown) {
  const { sub, name, role } = Object(entry) as Record<string, unknown>
  const id = asString(sub)
  return id && present({ id, name: asString(name), role: asString(role) })
}

/** Without the fields that are undefined. */
function present(fields: Record<string, unknown>): object {
  const result: Record<string, unknown> = {}
  for (const name in fields) if (fields[name] !== undefined) result[name] = fields[name]
  return result
}

const asString = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

const asBoolean = (value: unknown): boolean | undefined =>
  typeof value === 'boolean' ? value : undefined

const asArray = <T>(
  value: unknown,
  read: (entry: unknown) => T | '' | undefined,
): T[] | undefined =>
  Array.isArray(value) ? value.flatMap((entry) => read(entry) || []) : undefined

/** Only http(s): an `href` of another scheme could run code. */
function webAddress(value: unknown): string | undefined {
  const address = asString(value)
  return address && /^https?:\/\//i.test(address) && URL.canParse(address) ? address : undefined
}
