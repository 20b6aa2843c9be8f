/** An OAuth app that is registered at the local Hub. */
export interface Client {
  clientID: string
  /** Without a secret the app is a public client. */
  clientSecret?: string
  /** Compared exactly, except that `http` on a loopback host may have any port. */
  redirectURIs: readonly string[]
  /** What the app may ask for, and gets when it asks for nothing. Default: every scope there is. */
  scopes?: readonly string[]
  /** What the consent page calls the app. Default: the client ID. */
  name?: string
}

const loopbackCallbacks = ['localhost', '127.0.0.1', '[::1]'].map((host) => `http://${host}/auth/huggingface/callback`)

export const defaultClients: readonly [Client, ...Client[]] = [
  {
    clientID: 'local-app',
    clientSecret: 'local-app-secret',
    redirectURIs: loopbackCallbacks,
    name: 'My app',
  },
  { clientID: 'local-public-app', redirectURIs: loopbackCallbacks, name: 'My public app' },
]

/** A {@link Client} in the words of OpenID Connect Dynamic Client Registration. */
export function clientMetadata(client: Client): Record<string, unknown> {
  const isWeb = client.redirectURIs.every((uri) => /^https?:/.test(uri))
  return {
    client_id: client.clientID,
    ...(client.clientSecret === undefined
      ? { token_endpoint_auth_method: 'none' }
      : { client_secret: client.clientSecret, token_endpoint_auth_method: 'client_secret_basic' }),
    ...(client.name === undefined ? {} : { client_name: client.name }),
    ...(client.scopes === undefined ? {} : { scope: client.scopes.join(' ') }),
    redirect_uris: [...client.redirectURIs],
    // oidc-provider takes an address like `my-app://callback` from native clients only.
    application_type: isWeb ? 'web' : 'native',
  }
}

/** The Hub's rule: exact, but an `http` loopback address may have any port. Host names are not interchangeable. */
export function isRedirectAllowed(uri: string, registered: readonly string[]): boolean {
  if (registered.includes(uri)) {
    return true
  }
  const portless = withoutLoopbackPort(uri)
  return portless !== undefined && registered.some((other) => withoutLoopbackPort(other) === portless)
}

function withoutLoopbackPort(uri: string): string | undefined {
  return /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?=[:/?]|$)/.test(uri)
    ? uri.replace(/^(http:\/\/(?:\[::1\]|[^:/?]+)):\d+/, '$1')
    : undefined
}
