import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'

interface Cookie {
  value: string
  host: string
  path: string
  secure: boolean
  expires: number
}

/** Keeps cookies by the rules that browsers keep: those that matter to a sign-in, and strictly. */
export class CookieJar {
  private readonly cookies = new Map<string, Cookie>()

  keep(address: string, lines: readonly string[]): void {
    const { hostname, protocol } = new URL(address)
    for (const line of lines) {
      const [pair = '', ...rest] = line.split(/; */)
      const [name = '', value = ''] = splitOnce(pair)
      const attributes = new Map(rest.map(splitOnce).map(([attribute, content]) => [attribute.toLowerCase(), content]))
      const secure = attributes.has('secure')
      const path = attributes.get('path') ?? '/'
      const refusal = [
        secure && protocol !== 'https:' && 'a Secure cookie over http',
        name.startsWith('__Host-') && (!secure || path !== '/' || attributes.has('domain')) && 'a __Host- cookie that is not one',
        /^none$/i.test(attributes.get('samesite') ?? '') && !secure && 'SameSite=None without Secure',
        attributes.has('partitioned') && !secure && 'Partitioned without Secure',
        pair.length > 4096 && 'a cookie of more than 4096 bytes',
      ].some(Boolean)
      if (refusal) continue
      const maxAge = attributes.get('max-age')
      const date = attributes.get('expires')
      const expires =
        maxAge !== undefined ? Date.now() + Number(maxAge) * 1000 : date !== undefined ? Date.parse(date) : Number.POSITIVE_INFINITY
      this.cookies.set(`${hostname} ${path} ${name}`, { value, host: hostname, path, secure, expires })
    }
  }

  /** The `Cookie` header of a request for this address. */
  header(address: string): string {
    return this.sentTo(address)
      .map(([name, value]) => `${name}=${value}`)
      .join('; ')
  }

  /** Names and values that go to this address. */
  sentTo(address: string): [name: string, value: string][] {
    const { hostname, protocol, pathname } = new URL(address)
    const sent: [string, string][] = []
    for (const [key, { value, host, path, secure, expires }] of this.cookies) {
      const under = pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)
      if (host === hostname && under && (!secure || protocol === 'https:') && expires > Date.now()) {
        sent.push([key.split(' ')[2] ?? '', value])
      }
    }
    return sent
  }

  set(address: string, name: string, value: string): void {
    const { hostname, protocol } = new URL(address)
    this.cookies.set(`${hostname} / ${name}`, {
      value,
      host: hostname,
      path: '/',
      secure: protocol === 'https:',
      expires: Number.POSITIVE_INFINITY,
    })
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
}

/** A browser at one app. It follows no redirect: the test says where the person goes. */
export class Browser {
  readonly jar = new CookieJar()
  private readonly port: number
  readonly origin: string
  private readonly proxyHeaders: OutgoingHttpHeaders

  /**
   * @param origin where the person believes the app to be. Other than the app's own address, a proxy stands there: it ends TLS and connects to the app.
   * @param proxyHeaders what that proxy adds to each request
   */
  constructor(port: number, origin = `http://127.0.0.1:${port}`, proxyHeaders: OutgoingHttpHeaders = {}) {
    this.port = port
    this.origin = origin
    this.proxyHeaders = proxyHeaders
  }

  async visit(path: string, { method = 'GET', headers = {} }: Visit = {}): Promise<Page> {
    const address = new URL(path, this.origin).href
    const { host, pathname, search } = new URL(address)
    const cookie = this.jar.header(address)
    const res = await new Promise<IncomingMessage>((resolve, reject) => {
      const req = httpRequest({
        agent: false,
        host: '127.0.0.1',
        port: this.port,
        method,
        path: pathname + search,
        headers: { host, ...(cookie && { cookie }), ...this.proxyHeaders, ...headers },
        timeout: 10_000,
      })
      req.on('timeout', () => req.destroy(new Error(`no answer to ${method} ${path}`)))
      req.on('error', reject).on('response', resolve).end()
    })
    let text = ''
    res.setEncoding('utf8')
    for await (const chunk of res) text += chunk
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

function splitOnce(text: string): [string, string] {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
