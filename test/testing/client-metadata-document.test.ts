import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { type Hub, type HubOptions, startHub } from '../../testing'
import { certificate } from '../support/certificate'
import { App } from './app'

let hub: Hub | undefined
afterEach(() => hub?.close())

async function unregisteredApp(origin: string, options?: HubOptions): Promise<App> {
  hub = await startHub(options)
  return new App(hub, { clientID: `${origin}/cimd` }, `${origin}/callback`)
}

test('an app whose client ID is the URL of its metadata document signs people in', async () => {
  let document: object = {}
  const server = createServer(await certificate(), (_req, res) => res.end(JSON.stringify(document)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const app = await unregisteredApp(origin)
    const { clientID, redirectURI } = { ...app, ...app.client }
    document = { client_id: clientID, client_name: 'Unregistered', redirect_uris: [redirectURI] }
    const tokens = await app.tokens('ada')
    expect(await app.userinfo(tokens)).toHaveProperty('preferred_username', 'ada')
    expect((await app.refresh(tokens.refresh_token)).status).toBe(200)

    document = { ...document, client_id: `${origin}/elsewhere` }
    await expect(app.signIn('bo')).rejects.toThrow(`has the client_id ${origin}/elsewhere`)
    document = { client_id: clientID }
    await expect(app.signIn('bo')).rejects.toThrow('has no redirect_uris')
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('a test can return the document instead of serving it', async () => {
  const app = await unregisteredApp('https://app.example', {
    clientMetadata: (clientID) => ({
      client_id: clientID,
      redirect_uris: ['https://app.example/callback'],
      scope: 'openid profile',
    }),
  })
  expect(await app.tokens('ada', { scope: [] })).toHaveProperty('scope', 'openid profile')
  expect(await app.signIn('ada', { scope: 'email' })).toHaveProperty('error', 'invalid_scope')
})

test('a document that cannot be fetched is shown on an error page', async () => {
  // Nothing listens on port 1.
  const app = await unregisteredApp('https://127.0.0.1:1')
  await expect(app.signIn('ada')).rejects.toThrow(/^The Hub refused \(400\): .*ECONNREFUSED/)
})
