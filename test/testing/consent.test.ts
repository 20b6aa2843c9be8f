import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Hub, startHub } from '../../testing/index'
import { App, type Json } from './app'

let hub: Hub
let app: App

beforeEach(async () => {
  hub = await startHub()
  app = new App(hub)
})

afterEach(() => hub.close())

/** What a person sees on the consent page, or undefined when there is none. */
async function consentPage(params: Record<string, string | string[]> = {}): Promise<string | undefined> {
  const cookies = new Map<string, string>()
  let method = 'GET'
  let address = app.authorizationURL(params)
  let body: URLSearchParams | null = null
  for (;;) {
    const answer = await fetch(address, {
      method,
      body,
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    const page = await answer.text()
    const location = answer.headers.get('location')
    method = 'GET'
    body = null
    if (location === null && page.includes('data-page="login"')) {
      method = 'POST'
      body = new URLSearchParams({ username: 'ada' })
    } else if (location === null) {
      return page
    } else if (location.startsWith(app.redirectURI)) {
      return undefined
    } else {
      address = new URL(location, address).href
    }
  }
}

test('a person who denies is sent back with access_denied and the state', async () => {
  const callback = new URL(await hub.signIn(app.authorizationURL(), 'ada', { deny: true }))
  expect(Object.fromEntries(callback.searchParams)).toEqual({
    error: 'access_denied',
    error_description: 'The user denied the request',
    state: 'some state',
    iss: hub.url,
  })
})

test('consent says what the app asks for, once for the same person, app and scopes', async () => {
  const page = await consentPage()
  expect(page).toContain('Authorize <em>My app</em>?')
  expect(page).toContain('See your e-mail address')
  expect(page).not.toContain('Run jobs')

  await app.code('ada')
  expect(await consentPage()).toBeUndefined()
  expect(await consentPage({ scope: 'email profile openid' })).toBeUndefined()
  expect(await consentPage({ scope: 'openid profile email jobs' })).toContain('Run jobs')
})

test('a denial is not remembered', async () => {
  await hub.signIn(app.authorizationURL(), 'ada', { deny: true })
  expect(await consentPage()).toContain('Authorize')
})

test('prompt=consent asks again', async () => {
  await app.code('ada')
  expect(await consentPage({ prompt: 'consent' })).toContain('Authorize')
})

describe('organizations', () => {
  const tidal = 'tidal-labs'

  async function roles(params?: Record<string, string | string[]>, orgs?: string[]): Promise<Record<string, unknown>> {
    const { access_token: token } = await app.tokens('ada', params, orgs)
    const { orgs: seen } = (await app.userinfo(token)) as { orgs: Json[] }
    expect(seen).toHaveLength(5)
    return Object.fromEntries(seen.filter((org) => 'roleInOrg' in org).map((org) => [org['preferred_username'], org['roleInOrg']]))
  }

  function sub(username: string): string {
    const org = hub.people[0]?.orgs.find((one) => one.username === username)
    return org?.sub ?? ''
  }

  test('show no role before they are granted', async () => {
    expect(await roles()).toEqual({})
  })

  test('that the person ticks show their role, then and at the next sign-in', async () => {
    expect(await roles({}, [tidal])).toEqual({ [tidal]: 'admin' })
    expect(await roles()).toEqual({ [tidal]: 'admin' })
  })

  test('named by orgIds are ticked on the consent page, one or several', async () => {
    expect(sub(tidal)).toMatch(/^[0-9a-f]{24}$/)
    expect(await roles({ orgIds: sub(tidal) })).toEqual({ [tidal]: 'admin' })
    const two = await roles({ orgIds: [sub('open-atlas'), sub('quartz-bank')], prompt: 'consent' })
    expect(two).toEqual({ [tidal]: 'admin', 'open-atlas': 'write', 'quartz-bank': 'contributor' })
  })

  test('that were granted before can be taken back with prompt=consent', async () => {
    await roles({}, [tidal, 'open-atlas'])
    expect(await roles({ prompt: 'consent' }, ['open-atlas'])).toEqual({ 'open-atlas': 'write' })
  })

  test('all show their role to an app with read-memberships', async () => {
    expect(Object.keys(await roles({ scope: 'profile read-memberships' }))).toHaveLength(5)
  })

  test('say more to an app that may read billing', async () => {
    const { access_token: token } = await app.tokens('ada', { scope: 'profile read-billing' }, [tidal])
    const { orgs } = (await app.userinfo(token)) as { orgs: Json[] }
    expect(orgs[0]).toEqual({
      sub: sub(tidal),
      name: 'Tidal Labs',
      picture: `${hub.url}/avatars/tidal-labs.svg`,
      preferred_username: tidal,
      plan: 'enterprise',
      roleInOrg: 'admin',
      canPay: true,
      billingMode: 'postpaid',
      resourceGroups: [{ sub: expect.any(String), name: 'research', role: 'admin' }],
    })
    expect(orgs[1]).not.toHaveProperty('canPay')
  })
})
