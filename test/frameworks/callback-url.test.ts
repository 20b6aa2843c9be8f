import { afterEach, describe, expect, test } from '@jest/globals'
import express, { type Express, Router } from 'express'
import express4 from 'express4'
import { Passport } from 'passport'
import { HuggingFaceStrategy } from '../../lib'
import { Browser } from '../support/browser'
import type { RunningApp } from './battery'
import { listening } from './express'

let running: RunningApp | undefined
afterEach(async () => {
  await running?.close()
  running = undefined
})

interface Kind {
  create?: typeof express
  proxy?: boolean
  trustProxy?: unknown
  addRoutes?: (app: Express, begin: express.Handler) => unknown
  options?: object
}

async function start(
  callbackURL: string | undefined,
  { create = express, proxy = false, trustProxy = false, addRoutes = (app, begin) => app.get('/sign-in', begin), options = {} }: Kind = {},
) {
  await running?.close()
  const passport = new Passport()
  // no request goes to this hub: these tests look at what it would be asked
  const hub = { hubURL: 'http://127.0.0.1:9', clientID: 'an-app', clientSecret: 'its secret' }
  passport.use(new HuggingFaceStrategy({ ...hub, callbackURL, proxy }, async () => null))
  const app = create()
  app.set('env', 'test')
  app.set('trust proxy', trustProxy)
  addRoutes(app, passport.authenticate('huggingface', { session: false, ...options }))
  running = await listening(app)
  return new Browser(running.port)
}
const redirectURI = async (browser: Browser, path = '/sign-in', headers: Record<string, string> = {}) =>
  new URL(await browser.begin(path, { headers })).searchParams.get('redirect_uri')
const forwarded = { host: 'app.internal', 'x-forwarded-host': 'app.example, inner.example', 'x-forwarded-proto': 'https, http' }

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
])('a relative callbackURL in %s', (_, create) => {
  test.each([
    ['huggingface/callback', '/en/auth/huggingface/callback'],
    ['./huggingface/callback', '/en/auth/huggingface/callback'],
    ['/auth/callback', '/auth/callback'],
    ['?callback', '/en/auth/?callback'],
  ])('starts where the router is mounted, or at the root: %s', async (callbackURL, path) => {
    const addRoutes: Kind['addRoutes'] = (app, begin) =>
      app.use('/en', Router().use('/auth', Router().get('/huggingface', begin) as Router))
    const browser = await start(callbackURL, { create, addRoutes })
    expect(await redirectURI(browser, '/en/auth/huggingface')).toBe(`${browser.origin}${path}`)
  })

  test.each<[setting: unknown, expected: string]>([
    [false, 'http://app.internal/callback'],
    ['10.0.0.0/8', 'http://app.internal/callback'],
    [0, 'http://app.internal/callback'],
    [() => false, 'http://app.internal/callback'],
    ['loopback', 'https://app.example/callback'],
    [1, 'https://app.example/callback'],
    [true, 'https://app.example/callback'],
  ])('believes forwarded headers, the first of several, only of a peer that "trust proxy" trusts: %s', async (trustProxy, expected) => {
    expect(await redirectURI(await start('/callback', { create, trustProxy }), '/sign-in', forwarded)).toBe(expected)
  })

  test('keeps the port of the host', async () => {
    const browser = await start('/callback', { create })
    for (const host of ['app.example:8443', '[::1]:3000']) {
      expect(await redirectURI(browser, '/sign-in', { host })).toBe(`http://${host}/callback`)
    }
  })
})

test('a relative callbackURL with the option proxy believes forwarded headers', async () => {
  const browser = await start('/callback', { proxy: true })
  expect(await redirectURI(browser, '/sign-in', forwarded)).toBe('https://app.example/callback')
  expect(await redirectURI(browser)).toBe(`${browser.origin}/callback`)
})

test('an absolute callbackURL is what it is, whatever the request says', async () => {
  const browser = await start('https://app.example/callback', { proxy: true })
  expect(await redirectURI(browser, '/sign-in', { host: 'evil.example', 'x-forwarded-host': 'evil.example' })).toBe(
    'https://app.example/callback',
  )
})

test('the callbackURL of a request wins over that of the strategy, and may be relative too', async () => {
  for (const [callbackURL, expected] of [
    ['https://tenant.example/callback', 'https://tenant.example/callback'],
    ['/tenant/callback', 'http://app.internal/tenant/callback'],
  ] as const) {
    const browser = await start('https://app.example/callback', { options: { callbackURL } })
    expect(await redirectURI(browser, '/sign-in', { host: 'app.internal' })).toBe(expected)
  }
})

test('a callbackURL that is nowhere is an error at the first leg', async () => {
  expect(await (await start(undefined)).visit('/sign-in')).toMatchObject({ status: 500, text: expect.stringContaining('callbackURL') })
})

test.each([['evil.example/path?'], ['user@evil.example'], ['evil.example\\@app.example'], ['app.example:notaport'], ['é.example']])(
  'a Host header that is no host fails if the callbackURL is relative: %j',
  async (host) => {
    const browser = await start('/callback')
    expect(await browser.visit('/sign-in', { headers: { host } })).toMatchObject({ status: 400, location: undefined })
  },
)
