import { clientMetadata } from '../lib'

const options = {
  clientID: 'https://app.example/.well-known/oauth-cimd',
  clientName: 'Tides',
  redirectURIs: ['https://app.example/auth/huggingface/callback'],
}

describe('clientMetadata', () => {
  test('makes the document of a public client', () => {
    expect(clientMetadata(options)).toEqual({
      client_id: 'https://app.example/.well-known/oauth-cimd',
      client_name: 'Tides',
      redirect_uris: ['https://app.example/auth/huggingface/callback'],
      scope: 'profile',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    })
  })

  test('takes a home page, a logo and scopes', () => {
    const more = { clientURI: 'https://app.example/', logoURI: 'https://cdn.example/logo.png', scope: ['openid', 'email'] }
    expect(clientMetadata({ ...options, ...more })).toMatchObject({
      client_uri: 'https://app.example/',
      logo_uri: 'https://cdn.example/logo.png',
      scope: 'openid email',
    })
  })

  test.each<[string, object, RegExp]>([
    ['a client ID that is no URL', { clientID: 'the-client' }, /clientID/],
    ['a client ID over http', { clientID: 'http://app.example/c' }, /clientID.*https/],
    ['a client ID without a path', { clientID: 'https://app.example/' }, /clientID.*path/],
    ['a client ID that would be normalised', { clientID: 'https://app.example/a/../c' }, /clientID.*whole address/],
    ['a client ID with a fragment', { clientID: 'https://app.example/c#x' }, /clientID/],
    ['a client ID with a user', { clientID: 'https://ada@app.example/c' }, /clientID/],
    ['a client ID with a password', { clientID: 'https://:pass@app.example/c' }, /clientID/],
    ['no name', { clientName: '' }, /clientName/],
    ['no redirect URI', { redirectURIs: [] }, /redirectURIs/],
    ['redirect URIs left out', { redirectURIs: undefined }, /redirectURIs/],
    ['a redirect URI elsewhere', { redirectURIs: ['https://app.example/cb', 'https://evil.example/cb'] }, /https:\/\/app\.example/],
    ['a redirect URI over http', { redirectURIs: ['http://app.example/cb'] }, /https/],
    ['a home page over http', { clientURI: 'http://app.example/' }, /clientURI/],
    ['a logo that is no address', { logoURI: 'logo.png' }, /logoURI/],
    ['a document of more than 5 KiB', { clientName: 'x'.repeat(5 * 1024) }, /5120/],
  ])('refuses %s', (_, change, message) => {
    expect(() => clientMetadata({ ...options, ...change })).toThrow(TypeError)
    expect(() => clientMetadata({ ...options, ...change })).toThrow(message)
  })
})
