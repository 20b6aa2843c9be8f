import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { type Hub, signIn, startHub } from '../../testing'
import { Browser } from '../support/browser'
import { callbackURL, type Json, oauthApp } from '../support/oauth-app'

const callbackPath = '/auth/huggingface/callback'
const markup = '"><script>alert(1)</script>'
const people = [{ username: 'ada' }, { username: 'x', name: markup, email: markup, orgs: [{ username: 'o', name: markup, role: markup }] }]
/** The document of an app. With `/liar` in its address, it is another app's. */
const clientMetadata = (clientID: string) => ({
  client_id: clientID.replace('/liar', ''),
  redirect_uris: ['http://localhost/callback'],
  token_endpoint_auth_method: 'none',
  ...(clientID.endsWith('/small') && { scope: 'openid profile' }),
})

let hub: Hub
let other: Hub
let app: ReturnType<typeof oauthApp>
beforeAll(async () => {
  hub = await startHub()
  other = await startHub({ people, clientMetadata })
  app = oauthApp(hub)
})
afterEach(() => {
  hub.faults = {}
})
afterAll(() => Promise.all([hub.close(), other.close()]))

const denied = { error: 'access_denied', error_description: 'The user denied the request', state: 'some state' }
const code = expect.any(String)

describe('signIn', () => {
  test('needs only the URL, and resolves with the callback URL', async () => {
    const callback = new URL(await signIn(app.authorizationURL(), 'ada'))
    expect(callback.origin + callback.pathname).toBe(callbackURL)
    expect(Object.fromEntries(callback.searchParams)).toEqual({ code, state: 'some state', iss: hub.url })
  })

  test.each([undefined, null, '', '/login', 'http://app.example/auth'])('says what it needs if it gets %p', async (location) => {
    await expect(signIn(location, 'ada')).rejects.toThrow(TypeError)
    await expect(hub.signIn(location, 'ada')).rejects.toThrow(TypeError)
  })

  test('does not guess which of two people of one name is meant', async () => {
    const people = [{ username: 'ada' }, { username: 'bo' }, { username: 'ada' }]
    await expect(startHub({ people })).rejects.toThrow('two people have the username ada')
  })

  test('of a Hub does not visit another one', async () => {
    await expect(hub.signIn(oauthApp(other).authorizationURL(), 'ada')).rejects.toThrow(`a URL of this Hub, ${hub.url}`)
  })

  test.each<[string, string, string[] | undefined, RegExp]>([
    ['person', 'nobody', undefined, /400: nobody .* ada, bo, chidi, dana, emi\./],
    ['organization', 'bo', ['tidal-labs', 'tidal'], /400: tidal .* bo\. .* tidal-labs, open-atlas\./],
    ['organization of a person without any', 'emi', ['tidal'], /400: tidal .* none\./],
  ])('names those that there are if it gets an unknown %s', async (_, username, orgs, message) => {
    await expect(app.signIn(username, {}, orgs && { orgs })).rejects.toThrow(message)
  })

  test('denies even for a person who consented before', async () => {
    expect(await app.signIn('bo')).toMatchObject({ code })
    for (const username of ['bo', 'chidi']) expect(await app.signIn(username, {}, { deny: true })).toEqual({ ...denied, iss: hub.url })
  })
})

test.each(['http://127.0.0.1', 'http://localhost:65000', 'http://[::1]:8080'])(
  'a callback may be on any loopback port: %s',
  async (origin) => {
    expect(await oauthApp(hub, hub.clients[0], origin + callbackPath).signIn('ada')).toMatchObject({ code })
  },
)

test.each<[string, string, RegExp]>([
  ['local-app', 'http://127.0.0.1:4567/other', /redirect_uri\. .* Registered: http:\/\/localhost/],
  ['local-app', `http://127.0.0.1:4567${callbackPath}?more=1`, /redirect_uri/],
  ['local-app', `https://127.0.0.1:4567${callbackPath}`, /redirect_uri/],
  ['local-app', `http://127.0.0.1.example.com${callbackPath}`, /redirect_uri/],
  ['local-app', `http://127.0.0.1@evil.example${callbackPath}`, /redirect_uri/],
  ['nobody', callbackURL, /invalid_client\. .* Registered: local-app, local-public-app/],
  ['https://app.example/cimd', callbackURL, /invalid_client/],
])('nobody is sent back to an app that is not registered: %s at %s', async (clientID, uri, message) => {
  const attempt = oauthApp(hub, { clientID }, uri).signIn('ada')
  await expect(attempt).rejects.toThrow(message)
  await expect(attempt).rejects.toThrow(`Asked for: ${clientID}, ${uri}.`)
})

test('an app without registration signs people in by its metadata document', async () => {
  const at = (clientID: string) => oauthApp(other, { clientID }, 'http://localhost:3000/callback')
  const unregistered = at('https://app.example/cimd')
  expect(await unregistered.refresh(await unregistered.tokens('ada'))).toMatchObject({ status: 200, scope: 'openid profile email' })
  expect(await at('https://app.example/small').signIn('ada', { scope: 'email' })).toHaveProperty('error', 'invalid_scope')
  await expect(at('https://app.example/liar').signIn('ada')).rejects.toThrow('has the client_id https://app.example, but')
})

