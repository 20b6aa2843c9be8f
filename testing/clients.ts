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
  /** Lifetime of access tokens, from 1 to 43200 minutes. Default: 480. */
  tokenExpirationMinutes?: number
}

const redirectURIs = ['localhost', '127.0.0.1', '[::1]'].map(
  (host) => `http://${host}/auth/huggingface/callback`,
)

export const defaultClients: readonly [Client, ...Client[]] = [
  { clientID: 'local-app', clientSecret: 'local-app-secret', redirectURIs, name: 'My app' },
  { clientID: 'local-public-app', redirectURIs, name: 'My public app' },
]

/** What an app may ask for, in the words of the consent page. */
export const scopeMeanings: Readonly<Record<string, string>> = {
  openid: 'Know who you are',
  profile: 'See your profile: name, username, picture and website',
  email: 'See your e-mail address',
  'read-billing': 'Know whether you have a payment method',
  'read-memberships': 'See your organizations and your role in each',
  'read-repos': 'Read your repositories, including private ones',
  'gated-repos': 'Read the gated repositories you have access to',
  'contribute-repos': 'Create repositories and write to those it created',
  'write-repos': 'Read and write your repositories',
  'manage-repos': 'Create, change and delete your repositories',
  'read-collections': 'Read your collections',
  'write-collections': 'Change your collections',
  'inference-api': 'Use Inference Providers for you',
  'read-endpoints': 'See your Inference Endpoints',
  'write-endpoints': 'Manage your Inference Endpoints',
  jobs: 'Run jobs for you',
  webhooks: 'Manage your webhooks',
  'write-discussions': 'Write in discussions and pull requests for you',
  'read-mcp': 'Use the MCP server for you',
  'read-network-security': 'Read your network security settings',
  'write-network-security': 'Change your network security settings',
}

export const allScopes: readonly string[] = Object.keys(scopeMeanings)

/** The Hub's rule: equal, but `http` on a loopback host may have any port. */
export function isRedirectAllowed(uri: string, registered: readonly string[]): boolean {
  const portless = withoutLoopbackPort(uri)
  return registered.some((other) => withoutLoopbackPort(other) === portless)
}

function withoutLoopbackPort(uri: string): string {
  return uri.replace(/^(http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])):\d+(?=[/?]|$)/, '$1')
}
