import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { type Hub, signIn, startHub } from '../../testing'
import { CookieJar } from '../support/browser'
import { certificate } from '../support/certificate'
import { callbackURL, type Json, OAuthApp } from '../support/oauth-app'

let hub: Hub
let app: OAuthApp
const others: Hub[] = []
beforeAll(async () => {
  hub = await startHub()
  app = new OAuthApp(hub)
})
afterEach(async () => {
  hub.faults = {}
  await Promise.all(others.splice(0).map((other) => other.close()))
})
afterAll(() => hub.close())

async function start(...options: Parameters<typeof startHub>): Promise<Hub> {
  const other = await startHub(...options)
  others.push(other)
  return other
}

const denied = { error: 'access_denied', error_description: 'The user denied the request', state: 'some state' }
const code = expect.any(String)

describe('signIn', () => {
  test('needs only the URL, and resolves with the callback URL', async () => {
    const callback = new URL(await signIn(app.authorizationURL(), 'ada'))
    expect(callback.origin + callback.pathname).toBe(callbackURL)
    expect(Object.fromEntries(callback.searchParams)).toEqual({ code, state: 'some state', iss: hub.url })
  })

  test('works over https', async () => {
    const own = await start({ tls: await certificate() })
    expect(await new OAuthApp(own).signIn('ada')).toMatchObject({ code, iss: own.url })
  })

  test.each([undefined, null, '', '/login', 'http://app.example/auth/huggingface'])(
    'says what it needs if it gets %p',
    async (location) => {
      await expect(signIn(location, 'ada')).rejects.toThrow(TypeError)
      await expect(hub.signIn(location, 'ada')).rejects.toThrow(TypeError)
    },
  )

  test('of a Hub does not visit another one', async () => {
    await expect(hub.signIn(app.authorizationURL().replace('127.0.0.1', 'localhost'), 'ada')).rejects.toThrow(
      `a URL of this Hub, ${hub.url}`,
    )
  })

  test('shows what responds in place of a local Hub', async () => {
    const server = createServer((_req, res) => res.end('<h1>My app</h1>')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/oauth/authorize`
    await expect(signIn(url, 'ada')).rejects.toThrow(`${url} responded with 200: <h1>My app</h1>`)
    server.close()
  })

  test.each<[string, string, string[] | undefined, RegExp]>([
    ['person', 'nobody', undefined, /400: nobody .* ada, bo, chidi, dana, emi\./],
    ['organization', 'bo', ['tidal-labs', 'tidal'], /400: tidal is not .* bo\. .* tidal-labs, open-atlas\./],
    ['organization of a person without any', 'emi', ['tidal'], /400: tidal .* none\./],
  ])('names those that there are if it gets an unknown %s', async (_, username, orgs, message) => {
    await expect(app.signIn(username, {}, orgs && { orgs })).rejects.toThrow(message)
  })

  test('denies for a person who consented before', async () => {
    await app.signIn('bo')
    for (const username of ['bo', 'chidi'])
      expect(await app.signIn(username, {}, { deny: true })).toMatchObject({ ...denied, iss: hub.url })
    expect(await app.signIn('bo')).toMatchObject({ code })
  })
})

test('everyone denies, even an app they allowed before, until the fault ends', async () => {
  await app.signIn('ada')
  hub.faults = { deny: true }
  for (const username of ['ada', 'bo']) expect(await app.signIn(username)).toMatchObject(denied)
  hub.faults = {}
  expect(await app.signIn('ada')).toMatchObject({ code })
})

describe('a redirect URI', () => {
  const callback = '/auth/huggingface/callback'
  test.each(['http://127.0.0.1', 'http://localhost:65000', 'http://[::1]:8080'])(
    'may be on any port of a loopback host: %s',
    async (origin) => {
      expect(await new OAuthApp(hub, hub.clients[0], origin + callback).signIn('ada')).toMatchObject({ code })
    },
  )

  test.each([
    'http://127.0.0.1:4567/other',
    `http://127.0.0.1:4567${callback}?more=1`,
    `https://127.0.0.1:4567${callback}`,
    `http://127.0.0.1.example.com${callback}`,
    `http://127.0.0.1@evil.example${callback}`,
  ])('that is not registered gets nobody back: %s', async (uri) => {
    const attempt = new OAuthApp(hub, hub.clients[0], uri).signIn('ada')
    await expect(attempt).rejects.toThrow(/400: 400 Error: invalid_redirect_uri\. /)
    await expect(attempt).rejects.toThrow(`Asked for: local-app, ${uri}. Registered: http://localhost${callback}`)
  })
})

test('an unknown app gets nobody back', async () => {
  const attempt = new OAuthApp(hub, { clientID: 'nobody' }).signIn('ada')
  await expect(attempt).rejects.toThrow(/400 Error: invalid_client\. .* Asked for: nobody, .* Registered: local-app, local-public-app/)
})

test('PKCE is S256, and required of an app without a secret', async () => {
  expect(await app.signIn('ada', { code_challenge_method: 'plain' })).toHaveProperty('error', 'invalid_request')
  const none = { code_challenge: undefined, code_challenge_method: undefined }
  expect(await new OAuthApp(hub, hub.clients[1]).signIn('ada', none)).toHaveProperty('error', 'invalid_request')
})

test('an app without registration signs people in by its metadata document', async () => {
  const redirectURI = 'http://localhost/callback'
  const document = { redirect_uris: [redirectURI], token_endpoint_auth_method: 'none' }
  const own = await start({
    clientMetadata: (id) => ({
      ...document,
      client_id: id.replace('/liar', ''),
      ...(id.endsWith('/small') && { scope: 'openid profile' }),
    }),
  })
  const of = (clientID: string) => new OAuthApp(own, { clientID }, 'http://localhost:3000/callback')
  const unregistered = of('https://app.example/cimd')
  expect(await unregistered.refresh(await unregistered.tokens('ada'))).toMatchObject({ status: 200, scope: 'openid profile email' })
  expect(await of('https://app.example/small').signIn('ada', { scope: 'email' })).toHaveProperty('error', 'invalid_scope')
  await expect(of('https://app.example/liar').signIn('ada')).rejects.toThrow('has the client_id https://app.example, but its URL is')
  await expect(new OAuthApp(hub, { clientID: 'https://app.example/cimd' }).signIn('ada')).rejects.toThrow('invalid_client')
})

describe('organizations', () => {
  const all = ['tidal-labs', 'open-atlas', 'lakeside', 'quartz-bank', 'friends-of-llamas']
  const userinfo = async (query?: Json, orgs?: string[]) => app.userinfo(await app.tokens('ada', query as Record<string, string>, orgs && { orgs }))
  const orgsOf = async (...args: Parameters<typeof userinfo>) => (await userinfo(...args))['orgs'] as Json[]
  const withRole = async (...args: Parameters<typeof userinfo>) => {
    const orgs = await orgsOf(...args)
    expect(orgs.map((org) => org['preferred_username'])).toEqual(all)
    return orgs.filter((org) => 'roleInOrg' in org).map((org) => `${org['preferred_username']}: ${org['roleInOrg']}`)
  }
  const idOf = (name: string) => hub.people[0]?.orgs.find(({ username }) => username === name)?.sub ?? ''

  test('have a role only if the person ticks them, then and at the next sign-in', async () => {
    const query = { scope: 'openid profile jobs' }
    expect(await withRole(query)).toEqual([])
    expect(await withRole(query, ['tidal-labs'])).toEqual(['tidal-labs: admin'])
    expect(await withRole(query)).toEqual(['tidal-labs: admin'])
    expect(await withRole(query, [idOf('open-atlas')])).toEqual(['open-atlas: write'])
    expect(await withRole(query, [])).toEqual([])
  })

  test('that the app asks for are ticked already', async () => {
    const query = { scope: 'openid profile webhooks', prompt: 'consent' }
    expect(await withRole({ ...query, orgIds: idOf('tidal-labs') })).toEqual(['tidal-labs: admin'])
    const orgIds = [idOf('open-atlas'), idOf('quartz-bank')]
    expect(await withRole({ ...query, orgIds })).toEqual(['tidal-labs: admin', 'open-atlas: write', 'quartz-bank: contributor'])
  })

  test('all have a role for an app with read-memberships', async () => {
    expect(await withRole({ scope: 'profile read-memberships' })).toHaveLength(all.length)
  })

  test('look like those of the Hub', async () => {
    const [tidal] = await orgsOf({ scope: 'profile' })
    const picture = `${hub.url}/avatars/tidal-labs.svg`
    const sub = idOf('tidal-labs')
    expect(tidal).toEqual({ sub, name: 'Tidal Labs', preferred_username: 'tidal-labs', picture, plan: 'enterprise' })
    expect((await fetch(picture)).headers.get('content-type')).toContain('image/svg+xml')
  })
})

describe('in a browser', () => {
  const page = async (path: string, of = hub) => (await fetch(of.url + path)).text()

  /** Goes to an address, or sends a form to it, and follows redirects to a page or back to the app. */
  async function visit(jar: CookieJar, url: string, form?: Record<string, string>): Promise<{ url: string; text: string }> {
    const headers = { cookie: jar.header(url) }
    const res = await fetch(url, { redirect: 'manual', headers, ...(form && { method: 'POST', body: new URLSearchParams(form) }) })
    jar.keep(url, res.headers.getSetCookie())
    const location = new URL(res.headers.get('location') ?? '', url).href
    if (location.startsWith(callbackURL)) return { url: location, text: 'the app' }
    return res.headers.has('location') ? visit(jar, location) : { url, text: await res.text() }
  }

  /** What somebody sees who begins a sign-in, and is asked who they are. */
  async function arrive(query = {}, username = 'ada', jar = new CookieJar()) {
    const people = await visit(jar, app.authorizationURL(query))
    expect(people.text).toContain('<h1>Choose a person</h1>')
    return { jar, ...(await visit(jar, people.url, { username })) }
  }

  test('the consent page says who asks for what, once for each person, app and set of scopes', async () => {
    const { jar, url, text } = await arrive({ scope: 'openid jobs' }, 'dana')
    for (const shown of ['Authorize My app?', 'local-app', 'Dana Whitfield', '<code>jobs</code>']) expect(text).toContain(shown)
    expect(text).not.toContain('email</code>')
    expect((await visit(jar, url, { decision: 'deny' })).url).toContain('error=access_denied')
    const again = await visit(jar, app.authorizationURL({ scope: 'openid jobs' }))
    expect(again.text).toContain('Authorize My app?')
    expect((await visit(jar, again.url, { decision: 'authorize', orgs: '' })).url).toContain('code=')
    expect((await visit(jar, app.authorizationURL({ scope: 'jobs openid' }))).url).toContain('code=')
    for (const query of [{ scope: 'openid' }, { scope: 'openid jobs', prompt: 'consent' }]) {
      expect((await visit(jar, app.authorizationURL(query))).text).toContain('Authorize My app?')
    }
    hub.faults = { deny: true }
    expect((await visit(jar, app.authorizationURL({ scope: 'openid jobs' }))).url).toContain('error=access_denied')
  })

  test('the consent page says which organizations show a role', async () => {
    const [some, every] = [await arrive({ scope: 'openid', prompt: 'consent' }), await arrive({ scope: 'read-memberships' })]
    expect(some.text).toContain('all your organizations, and your role in those you tick.')
    expect(every.text).toContain('all your organizations, and your role in all of them.')
  })

  test('an organization that was ticked can be unticked', async () => {
    const scope = 'openid read-mcp'
    await app.signIn('bo', { scope }, { orgs: ['tidal-labs', 'open-atlas'] })
    const { jar, url, text } = await arrive({ scope, prompt: 'consent' }, 'bo')
    expect(text.match(/ checked>/g)).toHaveLength(2)
    await visit(jar, url, { decision: 'authorize', orgs: '' })
    expect((await visit(jar, app.authorizationURL({ scope, prompt: 'consent' }))).text).not.toContain(' checked>')
  })

  test('a person who is not the right one is changed on the consent page, or signs out', async () => {
    const { jar, url } = await arrive({ scope: 'openid read-repos' })
    const people = await visit(jar, url, { decision: 'switch' })
    expect(people.text).toContain('Choose a person')
    expect((await visit(jar, people.url, { username: 'chidi' })).text).toContain('Chidi Okafor')
    expect((await visit(jar, `${hub.url}/sign-out`, {})).text).toContain('<h1>Local Hub</h1>')
    expect((await arrive({}, 'bo', jar)).text).not.toContain('Chidi Okafor')
  })

  test('people have a picture and a page, and other addresses have none', async () => {
    expect(await page('/avatars/ada.svg')).toContain('>A</text>')
    expect(await page('/ada')).toContain('<h1>Ada Moreno</h1>')
    expect(await page('/nobody')).toContain('The local Hub has no page /nobody.')
    expect(await page('/interaction/long-gone')).toContain('Sign in again in the app.')
  })

  test('markup in names is shown as text', async () => {
    const evil = '"><script>alert(1)</script>'
    const own = await start({ people: [{ username: 'x', name: evil, email: evil, orgs: [{ username: 'o', name: evil, role: evil }] }] })
    const jar = new CookieJar()
    const people = await visit(jar, new OAuthApp(own).authorizationURL())
    const consent = await visit(jar, people.url, { username: 'x' })
    for (const text of [people.text, consent.text, await page('/x', own)]) {
      expect(text).toContain('&#34;&#62;&#60;script&#62;')
      expect(text).not.toContain('<script')
    }
  })
})

test('a port that is taken is an error', async () => {
  await expect(startHub({ port: Number(new URL(hub.url).port) })).rejects.toThrow('EADDRINUSE')
})
