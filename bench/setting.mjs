/** What the local Hub and every strategy agree on. */
export const clientID = '3d8a1f60-5b1c-4c1d-9d35-1f0f3c5f6a10'
export const clientSecret = 'a-secret-of-the-benchmark-and-of-nothing-else'
export const callbackURL = 'https://app.example/auth/callback'

const organization = (n) => ({
  sub: `5e67bdd61009063689407${n}`,
  name: `Organization ${n}`,
  picture: `https://huggingface.co/avatars/organization-${n}.svg`,
  preferred_username: `organization-${n}`,
  isEnterprise: false,
  plan: 'team',
  roleInOrg: 'write',
})

/** Userinfo as the Hub answers it to `openid profile email`. */
export const person = {
  sub: '62f264b9f3c90f4b6514a269',
  name: 'Ada Example',
  preferred_username: 'ada',
  profile: 'https://huggingface.co/ada',
  picture: 'https://huggingface.co/avatars/ada.svg',
  website: 'https://ada.example',
  email: 'ada@example.com',
  email_verified: true,
  isPro: true,
  orgs: [100, 101, 102, 103].map(organization),
}

/** What the person does at the Hub: allows the authorization request. The code carries what was granted, so that it costs the strategy's process no request. */
export function allow(authorizationRequest) {
  const asked = new URL(authorizationRequest).searchParams
  const granted = {
    redirectURI: asked.get('redirect_uri'),
    scope: asked.get('scope'),
    challenge: asked.get('code_challenge') ?? undefined,
    nonce: asked.get('nonce') ?? undefined,
    once: Math.random(),
  }
  const callback = new URL(granted.redirectURI)
  callback.searchParams.set('code', Buffer.from(JSON.stringify(granted)).toString('base64url'))
  if (asked.has('state')) callback.searchParams.set('state', asked.get('state'))
  return callback.href
}
