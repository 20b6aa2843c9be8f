/** https://huggingface.co/docs/hub/oauth */
export const huggingFace = 'https://huggingface.co'

/** Where a hub answers. */
export interface HubEndpoints {
  /** The `iss` of its ID tokens and authorization responses: the hub's address without a trailing slash. */
  issuer: string
  authorizationURL: string
  tokenURL: string
  userProfileURL: string
  jwksURL: string
  /** Whether keys and tokens come from one server, so that a connection for the first serves the second. */
  keysBesideTokens: boolean
}

/**
 * The endpoints under `hubURL`, each movable on its own.
 *
 * @throws {TypeError} where an address is no URL, or is `http:` and not on this machine
 */
export function hubEndpoints(options: {
  hubURL?: string | undefined
  authorizationURL?: string | undefined
  tokenURL?: string | undefined
  userProfileURL?: string | undefined
}): HubEndpoints {
  const issuer = checkedURL('hubURL', options.hubURL ?? huggingFace).replace(/\/+$/, '')
  const tokenURL = checkedURL('tokenURL', options.tokenURL ?? `${issuer}/oauth/token`)
  return {
    issuer,
    authorizationURL: checkedURL('authorizationURL', options.authorizationURL ?? `${issuer}/oauth/authorize`),
    tokenURL,
    userProfileURL: checkedURL('userProfileURL', options.userProfileURL ?? `${issuer}/oauth/userinfo`),
    jwksURL: `${issuer}/oauth/jwks`,
    keysBesideTokens: new URL(tokenURL).origin === new URL(issuer).origin,
  }
}

function checkedURL(option: string, address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (!url) throw new TypeError(`HuggingFaceStrategy: ${option} is no URL; give the whole address, such as ${huggingFace}`)
  // RFC 6749 3.1 and 3.2: codes and tokens travel over TLS only; a hub for tests on this machine is the exception
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    throw new TypeError(`HuggingFaceStrategy: ${option} has to be https: (http: only for a hub on localhost or 127.0.0.1)`)
  }
  return address
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}
