import { huggingFace } from './config'
import { CookieStateStore } from './state/cookie'

/** Options for HuggingFaceStrategy in a Space (https://huggingface.co/docs/hub/spaces-oauth); spread them and add your own. */
export interface SpaceOptions {
  clientID: string
  clientSecret: string
  /** `/auth/huggingface/callback` on the Space's host. */
  callbackURL: string
  /** `hf_oauth_scopes` and what a Space always has. */
  scope: string[]
  hubURL: string
  /** Cookies that survive the Hub's frame around a Space: `SameSite=None; Secure; Partitioned`. */
  store: CookieStateStore
}

/**
 * Turns the environment that the Hub gives to a Space into options.
 *
 * @param env default `process.env`
 * @throws {Error} outside a Space, and in one without `hf_oauth: true`
 */
export function spaceOptions(
  env: Readonly<Record<string, string | undefined>> = process.env,
): SpaceOptions {
  const { SPACE_ID, SPACE_HOST, OAUTH_SCOPES, OPENID_PROVIDER_URL } = env
  const { OAUTH_CLIENT_ID: clientID, OAUTH_CLIENT_SECRET: clientSecret } = env
  // Other software uses the OAUTH_ names too. SPACE_ID is a Space's own.
  if (!SPACE_ID) throw new Error('spaceOptions works only in a Space: SPACE_ID is not set')
  if (!clientID || !clientSecret) {
    throw new Error(
      'the Space has no OAuth app; add "hf_oauth: true" to the header of its README.md',
    )
  }
  // With a custom domain it is a list. The redirect URI has to be on the Space's own host, the first.
  const host = SPACE_HOST?.split(',')[0]?.trim()
  if (!host) throw new Error('SPACE_HOST is not set; restart the Space')
  return {
    clientID,
    clientSecret,
    callbackURL: `https://${host}/auth/huggingface/callback`,
    scope: OAUTH_SCOPES?.split(/\s+/).filter(Boolean) ?? ['openid', 'profile'],
    hubURL:
      OPENID_PROVIDER_URL?.replace(/\/+(\.well-known\/openid-configuration)?$/, '') || huggingFace,
    store: new CookieStateStore({ secret: clientSecret, sameSite: 'none', partitioned: true }),
  }
}
