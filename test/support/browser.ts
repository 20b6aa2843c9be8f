import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { parseSetCookie } from 'cookie'

interface Cookie {
  name: string
  value: string
  host: string
  secure: boolean
  expires: number
}

/** Keeps cookies by the rules that browsers keep: those that matter to a sign-in, and strictly. Each is for every path. */
export class CookieJar {
  private readonly cookies = new Map<string, Cookie>()

  keep(address: string, lines: readonly string[]): void {
    const { hostname: host, protocol } = new URL(address)
    for (const line of lines) {
      const { name, value = '', secure = false, maxAge, ...more } = parseSetCookie(line, { decode: (text) => text })
      const isRefused = [
        secure && protocol !== 'https:',
        name.startsWith('__Host-') && (!secure || more.path !== '/' || more.domain !== undefined),
        !secure && (more.partitioned || more.sameSite === 'none'),
        name.length + value.length > 4095,
      ].some(Boolean)
      if (isRefused) continue
      const expires = maxAge === undefined ? (more.expires?.getTime() ?? Number.POSITIVE_INFINITY) : Date.now() + maxAge * 1000
      this.cookies.set(`${host} ${name}`, { name, value, host, secure, expires })
    }
  }

  /** The `Cookie` header of a request for this address. */
  header(address: string): string {
    const pairs = this.sentTo(address).map((pair) => pair.join('='))
    return pairs.join('; ')
  }

  /** Names and values that go to this address. */
  sentTo(address: string): [name: string, value: string][] {
    const { hostname, protocol } = new URL(address)
    const isSent = ({ host, secure, expires }: Cookie) => host === hostname && (!secure || protocol === 'https:') && expires > Date.now()
    return [...this.cookies.values()].filter(isSent).map(({ name, value }) => [name, value])
  }

  set(address: string, name: string, value: string): void {
    const { hostname: host, protocol } = new URL(address)
    this.cookies.set(`${host} ${name}`, { name, value, host, secure: protocol === 'https:', expires: Number.POSITIVE_INFINITY })
  }
}

export interface Page {
  status: number
  headers: IncomingHttpHeaders
  location: string | undefined
  text: string
  json: unknown
}

export interface Visit {
  method?: string
  headers?: OutgoingHttpHeaders
  /** To leave before the page is there. */
  signal?: AbortSignal
}

/** A browser at one app. It follows no redirect: the test says where the person goes. */
export class Browser {
  readonly jar = new CookieJar()
  private readonly port: number
  readonly origin: string

  /** @param origin where the person believes the app to be. Other than the app's own address, a proxy stands there: it ends TLS and connects to the app. */
  constructor(port: number, origin = `http://127.0.0.1:${port}`) {
    this.port = port
    this.origin = origin
  }

  async visit(target: string, { headers, ...more }: Visit = {}): Promise<Page> {
    const address = new URL(target, this.origin).href
    const { host, pathname, search } = new URL(address)
    const cookie = this.jar.header(address)
    const all = { host, ...(cookie && { cookie }), ...headers }
    const where = { agent: false, host: '127.0.0.1', port: this.port, path: pathname + search, timeout: 10_000 }
    const res = await new Promise<IncomingMessage>((resolve, reject) => {
      const req = httpRequest({ ...where, headers: all, ...more })
      req.on('timeout', () => req.destroy(new Error(`no answer to ${target}`)))
      req.on('error', reject).on('response', resolve).end()
    })
    let text = ''
    for await (const chunk of res.setEncoding('utf8')) text += chunk
    this.jar.keep(address, res.headers['set-cookie'] ?? [])
    return { status: res.statusCode ?? 0, headers: res.headers, location: res.headers.location, text, json: parsed(text) }
  }

  /** Clicks the app's sign-in link; where the Hub is asked. */
  async begin(path = '/auth/huggingface', visit: Visit = {}): Promise<string> {
    const { status, location, text } = await this.visit(path, visit)
    if (location === undefined) throw new Error(`no redirect to the Hub but ${status}: ${text}`)
    return location
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