describe('organizations', () => {
  const idOf = (name: string) => hub.people[0]?.orgs.find(({ username }) => username === name)?.sub ?? ''
  const orgsOf = async (query: object, orgs?: string[]) =>
    (await app.userinfo(await app.tokens('ada', { ...query }, orgs && { orgs })))['orgs'] as Json[]
  const roles = async (...args: Parameters<typeof orgsOf>) => (await orgsOf(...args)).map((org) => org['roleInOrg'] ?? '-').join(' ')

  test('have a role only if the person ticks them, then and at the next sign-in', async () => {
    const query = { scope: 'openid profile jobs' }
    expect(await roles(query)).toBe('- - - - -')
    expect(await roles(query, ['tidal-labs'])).toBe('admin - - - -')
    expect(await roles(query)).toBe('admin - - - -')
    expect(await roles(query, [idOf('open-atlas')])).toBe('- write - - -')
    expect(await roles(query, [])).toBe('- - - - -')
  })

  test('that the app asks for are ticked already, and all have a role if it may read memberships', async () => {
    const query = { scope: 'openid profile webhooks', prompt: 'consent' }
    expect(await roles({ ...query, orgIds: idOf('tidal-labs') })).toBe('admin - - - -')
    expect(await roles({ ...query, orgIds: ['open-atlas', 'quartz-bank'].map(idOf) })).toBe('admin write - contributor -')
    expect(await roles({ scope: 'profile read-memberships' })).toBe('admin write read contributor read')
  })
})

describe('in a browser', () => {
  /** What somebody sees who begins a sign-in, and is asked who they are. */
  async function arrive(username: string, query = {}, person = new Browser(hub.url), of = app) {
    const choice = await person.follow(of.authorizationURL(query))
    expect(choice.text).toContain('<h1>Choose a person</h1>')
    return { person, choice, ...(await person.follow(choice.url, { form: { username } })) }
  }

  test('a person is asked once for each app and set of scopes, and not if they denied', async () => {
    const { person, url, text } = await arrive('dana', { scope: 'openid jobs' })
    for (const shown of ['Authorize My app?', 'local-app', 'Dana Whitfield', '<code>jobs</code>']) expect(text).toContain(shown)
    expect(text).not.toContain('email</code>')
    const goAgain = (query: object) => person.follow(app.authorizationURL({ scope: 'openid jobs', ...query }))
    expect((await person.follow(url, { form: { decision: 'deny' } })).location).toContain('error=access_denied')
    const again = await goAgain({})
    expect((await person.follow(again.url, { form: { decision: 'authorize', orgs: '' } })).location).toContain('code=')
    expect((await goAgain({ scope: 'jobs openid' })).location).toContain('code=')
    for (const query of [{ scope: 'openid' }, { prompt: 'consent' }]) expect((await goAgain(query)).text).toContain('Authorize My app?')
    hub.faults = { deny: true }
    for (const username of ['dana', 'chidi']) expect(await app.signIn(username)).toMatchObject(denied)
    expect((await goAgain({})).location).toContain('error=access_denied')
  })

  test('the consent page says what organizations show, and they can be unticked', async () => {
    const scope = 'openid read-mcp'
    await app.signIn('bo', { scope }, { orgs: ['tidal-labs', 'open-atlas'] })
    const { person, url, text } = await arrive('bo', { scope, prompt: 'consent' })
    expect(text).toContain('your role in those you tick.')
    expect(text.match(/ checked>/g)).toHaveLength(2)
    await person.follow(url, { form: { decision: 'authorize', orgs: '' } })
    expect((await person.follow(app.authorizationURL({ scope, prompt: 'consent' }))).text).not.toContain(' checked>')
    expect((await arrive('bo', { scope: 'read-memberships' })).text).toContain('your role in all of them.')
  })

  test('a person who is not the right one is changed on the consent page, or signs out', async () => {
    const { person, url } = await arrive('ada', { scope: 'openid read-repos' })
    const choice = await person.follow(url, { form: { decision: 'switch' } })
    expect(choice.text).toContain('Choose a person')
    expect((await person.follow(choice.url, { form: { username: 'chidi' } })).text).toContain('Chidi Okafor')
    expect((await person.follow('/sign-out', { form: {} })).text).toContain('<h1>Local Hub</h1>')
    expect((await arrive('bo', { scope: 'jobs' }, person)).text).toContain('Bo Lindqvist')
  })

  test.each([
    ['/ada', 200, '<h1>Ada Moreno</h1>'],
    ['/nobody', 404, 'The local Hub has no page /nobody.'],
    ['/interaction/long-gone', 400, 'Sign in again in the app.'],
  ])('the page %s has the status %p', async (path, status, shown) => {
    const res = await fetch(hub.url + path)
    expect([res.status, await res.text()]).toEqual([status, expect.stringContaining(shown)])
  })

  test('markup in names is shown as text', async () => {
    const { person, choice, text } = await arrive('x', {}, new Browser(other.url), oauthApp(other))
    for (const shown of [choice.text, text, (await person.visit('/x')).text]) {
      expect(shown).toContain('&#34;&#62;&#60;script&#62;')
      expect(shown).not.toContain('<script')
    }
  })
})
