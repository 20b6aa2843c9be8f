import type { AdapterPayload } from 'oidc-provider' with { 'resolution-mode': 'import' }

/** An OAuth app on the local Hub. */
export interface Client {
  clientID: string
  /** Leave it out for a public app. */
  clientSecret?: string
  /** Compared exactly, except that `http` on a loopback host may have any port. */
  redirectURIs: readonly string[]
  /** The scopes the app may ask for, and gets if it asks for none. Default: all. */
  scopes?: readonly string[]
  /** Shown on the consent page. Default: the client ID. */
  name?: string
}

const hosts = ['localhost', '127.0.0.1', '[::1]']
const redirectURIs = hosts.map((host) => `http://${host}/auth/huggingface/callback`)

export const defaultClients: readonly [Client, ...Client[]] = [
  { clientID: 'local-app', clientSecret: 'local-app-secret', redirectURIs, name: 'My app' },
  { clientID: 'local-public-app', redirectURIs, name: 'My public app' },
]

export const allScopes: readonly string[] = (
  'openid profile email read-billing read-memberships read-repos gated-repos contribute-repos ' +
  'write-repos manage-repos read-collections write-collections inference-api read-endpoints ' +
  'write-endpoints jobs webhooks write-discussions read-mcp read-network-security ' +
  'write-network-security'
).split(' ')

/** @internal The app in the terms of a client ID metadata document. */
export function toDocument(client: Client): AdapterPayload {
  const { clientID, clientSecret, name, redirectURIs, scopes = allScopes } = client
  return {
    client_id: clientID,
    client_secret: clientSecret,
    client_name: name,
    redirect_uris: redirectURIs,
    scope: scopes.join(' '),
    token_endpoint_auth_method: clientSecret === undefined ? 'none' : 'client_secret_basic',
  }
}

/** The Hub's rule: equal, but `http` on a loopback host may have any port. */
export function isRedirectAllowed(uri: string, registered: readonly string[]): boolean {
  const loopback = /^(http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])):\d+/
  return registered.some((one) => one.replace(loopback, '$1') === uri.replace(loopback, '$1'))
}
