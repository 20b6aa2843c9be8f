import { once } from 'node:events'
import { get as httpGet, type IncomingMessage } from 'node:http'
import { get as httpsGet } from 'node:https'

/** What the person does on the consent page. */
export interface SignInOptions {
  /** Deny the app, even if the person authorized it before. */
  deny?: boolean
  /** The organizations to tick, by username or `sub`. Default: those that are ticked already. */
  orgs?: readonly string[]
}

/** The header that fills in every form on the way. */
export const formHeader = 'local-hub-form'

/**
 * Does what a person does in the browser: signs in on the local Hub, authorizes the app, and
 * resolves with the callback URL, which is not fetched. The Hub may run in another process.
 *
 * @param authorizationURL the Location that the app's sign-in route redirects to
 */
export async function signIn(
  authorizationURL: string | null | undefined,
  username: string,
  { deny = false, orgs }: SignInOptions = {},
): Promise<string> {
  const given = String(authorizationURL)
  if (!URL.canParse(given) || new URL(given).pathname !== '/oauth/authorize') {
    throw new TypeError(`signIn needs the Location of your sign-in route; got ${given}`)
  }
  const form = new URLSearchParams({ username, decision: deny ? 'deny' : 'authorize' })
  // The first one, of no organization, tells an empty list from none.
  for (const org of orgs ? ['', ...orgs] : []) form.append('orgs', org)
  const cookies = new Map<string, string>()
  let url = new URL(given)
  // Sign-in and consent take fewer redirects.
  for (let step = 0; step < 20; step++) {
    const res = await visit(url, form.toString(), cookies)
    const text = (await res.setEncoding('utf8').toArray()).join('')
    const { location } = res.headers
    if (!location) throw new Error(`${url.href} responded with ${res.statusCode}: ${text}`)
    const next = new URL(location, url)
    if (next.host !== url.host) return location
    url = next
  }
  throw new Error('The Hub keeps redirecting')
}

async function visit(url: URL, form: string, cookies: Map<string, string>) {
  const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
  const get = url.protocol === 'https:' ? httpsGet : httpGet
  // A local Hub's certificate is made for the test.
  const options = { agent: false, rejectUnauthorized: false }
  const req = get(url, { ...options, headers: { cookie, [formHeader]: form } })
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  for (const line of res.headers['set-cookie'] ?? []) {
    const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(line) ?? []
    cookies.set(name, value)
  }
  return res
}
