import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { OrganizationChoice, PageData } from './html'

/** What the person does on the consent page. */
export interface SignInOptions {
  /** Deny the app, even if the person authorized it before. */
  deny?: boolean
  /** The organizations to tick, by username or `sub`. Default: those that are ticked already. */
  orgs?: readonly string[]
}

/**
 * Does what a person does in the browser: signs in on the local Hub, authorizes the app, and
 * resolves with the callback URL that the Hub redirects to. The callback URL is not fetched. It
 * needs only the URL, so the Hub may run in another process.
 *
 * @param authorizationURL the Location that the app's sign-in route redirects to
 */
export async function signIn(
  authorizationURL: string | null | undefined,
  username: string,
  options: SignInOptions = {},
): Promise<string> {
  const url = parseAuthorizationURL(authorizationURL)
  return visitPages(url, url.origin, username, options)
}

export function parseAuthorizationURL(address: string | null | undefined): URL {
  if (!address || !URL.canParse(address) || new URL(address).pathname !== '/oauth/authorize') {
    throw new TypeError(
      `signIn needs the Location that your sign-in route redirects to; got ${address}`,
    )
  }
  return new URL(address)
}

/** @param origin where the Hub listens, which differs from its URL if it is behind a proxy */
export async function visitPages(
  authorizationURL: URL,
  origin: string,
  username: string,
  { deny, orgs }: SignInOptions,
): Promise<string> {
  const cookies = new Map<string, string>()
  let url = authorizationURL
  let form: URLSearchParams | undefined
  let hasConsented = false
  // Sign-in and consent take fewer steps, redirects included.
  for (let step = 0; step < 20; step++) {
    const res = await send(new URL(url.pathname + url.search, origin), url.host, cookies, form)
    form = undefined
    const { location } = res.headers
    if (location !== undefined) {
      res.resume()
      const next = new URL(location, url)
      if (next.host === url.host) {
        url = next
        continue
      }
      if (orgs !== undefined && !hasConsented && next.searchParams.has('code')) {
        throw new Error(
          `${username} has authorized this app before, so the Hub did not ask for organizations: ` +
            'choose another person, or send prompt=consent',
        )
      }
      return location
    }
    const page = await readPage(res, url)
    if (page.form === 'people') {
      if (!page.people.includes(username)) {
        const people = page.people.join(', ')
        throw new TypeError(`${username} is not on the local Hub; the people are ${people}`)
      }
      form = new URLSearchParams(deny ? { decision: 'deny' } : { username })
    } else {
      hasConsented = true
      form = consentForm(page.orgs, orgs)
    }
  }
  throw new Error('The Hub keeps redirecting')
}

type Page = Extract<PageData, { form: string }>

function consentForm(
  choices: readonly OrganizationChoice[],
  wanted: readonly string[] | undefined,
): URLSearchParams {
  const form = new URLSearchParams({ decision: 'authorize' })
  const unknown = wanted?.find(
    (name) => !choices.some(({ sub, username }) => name === sub || name === username),
  )
  if (unknown !== undefined) {
    const names = choices.map(({ username }) => username).join(', ') || 'none'
    throw new TypeError(`${unknown} is not an organization of this person; they have ${names}`)
  }
  for (const { sub, username, isTicked } of choices) {
    if (wanted === undefined ? isTicked : wanted.includes(sub) || wanted.includes(username)) {
      form.append('orgs', sub)
    }
  }
  return form
}

async function readPage(res: IncomingMessage, { href }: URL): Promise<Page> {
  const text = (await res.setEncoding('utf8').toArray()).join('')
  if (!/^application\/json\b/.test(res.headers['content-type'] ?? '')) {
    throw new Error(`${href} is not a page of a local Hub (status ${res.statusCode})`)
  }
  const data = JSON.parse(text) as PageData
  if (!('form' in data)) {
    throw new Error(`The Hub refused (${res.statusCode}): ${data.messages.join(' ')}`)
  }
  return data
}

async function send(
  url: URL,
  host: string,
  cookies: Map<string, string>,
  form: URLSearchParams | undefined,
): Promise<IncomingMessage> {
  const res = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = {
      method: form === undefined ? 'GET' : 'POST',
      agent: false,
      // A local Hub's certificate is made for the test.
      rejectUnauthorized: false,
      headers: {
        host,
        accept: 'application/json',
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
      },
    } as const
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest
    request(url, options, resolve).on('error', reject).end(form?.toString())
  })
  for (const line of res.headers['set-cookie'] ?? []) {
    const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(line) ?? []
    // The Hub deletes a cookie by an empty value.
    if (value === '') {
      cookies.delete(name)
    } else {
      cookies.set(name, value)
    }
  }
  return res
}
