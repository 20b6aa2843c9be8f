import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, request as httpsRequest } from 'node:https'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { certificate } from '../../support/certificate'

/** What is behind a host name: a server on this machine, or a function that responds. */
export type Site = URL | ((req: IncomingMessage, res: ServerResponse) => void)

export interface Relay {
  readonly port: number
  /** By host name, without the port. */
  readonly sites: Record<string, Site>
  /** Changes the cookies that a site sets. */
  cookies: Readonly<Record<string, (cookie: string) => string>>
  stop(): Promise<void>
}

/** Ends TLS for any number of sites, as the proxy in front of a Space does. */
export async function startRelay(): Promise<Relay> {
  const sites: Relay['sites'] = {}
  const server = createServer(await certificate(), (req, res) => {
    const [host = ''] = (req.headers.host ?? '').split(':')
    const site = sites[host]
    if (site === undefined) res.writeHead(421).end()
    else if (typeof site === 'function') site(req, res)
    else pass(req, res, site, relay.cookies[host])
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const relay: Relay = {
    port: (server.address() as AddressInfo).port,
    sites,
    cookies: {},
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return relay
}

/** A port for a server that needs to know it before it starts. */
export async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function pass(req: IncomingMessage, res: ServerResponse, site: URL, change = (cookie: string) => cookie): void {
  const options = {
    host: site.hostname,
    port: site.port,
    method: req.method,
    path: req.url,
    headers: { ...req.headers, 'x-forwarded-proto': 'https', 'x-forwarded-host': req.headers.host, 'x-forwarded-for': '127.0.0.1' },
    agent: false,
    // The certificate is self-signed.
    rejectUnauthorized: false,
  } as const
  const forwarded = (site.protocol === 'https:' ? httpsRequest : httpRequest)(options, (response) => {
    const { 'set-cookie': set, ...headers } = response.headers
    res.writeHead(response.statusCode ?? 502, set === undefined ? headers : { ...headers, 'set-cookie': set.map(change) })
    response.pipe(res)
  })
  forwarded.on('error', () => res.destroy())
  res.on('close', () => forwarded.destroy())
  req.pipe(forwarded)
}
