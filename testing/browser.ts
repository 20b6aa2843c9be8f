import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'

/** How the person answers when {@link signIn} meets the consent page. */
export interface SignInOptions {
  /** Press "Deny". */
  deny?: boolean
  /** The organizations to tick, by username or `sub`. Default: those that are ticked already. */
  orgs?: readonly string[]
}

/** Where the Hub can be reached, which is not its public address when a relay stands in front of it. */
export interface Entrance {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly isTLS: boolean
  readonly agent: Agent
}

/**
 * Goes through the Hub's pages as a browser with no cookies would, and returns the address the Hub sends it to in the
 * end: the app's callback URL.
 */
export async function signIn(hub: Entrance, authorizationURL: string, username: string, options: SignInOptions): Promise<string> {
  if (!authorizationURL.startsWith(`${hub.url}/`)) {
    throw new TypeError(`signIn takes an address at ${hub.url}, for example where the app's sign-in route redirects to`)
  }
  const cookies = new Map<string, Cookie>()
  let page = await visit(hub, cookies, 'GET', authorizationURL)
  let asked = false
  // Login and consent, each with its redirects, stay well below this.
  for (let step = 0; step < 20; step++) {
    const { location, address, text, status } = page
    if (location !== undefined) {
      if (!location.startsWith(`${hub.url}/`)) {
        if (!asked && (options.deny || options.orgs) && location.includes('code=')) {
          throw new Error(`${username} has allowed this app before, so the Hub asked nothing: take another person, or prompt=consent`)
        }
        return location
      }
      page = await visit(hub, cookies, 'GET', location)
      continue
    }
    const form = /<form method="post" action="([^"]+)" data-page="(login|consent)"/.exec(text)
    if (form === null) {
      throw new Error(`The Hub refused (${status}): ${plainText(text)}`)
    }
    const action = new URL(form[1] ?? '', address).href
    asked ||= form[2] === 'consent'
    page = await visit(hub, cookies, 'POST', action, form[2] === 'login' ? new URLSearchParams({ username }) : consentAnswer(text, options))
  }
  throw new Error('The Hub keeps redirecting')
}

function consentAnswer(page: string, { deny, orgs }: SignInOptions): URLSearchParams {
  const answer = new URLSearchParams({ decision: deny ? 'deny' : 'authorize' })
  for (const [, sub = '', name = '', checked] of page.matchAll(
    /<input type="checkbox" name="orgs" value="([^"]+)" data-username="([^"]+)"( checked)?>/g,
  )) {
    if (orgs === undefined ? checked !== undefined : orgs.includes(sub) || orgs.includes(name)) {
      answer.append('orgs', sub)
    }
  }
  return answer
}

interface Page {
  readonly address: string
  readonly status: number
  readonly location: string | undefined
  readonly text: string
}

interface Cookie {
  readonly value: string
  readonly path: string
}

async function visit(hub: Entrance, cookies: Map<string, Cookie>, method: string, address: string, form?: URLSearchParams): Promise<Page> {
  const { pathname, search, host } = new URL(address)
  const body = form?.toString()
  const headers: Record<string, string> = {
    host,
    accept: 'text/html',
    cookie: [...cookies]
      .filter(([, { path }]) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; '),
  }
  if (body !== undefined) {
    headers['content-type'] = 'application/x-www-form-urlencoded'
    headers['content-length'] = String(Buffer.byteLength(body))
  }
  const res = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = {
      // The certificate is the Hub's own, made for the test.
      ...(hub.isTLS ? { rejectUnauthorized: false } : {}),
      agent: hub.agent,
      host: hub.host,
      port: hub.port,
      path: pathname + search,
      method,
      headers,
    }
    const req = hub.isTLS ? httpsRequest(options, resolve) : httpRequest(options, resolve)
    req.on('error', reject).end(body)
  })
  let text = ''
  res.setEncoding('utf8')
  for await (const chunk of res) {
    text += chunk
  }
  for (const line of res.headers['set-cookie'] ?? []) {
    keepCookie(cookies, line)
  }
  const { location } = res.headers
  return {
    address,
    status: res.statusCode ?? 0,
    // A relative redirect stays at the Hub; the app's callback URL is returned to the letter.
    location: location?.startsWith('/') ? new URL(location, address).href : location,
    text,
  }
}

function keepCookie(cookies: Map<string, Cookie>, line: string): void {
  const [pair = '', ...attributes] = line.split(/; */)
  const equals = pair.indexOf('=')
  const name = pair.slice(0, equals)
  const value = pair.slice(equals + 1)
  const isGone = value === '' || attributes.some((attribute) => /^expires=Thu, 01 Jan 1970/i.test(attribute))
  if (isGone) {
    cookies.delete(name)
  } else {
    const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice('path='.length) ?? '/'
    cookies.set(name, { value, path })
  }
}

function plainText(page: string): string {
  return (/<main>([\s\S]*)<\/main>/.exec(page)?.[1] ?? page)
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/&#39;/g, "'")
    .replace(/&quot;/g, '"')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .trim()
    .slice(0, 500)
}
