// A browser, as far as a sign-in needs one, and the person who uses it.
import { once } from 'node:events'
import { request } from 'node:http'

export class Visitor {
  cookies = new Map()

  /** @param send carries requests to the app: `fetch`, or a function like it */
  constructor(hub, origin, send = fetch) {
    Object.assign(this, { hub, origin, send })
  }

  /** One request and its response. */
  async get(address, method = 'GET') {
    const { pathname, search } = new URL(address, this.origin)
    const url = new URL(pathname + search, this.origin)
    const headers = { cookie: [...this.cookies].map((pair) => pair.join('=')).join('; ') }
    const response = await this.send(url.href, { method, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]*)=([^;]*)/.exec(line)
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    const body = await response.text()
    const json = body.startsWith('{') ? JSON.parse(body) : {}
    return { url, status: response.status, location: response.headers.get('location'), body, json }
  }

  /** Follows redirects, signs in on the Hub, and resolves with the page that it ends on. */
  async visit(path, username = 'ada', options = {}, method = 'GET') {
    let page = await this.get(path, method)
    for (let step = 0; step < 5 && page.location !== null; step++) {
      const next = new URL(page.location, page.url)
      const target = next.origin === this.hub.url ? new URL(await this.hub.signIn(next.href, username, options)) : next
      if (target.origin !== this.origin) throw new Error(`the sign-in leads to ${target.origin} and not to ${this.origin}`)
      page = await this.get(target)
    }
    if (page.location !== null) throw new Error('the sign-in goes round in circles')
    return page
  }

  signIn(username, options) {
    return this.visit('/auth/huggingface', username, options)
  }
}

/** Carries requests to the app on this port, as a proxy at the app's public address does. */
export function throughProxy(port) {
  return async (url, { method, headers }) => {
    const { host, protocol, pathname: path, search } = new URL(url)
    const all = { ...headers, host, 'x-forwarded-proto': protocol.slice(0, -1) }
    const sent = request({ host: 'localhost', port, method, path: path + search, headers: all, timeout: 20_000 }).end()
    sent.on('timeout', () => sent.destroy(new Error(`${url} does not respond`)))
    const [res] = await once(sent, 'response')
    const body = (await res.setEncoding('utf8').toArray()).join('')
    const fields = Object.entries(res.headersDistinct).flatMap(([name, values]) => values.map((value) => [name, value]))
    return new Response(body, { status: res.statusCode, headers: fields })
  }
}
