import { generateKeyPair, randomUUID } from 'node:crypto'
import {
  createServer as createHttpServer,
  Agent as HttpAgent,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer, Agent as HttpsAgent } from 'node:https'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { type SignInOptions, signIn } from './browser'
import { type Client, defaultClients } from './clients'
import { applyFault, type Faults } from './faults'
import { defaultPeople, type Person, type Resident, toResident } from './people'
import { createProvider } from './provider'
import { Consents, type HubState } from './state'
import { Store } from './store'

export interface HubOptions {
  /** Default: a free one. */
  port?: number
  /** The address to listen at. Default: `127.0.0.1`. */
  host?: string
  /** Who can sign in. Default: five people who differ in what their accounts have. */
  people?: readonly Person[]
  /** Registered OAuth apps. Default: one with a secret and one without, for callbacks at `/auth/huggingface/callback`. */
  clients?: readonly Client[]
  /**
   * Answers with the document of a client whose ID is a URL. Default: it is fetched, and on this machine from an
   * `https` server with any certificate.
   */
  clientMetadata?: (clientID: string) => object | Promise<object>
  /** Serve `https` with this key and certificate. */
  tls?: { key: string | Buffer; cert: string | Buffer }
  /** The address that browsers and apps know the Hub by, when something stands in front of it. No trailing slash. */
  url?: string
}

/** A request that came to one of the Hub's endpoints, pages left out. */
export interface HubRequest {
  readonly endpoint: 'authorize' | 'token' | 'userinfo' | 'jwks' | 'discovery'
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<IncomingMessage['headers']>
  /** The form, at the token endpoint. */
  readonly body?: Readonly<Record<string, string>>
  /** What the answer's `X-Request-Id` says. */
  readonly requestId: string
}

/** A running local Hub. */
export interface Hub {
  /** The strategy's `hubURL`. */
  readonly url: string
  /** The same as `url`: the `iss` of ID tokens. */
  readonly issuer: string
  /** The people as the Hub knows them now. Change them, add to them, while it runs. */
  readonly people: Resident[]
  readonly clients: readonly [Client, ...Client[]]
  /** What reached the endpoints so far, oldest first. */
  readonly requests: HubRequest[]
  /** What goes wrong; `{}` clears it. */
  faults: Faults
  /**
   * Does what a person does in a browser: signs in, consents, and returns the callback URL they are sent to. It is not
   * fetched.
   *
   * @param authorizationURL where the app's sign-in route redirects to
   */
  signIn(authorizationURL: string, username: string, options?: SignInOptions): Promise<string>
  /** Signs with a new key from now on. The one before is still published. */
  rotateKeys(): Promise<void>
  /** Stops, and closes every connection. */
  close(): Promise<void>
}

/** Starts a local stand-in for the Hub. It needs `oidc-provider`. */
export async function startHub(options: HubOptions = {}): Promise<Hub> {
  const clients = options.clients ?? defaultClients
  const [firstClient, ...otherClients] = clients
  if (firstClient === undefined) {
    throw new TypeError('startHub needs a client: leave `clients` out for the default ones')
  }
  const isTLS = options.tls !== undefined
  const host = options.host ?? '127.0.0.1'
  const keys = [await generateKey()]

  let listener: RequestListener = () => {}
  const handler: RequestListener = (req, res) => {
    receive(req, res).catch(() => res.destroy())
  }
  const server = options.tls === undefined ? createHttpServer(handler) : createHttpsServer(options.tls, handler)
  await listen(server, options.port ?? 0, host)
  const { port } = server.address() as AddressInfo
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const url = options.url?.replace(/\/+$/, '') ?? `${isTLS ? 'https' : 'http'}://${authority}`

  const state: HubState = {
    url,
    people: (options.people ?? defaultPeople).map(toResident),
    clients,
    store: new Store(() => state.faults.expireCode === true),
    consents: new Consents(),
    clientMetadata: options.clientMetadata,
    faults: {},
  }
  const requests: HubRequest[] = []
  try {
    listener = await createProvider(state, keys)
  } catch (error) {
    server.close()
    throw error
  }

  async function receive(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const requestId = randomUUID()
    res.setHeader('X-Request-Id', requestId)
    const { pathname, searchParams } = new URL(req.url ?? '/', url)
    const endpoint = endpoints[pathname]
    if (endpoint !== undefined) {
      const entry: { -readonly [Key in keyof HubRequest]: HubRequest[Key] } = {
        endpoint,
        method: req.method ?? '',
        path: pathname,
        query: Object.fromEntries(searchParams),
        headers: req.headers,
        requestId,
      }
      requests.push(entry)
      if (endpoint === 'token') {
        overhearForm(req, (form) => {
          entry.body = form
        })
      }
      const fault = endpoint === 'authorize' || endpoint === 'discovery' ? undefined : state.faults[endpoint]
      if (fault !== undefined && (await applyFault(fault, res))) {
        req.resume()
        return
      }
    }
    listener(req, res)
  }

  const agent = isTLS ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  const entrance = { url, host, port, isTLS, agent }
  return {
    url,
    issuer: url,
    people: state.people,
    clients: [firstClient, ...otherClients],
    requests,
    get faults() {
      return state.faults
    },
    set faults(faults) {
      state.faults = faults
    },
    async signIn(authorizationURL, username, signInOptions = {}) {
      if (!state.people.some((person) => person.username === username)) {
        const names = state.people.map((person) => person.username).join(', ')
        throw new TypeError(`Nobody at the local Hub is called ${username}; there are ${names}`)
      }
      return signIn(entrance, authorizationURL, username, signInOptions)
    },
    async rotateKeys() {
      keys.unshift(await generateKey())
      keys.splice(2)
      listener = await createProvider(state, keys)
    },
    async close() {
      agent.destroy()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
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

/** Listens along while somebody else reads the form; a form that nobody reads is not read here either. */
function overhearForm(req: IncomingMessage, heard: (form: Record<string, string>) => void): void {
  const chunks: Buffer[] = []
  // Paused first, so that listening alone does not start the flow.
  req.pause()
  req.on('data', (chunk: Buffer) => chunks.push(chunk))
  req.on('end', () => heard(Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()))))
}

const generate = promisify(generateKeyPair)

async function generateKey(): Promise<object> {
  const { privateKey } = await generate('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
