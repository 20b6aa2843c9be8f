import { HuggingFaceStrategy } from '../lib'
import { attempt } from './support/attempt'

const good = { clientID: 'the-client', clientSecret: 'the-secret', callbackURL: 'https://app.example/auth/huggingface/callback' }

/** As JavaScript users can call it: with anything. */
function construct(options: unknown, verify: unknown = () => undefined) {
  return new HuggingFaceStrategy(options as typeof good, verify as () => void)
}

describe('the constructor', () => {
  test.each<[string, unknown, RegExp]>([
    ['no options', undefined, /options.*clientID/],
    ['null for options', null, /options.*clientID/],
    ['no clientID', { ...good, clientID: undefined }, /clientID is missing.*settings\/connected-applications/],
    ['an empty clientID', { ...good, clientID: '' }, /clientID is missing/],
    ['a clientID that is a number', { ...good, clientID: 7 }, /clientID is missing/],
    ['clientId', { ...good, clientID: undefined, clientId: 'x' }, /"clientId".*"clientID"/],
    ['client_id', { client_id: 'x' }, /"client_id".*"clientID"/],
    ['callbackUrl', { ...good, callbackUrl: 'x' }, /"callbackUrl".*"callbackURL"/],
    ['scopes', { ...good, scopes: ['email'] }, /"scopes".*"scope"/],
    ['a callbackURL without a scheme', { ...good, callbackURL: 'localhost:3000/cb' }, /no scheme.*http:\/\/localhost:3000\/cb/],
    ['a callbackURL with a fragment', { ...good, callbackURL: 'https://app.example/cb#top' }, /fragment/],
    ['an empty clientSecret', { ...good, clientSecret: '' }, /clientSecret is empty.*public client/],
    ['a clientSecret that is no string', { ...good, clientSecret: 7 }, /clientSecret is empty/],
    ['an empty callbackURL', { ...good, callbackURL: '' }, /callbackURL is empty/],
    ['a callbackURL that is no string', { ...good, callbackURL: 7 }, /callbackURL is empty/],
    ['an http: hub that is not on this machine', { ...good, hubURL: 'http://hub.example' }, /hubURL has to be https:.*localhost/],
    ['an http: hub whose name only begins like this machine', { ...good, hubURL: 'http://127.0.0.1.example' }, /hubURL has to be https:/],
    ['a hubURL of another scheme', { ...good, hubURL: 'ftp://localhost' }, /hubURL has to be https:/],
    ['a hubURL that is no URL', { ...good, hubURL: 'huggingface.co' }, /hubURL is no URL.*https:\/\/huggingface\.co/],
    ['a tokenURL that is no URL', { ...good, tokenURL: '/oauth/token' }, /tokenURL is no URL/],
    ['an http: authorizationURL', { ...good, authorizationURL: 'http://hub.example/a' }, /authorizationURL has to be https:/],
    ['an http: userProfileURL', { ...good, userProfileURL: 'http://hub.example/u' }, /userProfileURL has to be https:/],
    ['an empty scope', { ...good, scope: '' }, /scope is empty/],
    ['an empty list of scopes', { ...good, scope: [] }, /scope is empty/],
    ['a scope of spaces', { ...good, scope: '  ' }, /scope is empty/],
    ['a scope that is no string', { ...good, scope: ['profile', 7] }, /scope is empty/],
    ['a wrong profileSource', { ...good, profileSource: 'whoami' }, /profileSource/],
    ['a timeout of nought', { ...good, timeout: 0 }, /timeout/],
    ['a timeout that no timer can keep', { ...good, timeout: 2 ** 31 }, /timeout/],
    ['a timeout that is no number', { ...good, timeout: '5s' }, /timeout/],
    ['an empty stateSecret', { ...good, stateSecret: '' }, /stateSecret is empty/],
    ['an empty list of stateSecrets', { ...good, stateSecret: [] }, /stateSecret is empty/],
    ['a stateSecret that is no string', { ...good, stateSecret: ['long enough', undefined] }, /stateSecret is empty/],
    ['store: true', { ...good, store: true }, /store has to be a state store/],
    ['a store without verify', { ...good, store: { store() {} } }, /store has to be a state store/],
    ['a store that is null', { ...good, store: null }, /store has to be a state store/],
    [
      'a store that keeps no verifier, and no secret',
      { clientID: 'x', store: { store(_req: unknown, _done: unknown) {}, verify() {} } },
      /stateSecret is needed/,
    ],
  ])('refuses %s with a TypeError that says what to do', (_, options, message) => {
    expect(() => construct(options)).toThrow(TypeError)
    expect(() => construct(options)).toThrow(message)
  })

  test.each([undefined, null, 'verify', {}])('refuses %p for verify', (verify) => {
    expect(() => new HuggingFaceStrategy(good, verify as never)).toThrow(/second argument.*verify/)
  })

  test.each(['https://hub.example', 'http://localhost:3001', 'http://127.0.0.1:3001', 'http://127.1.2.3', 'http://[::1]:3001'])(
    'accepts the hub %s',
    (hubURL) => {
      expect(() => construct({ ...good, hubURL })).not.toThrow()
    },
  )

  test('does not write into the options of the caller', () => {
    const options = Object.freeze({ ...good, scope: Object.freeze(['openid', 'email']) })
    expect(() => construct(options)).not.toThrow()
  })
})

describe('the scope', () => {
  async function scopeOf(options: object, perRequest?: object) {
    const outcome = await attempt(construct({ ...good, ...options }), {}, perRequest)
    return outcome.action === 'redirect' ? outcome.url.searchParams.get('scope') : outcome
  }

  test('is profile where the app asks for nothing', async () => {
    expect(await scopeOf({})).toBe('profile')
  })

  test.each<[unknown, string]>([
    ['openid profile email', 'openid profile email'],
    [' openid   email ', 'openid email'],
    [['openid', 'profile'], 'openid profile'],
    [['openid profile', 'email'], 'openid profile email'],
    [['email', 'email'], 'email'],
  ])('%j is asked for as %p', async (scope, asked) => {
    expect(await scopeOf({ scope })).toBe(asked)
  })

  test('given for one request replaces the usual one', async () => {
    expect(await scopeOf({ scope: 'openid' }, { scope: ['profile', 'read-repos'] })).toBe('profile read-repos')
  })

  test('has openid by itself where the profile comes from the ID token', async () => {
    expect(await scopeOf({ profileSource: 'id_token' })).toBe('openid profile')
    expect(await scopeOf({ profileSource: 'id_token', scope: 'email' }, { scope: 'profile' })).toBe('openid profile')
  })

  test('empty for one request is an error, not a sign-in without scope', async () => {
    expect(await scopeOf({}, { scope: '' })).toMatchObject({ action: 'error', error: { name: 'TypeError' } })
  })
})
