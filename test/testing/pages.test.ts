import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Hub, startHub } from '../../testing'
import { App, type Json, type Params } from './app'

let hub: Hub
let app: App

beforeEach(async () => {
  hub = await startHub()
  app = new App(hub)
})
afterEach(() => hub.close())

/** The address and text of the consent page that ada sees, or of the app's callback. */
async function consentPage(
  params: Params = {},
  cookies = new Map<string, string>(),
): Promise<{ url: string; text: string }> {
  let url = app.authorizationURL(params)
  let body: URLSearchParams | undefined
  for (;;) {
    const res = await fetch(url, {
      ...(body && { method: 'POST', body }),
      redirect: 'manual',
      headers: { cookie: [...cookies].map((cookie) => cookie.join('=')).join('; ') },
    })
    for (const line of res.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    const text = await res.text()
    const location = res.headers.get('location')
    body = undefined
    if (location?.startsWith(app.redirectURI)) {
      return { url: location, text }
    }
    if (location !== null) {
      url = new URL(location, url).href
    } else if (text.includes('<h1>Choose a person')) {
      body = new URLSearchParams({ username: 'ada' })
    } else {
      return { url, text }
    }
  }
}

test('the consent page says what the app asks for', async () => {
  const { text } = await consentPage()
  expect(text).toContain('Authorize My app?')
  expect(text).toContain('See your e-mail address')
  expect(text).not.toContain('Run jobs')
  expect(text).toContain('My app sees all your organizations, and your role in those you tick.')
  const { text: memberships } = await consentPage({ scope: 'openid read-memberships' })
  expect(memberships).toContain('and your role in all of them.')
})

test('the Hub asks once for each person, app and set of scopes', async () => {
  await hub.signIn(app.authorizationURL({ prompt: 'consent' }), 'ada', { deny: true })
  expect((await consentPage()).text).toContain('Authorize My app?')
  await app.signIn('ada')
  expect((await consentPage({ scope: 'email profile openid' })).url).toContain('code=')
  expect((await consentPage({ scope: 'openid jobs' })).text).toContain('Run jobs')
  expect((await consentPage({ prompt: 'consent' })).text).toContain('Authorize My app?')
})

test('a person who is signed in and has consented denies too when everyone does', async () => {
  const cookies = new Map<string, string>()
  await app.signIn('ada')
  expect((await consentPage({}, cookies)).url).toContain('code=')
  hub.faults = { deny: true }
  expect((await consentPage({}, cookies)).url).toContain('error=access_denied')
})

describe('organizations', () => {
  async function orgs(params?: Params, ticked?: string[]): Promise<Json[]> {
    const { orgs } = await app.userinfo(await app.tokens('ada', params, ticked))
    return orgs as Json[]
  }

  async function roles(params?: Params, ticked?: string[]): Promise<Json> {
    const seen = await orgs(params, ticked)
    expect(seen).toHaveLength(5)
    const withRole = seen.filter((org) => 'roleInOrg' in org)
    return Object.fromEntries(withRole.map((org) => [org['preferred_username'], org['roleInOrg']]))
  }

  const sub = (name: string): string =>
    hub.people[0]?.orgs.find(({ username }) => username === name)?.sub ?? ''

  test('have a role only after the person ticks them, then and at the next sign-in', async () => {
    expect(await roles()).toEqual({})
    expect(await roles({ prompt: 'consent' }, ['tidal-labs'])).toEqual({ 'tidal-labs': 'admin' })
    expect(await roles()).toEqual({ 'tidal-labs': 'admin' })
    const others = await roles({ prompt: 'consent' }, [sub('open-atlas')])
    expect(others).toEqual({ 'open-atlas': 'write' })
  })

  test('in orgIds are ticked on the consent page', async () => {
    expect(await roles({ orgIds: sub('tidal-labs') })).toEqual({ 'tidal-labs': 'admin' })
    const orgIds = [sub('open-atlas'), sub('quartz-bank')]
    expect(await roles({ orgIds, prompt: 'consent' })).toEqual({
      'tidal-labs': 'admin',
      'open-atlas': 'write',
      'quartz-bank': 'contributor',
    })
  })

  test('all have a role for an app with read-memberships', async () => {
    expect(Object.keys(await roles({ scope: 'profile read-memberships' }))).toHaveLength(5)
  })

  test('have billing for an app with read-billing', async () => {
    const [tidal, atlas] = await orgs({ scope: 'profile read-billing' }, ['tidal-labs'])
    expect(tidal).toEqual({
      sub: sub('tidal-labs'),
      name: 'Tidal Labs',
      picture: `${hub.url}/avatars/tidal-labs.svg`,
      preferred_username: 'tidal-labs',
      plan: 'enterprise',
      roleInOrg: 'admin',
      canPay: true,
      billingMode: 'postpaid',
      resourceGroups: [{ sub: expect.any(String), name: 'research', role: 'admin' }],
    })
    expect(atlas).not.toHaveProperty('canPay')
  })
})

test('profiles and avatars have pages', async () => {
  const avatar = await fetch(`${hub.url}/avatars/ada.svg`)
  expect(avatar.headers.get('content-type')).toContain('image/svg+xml')
  expect(await avatar.text()).toContain('>A</text>')
  expect(await (await fetch(`${hub.url}/ada`)).text()).toContain('Ada Moreno')
  expect(await (await fetch(`${hub.url}/tidal-labs`)).text()).toContain('Tidal Labs')
})

test('an unknown page says so and has a way home', async () => {
  const res = await fetch(`${hub.url}/nobody`)
  expect(res.status).toBe(404)
  const text = await res.text()
  expect(text).toContain('The local Hub has no page /nobody.')
  expect(text).toContain('href="/">Home')
  expect(text).not.toContain('again')
})

test('a refused request can be tried again, and an old sign-in cannot', async () => {
  const url = new App(hub, { clientID: 'nobody' }).authorizationURL()
  expect(await (await fetch(url)).text()).toMatch(/href="\/oauth\/authorize\?[^"]+">Try again/)
  const expired = await (await fetch(`${hub.url}/interaction/long-gone`)).text()
  expect(expired).toContain('Go back to the app and sign in again.')
})

test('markup in names is shown as text', async () => {
  const orgs = [{ username: 'o', name: '"><i>o' }]
  const person = { username: 'x', name: '<script>alert(1)</script>', orgs }
  const own = await startHub({ people: [person] })
  try {
    for (const path of ['/', '/x', '/o']) {
      const text = await (await fetch(own.url + path)).text()
      expect(text).not.toMatch(/<script>|"><i>o/)
    }
  } finally {
    await own.close()
  }
})
