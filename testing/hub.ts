import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Client, defaultClients } from './clients'
import type { Faults } from './faults'
import { defaultPeople, type Person, type Resident, toResident } from './people'
import { createProvider, loadOidcProvider } from './provider'
import { signIn } from './sign-in'

export interface HubOptions {
  /** Default: a free port. */
  port?: number
  /** The address to listen on. Default: `127.0.0.1`. */
  host?: string
  /** Who can sign in. Default: five people whose accounts differ. */
  people?: readonly Person[]
  /** The OAuth apps. Default: one with a secret and one without. */
  clients?: readonly [Client, ...Client[]]
  /** Returns the metadata document of an app whose client ID is a URL. */
  clientMetadata?: (clientID: string) => object | Promise<object>
  /** Serve `https` with this key and certificate. */
  tls?: { key: string | Buffer; cert: string | Buffer }
  /** The Hub's URL for browsers and apps, if it is behind a proxy. */
  url?: string
}

/** A request to one of the Hub's endpoints. */
export interface HubRequest {
  readonly endpoint: 'authorize' | 'token' | 'userinfo' | 'jwks'
  readonly headers: Readonly<IncomingHttpHeaders>
  /** The form of a token request. */
  body?: Readonly<Record<string, unknown>>
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
  /** The same as the function `signIn`, but refuses the URL of another Hub. */
  signIn: typeof signIn
  /** Stops the Hub and closes every connection. */
  close(): Promise<void>
}

/** Starts a local stand-in for the Hub. Needs `oidc-provider`. */
export async function startHub(options: HubOptions = {}): Promise<Hub> {
  const { port = 0, host = '127.0.0.1', tls, clients = defaultClients } = options
  const people = (options.people ?? defaultPeople).map(toResident)
  const oidcProvider = await loadOidcProvider()
  const server = tls ? createHttpsServer(tls) : createHttpServer()
  await once(server.listen(port, host), 'listening')
  const address = server.address() as AddressInfo
  const hub: Hub = {
    url: options.url ?? `${tls ? 'https' : 'http'}://${host}:${address.port}`,
    people,
    clients,
    requests: [],
    faults: {},
    async signIn(authorizationURL, username, signInOptions) {
      if (authorizationURL && !authorizationURL.startsWith(`${hub.url}/`)) {
        throw new TypeError(`signIn needs a URL of this Hub, ${hub.url}; got ${authorizationURL}`)
      }
      return signIn(authorizationURL, username, signInOptions)
    },
    async close() {
      const closed = once(server.close(), 'close')
      server.closeAllConnections()
      await closed
    },
  }
  server.on('request', createProvider(oidcProvider, hub, options.clientMetadata))
  return hub
}
