import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Hub, signIn, startHub } from '../../testing'
import { certificate } from '../support/certificate'
import { App, callbackURL } from './app'

let hub: Hub
let app: App

beforeAll(async () => {
  hub = await startHub()
  app = new App(hub)
})
afterAll(() => hub.close())

test('signIn needs only the URL and resolves with the callback URL', async () => {
  const callback = await signIn(app.authorizationURL(), 'ada')
  expect(callback.startsWith(`${callbackURL}?`)).toBe(true)
  expect(Object.fromEntries(new URL(callback).searchParams)).toEqual({
    code: expect.any(String),
    state: 'some state',
    iss: hub.url,
  })
})

test.each([undefined, null, '', '/login', 'http://app.example/auth/huggingface'])(
  'signIn says what it needs when it gets %p',
  async (location) => {
    const message = `signIn needs the Location that your sign-in route redirects to; got ${location}`
    await expect(signIn(location, 'ada')).rejects.toThrow(new TypeError(message))
    await expect(hub.signIn(location, 'ada')).rejects.toThrow(new TypeError(message))
  },
)

test('hub.signIn refuses the URL of another Hub', async () => {
  const url = 'http://127.0.0.1:1/oauth/authorize'
  await expect(hub.signIn(url, 'ada')).rejects.toThrow(`signIn needs a URL of this Hub, ${hub.url}`)
})

test('signIn says when the URL is not of a local Hub', async () => {
  const server = createServer((_req, res) => res.end('<h1>My app</h1>')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/oauth/authorize`
  await expect(signIn(url, 'ada')).rejects.toThrow(
    `${url} is not a page of a local Hub (status 200)`,
  )
  server.close()
})

test('an unknown person is an error that names the people', async () => {
  const message = 'nobody is not on the local Hub; the people are ada, bo, chidi, dana, emi'
  await expect(signIn(app.authorizationURL(), 'nobody')).rejects.toThrow(new TypeError(message))
})

test('a person who denies is sent back with access_denied, even if they consented before', async () => {
  await app.signIn('bo')
  for (const username of ['bo', 'chidi']) {
    const callback = await signIn(app.authorizationURL(), username, { deny: true })
    expect(Object.fromEntries(new URL(callback).searchParams)).toEqual({
      error: 'access_denied',
      error_description: 'The user denied the request',
      state: 'some state',
      iss: hub.url,
    })
  }
  expect(await app.signIn('bo')).toHaveProperty('code')
})

test('an unknown organization is an error that names those of the person', async () => {
  const params = { prompt: 'consent' }
  const message = 'tidal is not an organization of this person; they have tidal-labs, open-atlas'
  await expect(app.signIn('bo', params, ['tidal-labs', 'tidal'])).rejects.toThrow(message)
  await expect(app.signIn('emi', params, ['tidal'])).rejects.toThrow('they have none')
})

test('choosing organizations is an error when the Hub does not ask for them', async () => {
  await app.signIn('dana')
  await expect(app.signIn('dana', {}, [])).rejects.toThrow('dana has authorized this app before')
})

test('two people with one name are refused', async () => {
  const people = [{ username: 'ada' }, { username: 'ada', name: 'Another' }]
  await expect(startHub({ people })).rejects.toThrow('two people with the username ada')
})

test('a sign-in over https works, also when the Hub is behind a proxy', async () => {
  const own = await startHub({ tls: await certificate(), url: 'https://hub.example/' })
  const plain = await startHub({ tls: await certificate() })
  try {
    expect(await new App(own).signIn('ada')).toMatchObject({ iss: 'https://hub.example' })
    expect(await signIn(new App(plain).authorizationURL(), 'ada')).toContain('code=')
  } finally {
    await Promise.all([own.close(), plain.close()])
  }
})

describe('a redirect URI', () => {
  test.each([
    'http://127.0.0.1/auth/huggingface/callback',
    'http://localhost:65000/auth/huggingface/callback',
    'http://[::1]:8080/auth/huggingface/callback',
  ])('may have any port on a loopback host: %s', async (redirectURI) => {
    const url = new App(hub, hub.clients[0], redirectURI).authorizationURL()
    expect((await signIn(url, 'ada')).startsWith(`${redirectURI}?code=`)).toBe(true)
  })

  test.each([
    'http://127.0.0.1:4567/other',
    'http://127.0.0.1:4567/auth/huggingface/callback?more=1',
    'https://127.0.0.1:4567/auth/huggingface/callback',
    'http://127.0.0.1.example.com/auth/huggingface/callback',
    'http://127.0.0.1@evil.example/auth/huggingface/callback',
  ])('that is not registered is shown on an error page: %s', async (redirectURI) => {
    const attempt = new App(hub, hub.clients[0], redirectURI).signIn('ada')
    await expect(attempt).rejects.toThrow('The Hub refused (400): 400 Error: invalid redirect_uri')
    await expect(attempt).rejects.toThrow(`Asked for: ${redirectURI} Registered for this app: http`)
  })

  test('may belong to a native app', async () => {
    const redirectURI = 'my-app://signed-in'
    const own = await startHub({ clients: [{ clientID: 'desktop', redirectURIs: [redirectURI] }] })
    try {
      const native = new App(own, own.clients[0], redirectURI)
      expect(await native.userinfo(await native.tokens('ada'))).toHaveProperty('sub')
      expect(await native.signIn('ada', { prompt: 'none' })).toHaveProperty(
        'error',
        'login_required',
      )
    } finally {
      await own.close()
    }
  })
})

test('an unknown app is shown on an error page', async () => {
  await expect(new App(hub, { clientID: 'nobody' }).signIn('ada')).rejects.toThrow(
    /400 Error: Invalid client_id .*Asked for: nobody Registered here: local-app, local-public-app/,
  )
})

test('PKCE is S256, and required of an app without a secret', async () => {
  const plain = { code_challenge_method: 'plain' }
  expect(await app.signIn('ada', plain)).toHaveProperty('error', 'invalid_request')
  const none = { code_challenge: [], code_challenge_method: [] }
  const open = new App(hub, hub.clients[1])
  expect(await open.signIn('ada', none)).toHaveProperty('error', 'invalid_request')
})

test('a port that is taken, no apps at all, and a URL that is none, are errors', async () => {
  await expect(startHub({ port: Number(new URL(hub.url).port) })).rejects.toThrow('EADDRINUSE')
  await expect(startHub({ clients: [] })).rejects.toThrow('leave `clients` out')
  await expect(startHub({ url: 'hub.example' })).rejects.toThrow('Invalid URL')
})
