import { createServer } from 'node:http'
import { afterEach, describe, expect, test } from '@jest/globals'
import express, { type Express, Router } from 'express'
import express4 from 'express4'
import { Passport } from 'passport'
import { HuggingFaceStrategy } from '../../lib'
import type { RunningApp } from './battery'
import { Browser } from './browser'
import { listening } from './express'

const start = async (callbackURL: string | undefined, { create = express, proxy = false, addRoutes = atRoot, options = {} } = {}) => {
  const passport = new Passport()
  // no request goes to this hub: these tests look at what it would be asked
  const hub = { hubURL: 'http://127.0.0.1:9', clientID: 'an-app', clientSecret: 'its secret' }
  passport.use(new HuggingFaceStrategy({ ...hub, callbackURL, proxy }, () => true))
  const app = create()
  app.set('env', 'test')
  addRoutes(app, passport.authenticate('huggingface', { session: false, ...options }))
  running = await listening((port, ready) => app.listen(port, '127.0.0.1', ready))
  return new Browser(running.port)
}
const atRoot = (app: Express, begin: express.Handler) => {
  app.get('/sign-in', begin)
}
const redirectURI = async (browser: Browser, path = '/sign-in', headers: Record<string, string> = {}) =>
  new URL(await browser.begin(path, { headers })).searchParams.get('redirect_uri')

let running: RunningApp | undefined
afterEach(async () => {
  await running?.close()
  running = undefined
})

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
])('callbackURL in %s', (_, create) => {
  test('relative starts where the router is mounted', async () => {
    const addRoutes = (app: Express, begin: express.Handler) => {
      const [outer, inner] = [Router(), Router()]
      inner.get('/huggingface', begin)
      outer.use('/auth', inner)
      app.use('/en', outer)
    }
    for (const [callbackURL, path] of [
      ['huggingface/callback', '/en/auth/huggingface/callback'],
      ['./huggingface/callback', '/en/auth/huggingface/callback'],
      ['/auth/callback', '/auth/callback'],
      ['?callback', '/en/auth/?callback'],
    ] as const) {
      const browser = await start(callbackURL, { create, addRoutes })
      expect(await redirectURI(browser, '/en/auth/huggingface')).toBe(`${browser.origin}${path}`)
      await running?.close()
    }
  })

  test.each<[setting: unknown, expected: string]>([
    [false, 'http://app.internal/callback'],
    ['10.0.0.0/8', 'http://app.internal/callback'],
    [0, 'http://app.internal/callback'],
    [() => false, 'http://app.internal/callback'],
    ['loopback', 'https://app.example/callback'],
    [1, 'https://app.example/callback'],
    [true, 'https://app.example/callback'],
  ])('relative believes forwarded headers only of a peer that "trust proxy" trusts: %s', async (setting, expected) => {
    const addRoutes = (app: Express, begin: express.Handler) => {
      app.set('trust proxy', setting)
      atRoot(app, begin)
    }
    const browser = await start('/callback', { create, addRoutes })
    const forwarded = { host: 'app.internal', 'x-forwarded-host': 'app.example', 'x-forwarded-proto': 'https' }
    expect(await redirectURI(browser, '/sign-in', forwarded)).toBe(expected)
  })

  test('relative takes the first of several forwarded values, as the framework does', async () => {
    const addRoutes = (app: Express, begin: express.Handler) => {
      app.set('trust proxy', true)
      atRoot(app, begin)
    }
    const browser = await start('/callback', { create, addRoutes })
    const forwarded = { 'x-forwarded-host': 'app.example, inner.example', 'x-forwarded-proto': 'https, http' }
    expect(await redirectURI(browser, '/sign-in', forwarded)).toBe('https://app.example/callback')
  })

  test('relative keeps the port of the host', async () => {
    const browser = await start('/callback', { create })
    expect(await redirectURI(browser, '/sign-in', { host: 'app.example:8443' })).toBe('http://app.example:8443/callback')
    expect(await redirectURI(browser, '/sign-in', { host: '[::1]:3000' })).toBe('http://[::1]:3000/callback')
  })
})

test('callbackURL with the option proxy believes forwarded headers, as passport-oauth2 does', async () => {
  const browser = await start('/callback', { proxy: true })
  const forwarded = { 'x-forwarded-host': 'app.example', 'x-forwarded-proto': 'https' }
  expect(await redirectURI(browser, '/sign-in', forwarded)).toBe('https://app.example/callback')
  expect(await redirectURI(browser)).toBe(`${browser.origin}/callback`)
})

test('callbackURL that is absolute is what it is, whatever the request says', async () => {
  const browser = await start('https://app.example/callback', { proxy: true })
  const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' }
  expect(await redirectURI(browser, '/sign-in', headers)).toBe('https://app.example/callback')
})

test('callbackURL of a request wins over that of the strategy, and may be relative too', async () => {
  const own = await start('https://app.example/callback', { options: { callbackURL: 'https://tenant.example/callback' } })
  expect(await redirectURI(own)).toBe('https://tenant.example/callback')
  await running?.close()
  const relative = await start('https://app.example/callback', { options: { callbackURL: '/tenant/callback' } })
  expect(await redirectURI(relative)).toBe(`${relative.origin}/tenant/callback`)
})

test('callbackURL left out leaves the redirect URI to the Hub', async () => {
  expect(await redirectURI(await start(undefined))).toBeNull()
})

test.each([['evil.example/path?'], ['user@evil.example'], ['evil.example\\@app.example'], ['app.example:notaport'], ['é.example']])(
  'a Host header that is no host is an error where the callbackURL is relative: %j',
  async (host) => {
    const { status, location, text } = await (await start('/callback')).visit('/sign-in', { headers: { host } })
    expect({ status, location }).toEqual({ status: 500, location: undefined })
    expect(text).toContain('absolute callbackURL')
  },
)

test('a server without a framework resolves it by its own Host header, and trusts nobody', async () => {
  const strategy = new HuggingFaceStrategy(
    { hubURL: 'http://127.0.0.1:9', clientID: 'an-app', clientSecret: 'its secret', callbackURL: '/callback' },
    () => true,
  )
  running = await listening((port, ready) =>
    createServer((req, res) => {
      const actions = {
        redirect: (location: string) => res.writeHead(302, { location }).end(),
        fail: ({ code }: { code: string }, status: number) => res.writeHead(status).end(code),
        error: (error: Error) => res.writeHead(500).end(error.message),
      }
      Object.assign(Object.create(strategy), actions).authenticate(Object.assign(req, { res }))
    }).listen(port, '127.0.0.1', ready),
  )
  const browser = new Browser(running.port)
  const lies = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
  expect(await redirectURI(browser, '/', lies)).toBe(`${browser.origin}/callback`)
  // the query is read from the address, where no framework has parsed it: a callback does not begin anew, which would go round in circles
  expect(await browser.visit('/callback?code=stolen&state=unknown')).toMatchObject({ status: 403, text: 'state_unknown' })
  expect(await browser.visit('/callback?code=a&code=b&state=unknown')).toMatchObject({ status: 400, text: 'invalid_callback' })
})
