import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { expect, test } from '@jest/globals'
import { startHub } from '../../testing/index'
import { App } from './app'
import { certificate } from './certificate'

test('an app whose client ID is the URL of its metadata signs people in, unregistered', async () => {
  let document: object = {}
  const server = createServer(certificate, (_req, res) => {
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const clientID = `${origin}/.well-known/oauth-cimd`
  const redirectURI = `${origin}/auth/huggingface/callback`
  document = {
    client_id: clientID,
    client_name: 'Unregistered',
    redirect_uris: [redirectURI],
    token_endpoint_auth_method: 'none',
  }
  const hub = await startHub()
  try {
    const app = new App(hub, { clientID }, redirectURI)
    const tokens = await app.tokens('ada')
    expect(await app.userinfo(tokens.access_token)).toMatchObject({ preferred_username: 'ada' })
    expect((await app.refresh(tokens.refresh_token)).status).toBe(200)

    document = { ...document, client_id: `${origin}/elsewhere` }
    await expect(app.code('bo')).rejects.toThrow('The Hub refused')
  } finally {
    await hub.close()
    server.closeAllConnections()
    server.close()
  }
})

test('a test can give the document instead of serving it', async () => {
  const asked: string[] = []
  const hub = await startHub({
    clientMetadata(clientID) {
      asked.push(clientID)
      return {
        client_id: clientID,
        redirect_uris: ['https://app.example/callback'],
        token_endpoint_auth_method: 'none',
        scope: 'openid profile',
      }
    },
  })
  try {
    const app = new App(hub, { clientID: 'https://app.example/cimd' }, 'https://app.example/callback')
    expect((await app.tokens('ada', { scope: [] })).scope).toBe('openid profile')
    expect(await hub.signIn(app.authorizationURL({ scope: 'email' }), 'ada')).toContain('error=invalid_scope')
    expect(new Set(asked)).toEqual(new Set(['https://app.example/cimd']))
  } finally {
    await hub.close()
  }
})

test('a document that cannot be fetched is an error page', async () => {
  const hub = await startHub()
  try {
    // Port 1 of this machine: nobody is there.
    const app = new App(hub, { clientID: 'https://127.0.0.1:1/cimd' }, 'https://127.0.0.1:1/callback')
    await expect(app.code('ada')).rejects.toThrow('The Hub refused (400)')
  } finally {
    await hub.close()
  }
})
