// A browser and the person who uses it, as far as a sign-in needs them.
const { once } = require('node:events')
const { request } = require('node:http')
const { parseSetCookie } = require('cookie')

/** Keeps cookies by the rules that browsers keep: those that matter to a sign-in, and strictly. Each is for every path. */
class CookieJar {
  cookies = new Map()

  /** @param {string} address @param {readonly string[]} lines */
  keep(address, lines) {
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

  /** Names and values that go to this address. @param {string} address @returns {[name: string, value: string][]} */
  sentTo(address) {
    const { hostname, protocol } = new URL(address)
    const isSent = ({ host, secure, expires }) => host === hostname && (!secure || protocol === 'https:') && expires > Date.now()
    return [...this.cookies.values()].filter(isSent).map(({ name, value }) => [name, value])
  }

  /** The `Cookie` header of a request for this address. @param {string} address */
  header(address) {
    const pairs = this.sentTo(address).map((pair) => pair.join('='))
    return pairs.join('; ')
  }

  /** @param {string} address @param {string} name @param {string} value */
  set(address, name, value) {
    const { hostname: host, protocol } = new URL(address)
    this.cookies.set(`${host} ${name}`, { name, value, host, secure: protocol === 'https:', expires: Number.POSITIVE_INFINITY })
  }
}

/** @typedef {{ method?: string, headers?: Record<string, string>, form?: Record<string, string>, signal?: AbortSignal }} Visit A form is posted. */

class Browser {
  jar = new CookieJar()

  /**
   * @param {string} origin where the person believes the app to be
   * @param send carries requests to the app, as `toPort` does
   * @param {Pick<import('../../testing').Hub, 'url' | 'signIn'>} [hub] where the person signs in
   */
  constructor(origin, send = toPort(new URL(origin).port), hub = undefined) {
    this.origin = origin
    this.send = send
    this.hub = hub
  }

  /** One request and its response. @param {string} target @param {Visit} [visit] */
  async visit(target, { form, headers, ...more } = {}) {
    const url = new URL(target, this.origin).href
    const cookie = this.jar.header(url)
    const posted = form && { method: 'POST', body: new URLSearchParams(form).toString() }
    const type = form && { 'content-type': 'application/x-www-form-urlencoded' }
    const response = await this.send(url, {
      method: 'GET',
      ...posted,
      ...more,
      headers: { ...(cookie && { cookie }), ...type, ...headers },
    })
    this.jar.keep(url, response.headers.getSetCookie())
    const location = response.headers.get('location') ?? undefined
    const text = await response.text()
    return { url, status: response.status, headers: response.headers, location, text, json: parsed(text) }
  }

  /** Follows redirects as far as they stay on the site. On the Hub, the person signs in as told. */
  async follow(target, { username = 'ada', options = {}, ...visit } = {}) {
    let page = await this.visit(target, visit)
    for (let step = 0; page.location !== undefined; step++) {
      if (step === 5) throw new Error('the sign-in goes round in circles')
      const next = new URL(page.location, page.url)
      const isHub = this.hub && next.origin === this.hub.url
      const arrival = isHub ? new URL(await this.hub.signIn(next.href, username, options)) : next
      if (arrival.origin !== this.origin) return page
      page = await this.visit(arrival.href)
    }
    return page
  }

  signIn(username = 'ada', options = {}) {
    return this.follow('/auth/huggingface', { username, options })
  }

  /** Clicks the app's sign-in link; where the Hub is asked. @param {Visit} [visit] */
  async begin(path = '/auth/huggingface', visit = {}) {
    const { status, location, text } = await this.visit(path, visit)
    if (location === undefined) throw new Error(`no redirect to the Hub but ${status}: ${text}`)
    return location
  }
}

/** Carries requests to the app on this port, as a proxy at the app's public address does. */
function toPort(port) {
  return async (url, { headers, body, ...more }) => {
    const { host, protocol, pathname, search } = new URL(url)
    const all = { host, ...(protocol === 'https:' && { 'x-forwarded-proto': 'https' }), ...headers }
    const where = { host: 'localhost', port, agent: false, path: pathname + search, timeout: 20_000 }
    const sent = request({ ...where, headers: all, ...more }).end(body)
    sent.on('timeout', () => sent.destroy(new Error(`${url} does not respond`)))
    const [res] = await once(sent, 'response')
    const text = (await res.setEncoding('utf8').toArray()).join('')
    const fields = Object.entries(res.headersDistinct).flatMap(([name, values]) => values.map((value) => [name, value]))
    return new Response(text, { status: res.statusCode, headers: fields })
  }
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

module.exports = { CookieJar, Browser, toPort }
