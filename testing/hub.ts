import { generateKeyPair, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { type Client, defaultClients } from './clients'
import { applyFault, type Faults } from './faults'
import { defaultPeople, type Person, type Resident, toResidents } from './people'
import { createProvider, loadOidcProvider } from './provider'
import { parseAuthorizationURL, type SignInOptions, visitPages } from './sign-in'
import type { HubState } from './state'
import { Store } from './store'

export interface HubOptions {
  /** Default: a free port. */
  port?: number
  /** The address to listen on. Default: `127.0.0.1`. */
  host?: string
  /** Who can sign in. Default: five people whose accounts differ. */
  people?: readonly Person[]
  /** The OAuth apps. Default: one with a secret and one without. */
  clients?: readonly Client[]
  /** Returns the metadata document of an app whose client ID is a URL. Default: fetch it. */
  clientMetadata?: (clientID: string) => object | Promise<object>
  /** Serve `https` with this key and certificate. */
  tls?: { key: string | Buffer; cert: string | Buffer }
  /** The Hub's URL for browsers and apps, if it is behind a proxy. */
  url?: string
}

/** A request to one of the Hub's endpoints. */
export interface HubRequest {
  readonly endpoint: 'authorize' | 'token' | 'userinfo' | 'jwks' | 'discovery'
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<IncomingMessage['headers']>
  /** The form of a token request. */
  readonly body?: Readonly<Record<string, string>>
  /** The `X-Request-Id` of the response. */
  readonly requestId: string
}

/** A running local Hub. */
export interface Hub {
  /** The strategy's `hubURL`, and the `iss` of ID tokens. */
  readonly url: string
  /** The people who can sign in. You can change them, and add more, while the Hub runs. */
  readonly people: Resident[]
  readonly clients: readonly [Client, ...Client[]]
  /** The requests so far, oldest first. */
  readonly requests: HubRequest[]
  /** What goes wrong. Set it to `{}` to end all faults. */
  faults: Faults
  /**
   * Does what a person does in the browser: signs in, authorizes the app, and resolves with the
   * callback URL that the Hub redirects to. The callback URL is not fetched.
   *
   * @param authorizationURL the Location that the app's sign-in route redirects to
   */
  signIn(
    authorizationURL: string | null | undefined,
    username: string,
    options?: SignInOptions,
  ): Promise<string>
  /** Signs ID tokens with a new key from now on. The previous key stays published. */
  rotateKeys(): Promise<void>
  /** Stops the Hub and closes every connection. */
  close(): Promise<void>
}

/** Starts a local stand-in for the Hub. Needs `oidc-provider`. */
export async function startHub(options: HubOptions = {}): Promise<Hub> {
  const { host = '127.0.0.1', port = 0, tls } = options
  const clients = checkClients(options.clients ?? defaultClients)
  const people = toResidents(options.people ?? defaultPeople)
  const publicURL = options.url && new URL(options.url).origin
  const oidcProvider = await loadOidcProvider()
  const keys = [await generateKey()]

  const handler: RequestListener = (req, res) => {
    receive(req, res).catch(() => res.destroy())
  }
  const server = tls === undefined ? createHttpServer(handler) : createHttpsServer(tls, handler)
  await once(server.listen(port, host), 'listening')
  const address = server.address() as AddressInfo
  const authority = `${host.includes(':') ? `[${host}]` : host}:${address.port}`
  const origin = `${tls === undefined ? 'http' : 'https'}://${authority}`
  const url = publicURL ?? origin

  const state: HubState = {
    url,
    people,
    clients,
    clientMetadata: options.clientMetadata,
    store: new Store(),
    consents: new Map(),
    grantedOrgs: new Map(),
    faults: {},
  }
  const requests: HubRequest[] = []
  let listener = createProvider(oidcProvider, state, keys)

  async function receive(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const requestId = randomUUID()
    res.setHeader('X-Request-Id', requestId)
    const { pathname, searchParams } = new URL(req.url ?? '/', url)
    const endpoint = endpoints[pathname]
    if (endpoint !== undefined) {
      const request: { -readonly [Key in keyof HubRequest]: HubRequest[Key] } = {
        endpoint,
        method: req.method ?? '',
        path: pathname,
        query: Object.fromEntries(searchParams),
        headers: req.headers,
        requestId,
      }
      requests.push(request)
      if (endpoint === 'token') {
        recordForm(req, request)
      }
      const fault =
        endpoint === 'authorize' || endpoint === 'discovery' ? undefined : state.faults[endpoint]
      if (fault !== undefined && (await applyFault(fault, res))) {
        req.resume()
        return
      }
    }
    listener(req, res)
  }

  return {
    url,
    people,
    clients,
    requests,
    get faults() {
      return state.faults
    },
    set faults(faults) {
      state.faults = faults
    },
    async signIn(authorizationURL, username, signInOptions = {}) {
      const parsed = parseAuthorizationURL(authorizationURL)
      if (parsed.origin !== new URL(url).origin) {
        throw new TypeError(`signIn needs a URL of this Hub, ${url}; got ${authorizationURL}`)
      }
      return visitPages(parsed, origin, username, signInOptions)
    },
    async rotateKeys() {
      keys.unshift(await generateKey())
      keys.splice(2)
      listener = createProvider(oidcProvider, state, keys)
    },
    async close() {
      const closed = once(server.close(), 'close')
      server.closeAllConnections()
      await closed
    },
  }
}

const endpoints: Readonly<Record<string, HubRequest['endpoint']>> = {
  '/oauth/authorize': 'authorize',
  '/oauth/token': 'token',
  '/oauth/userinfo': 'userinfo',
  '/oauth/jwks': 'jwks',
  '/.well-known/openid-configuration': 'discovery',
  '/.well-known/oauth-authorization-server': 'discovery',
}

function checkClients(clients: readonly Client[]): Hub['clients'] {
  const [first, ...others] = clients
  if (first === undefined) {
    throw new TypeError('startHub needs a client: leave `clients` out for the default ones')
  }
  for (const { clientID, tokenExpirationMinutes: minutes = 1 } of clients) {
    if (!Number.isInteger(minutes) || minutes < 1 || minutes > 43_200) {
      throw new TypeError(
        `tokenExpirationMinutes of ${clientID} is not from 1 to 43200: ${minutes}`,
      )
    }
  }
  return [first, ...others]
}

/** Reads along with oidc-provider. */
function recordForm(req: IncomingMessage, request: { body?: HubRequest['body'] }): void {
  let form = ''
  // Listening alone must not start the flow before oidc-provider reads.
  req.pause()
  req.on('data', (chunk: Buffer) => {
    form += chunk.toString('latin1')
  })
  req.on('end', () => {
    request.body = Object.fromEntries(new URLSearchParams(form))
  })
}

async function generateKey() {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }
}
