import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, request as httpsRequest } from 'node:https'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { certificate } from '../../testing/certificate'

/** What is behind a host name: a server on this machine, or what to answer with. */
export type Site = URL | ((req: IncomingMessage, res: ServerResponse) => void)

export interface Relay {
  readonly port: number
  /** By host name, without the port. */
  readonly sites: Record<string, Site>
  /** Changes what a site wants kept, on its way to the browser. */
  cookies: Readonly<Record<string, (cookie: string) => string>>
  stop(): Promise<void>
}

/** Ends TLS for any number of sites, as the proxy in front of a Space does. */
export async function startRelay(): Promise<Relay> {
  const sites: Relay['sites'] = {}
  const server = createServer(certificate, (req, res) => {
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

/** For a server that has to know its port before it starts. */
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
    // the certificate of this test
    rejectUnauthorized: false,
  } as const
  const onward = (site.protocol === 'https:' ? httpsRequest : httpRequest)(options, (answer) => {
    const { 'set-cookie': set, ...headers } = answer.headers
    res.writeHead(answer.statusCode ?? 502, set === undefined ? headers : { ...headers, 'set-cookie': set.map(change) })
    answer.pipe(res)
  })
  onward.on('error', () => res.destroy())
  res.on('close', () => onward.destroy())
  req.pipe(onward)
}
