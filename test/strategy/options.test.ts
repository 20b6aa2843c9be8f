import { describe, expect, test } from '@jest/globals'
import { HuggingFaceStrategy, type HuggingFaceStrategyOptions } from '../../lib/index'

const good = { clientID: 'the-client', clientSecret: 'the-secret', callbackURL: 'https://app.example/auth/huggingface/callback' }

/** As JavaScript can call it: with anything. */
const construct = (options: unknown, verify: unknown = () => undefined) =>
  new HuggingFaceStrategy(options as HuggingFaceStrategyOptions, verify as () => undefined)

describe('the constructor refuses', () => {
  test.each<[string, unknown, string]>([
    ['no options', undefined, 'options'],
    ['null for options', null, 'options'],
    ...[undefined, '', 7].map((clientID): [string, object, string] => [`the clientID ${clientID}`, { ...good, clientID }, 'clientID']),
    ['an empty clientSecret', { ...good, clientSecret: '' }, 'clientSecret'],
    ['a clientSecret that is not a string', { ...good, clientSecret: 7 }, 'clientSecret'],
    ['an empty callbackURL', { ...good, callbackURL: '' }, 'callbackURL'],
    ['a callbackURL that is not a string', { ...good, callbackURL: 7 }, 'callbackURL'],
    ['a callbackURL without a scheme', { ...good, callbackURL: 'localhost:3000/cb' }, 'http://localhost:3000/cb'],
    ['a callbackURL with a fragment', { ...good, callbackURL: 'https://app.example/cb#top' }, '#'],
    ['an http: hub on another machine', { ...good, hubURL: 'http://hub.example' }, 'hubURL'],
    ['an http: hub whose name only begins like this machine', { ...good, hubURL: 'http://127.0.0.1.example' }, 'hubURL'],
    ['a hubURL of another scheme', { ...good, hubURL: 'ftp://localhost' }, 'hubURL'],
    ['a hubURL that is not a URL', { ...good, hubURL: 'huggingface.co' }, 'https://huggingface.co'],
    ['a tokenURL that is not a URL', { ...good, tokenURL: '/oauth/token' }, 'tokenURL'],
    ['an http: authorizationURL', { ...good, authorizationURL: 'http://hub.example/a' }, 'authorizationURL'],
    ['an http: userProfileURL', { ...good, userProfileURL: 'http://hub.example/u' }, 'userProfileURL'],
    ...['', [], '  ', ['profile', 7], 'openid,profile'].map((scope): [string, object, string] => [
      `the scope ${JSON.stringify(scope)}`,
      { ...good, scope },
      'scope',
    ]),
    ['a wrong profileSource', { ...good, profileSource: 'whoami' }, 'id_token'],
    ...[0, 2 ** 31, '5s', Number.NaN].map((timeout): [string, object, string] => [
      `the timeout ${timeout}`,
      { ...good, timeout },
      'milliseconds',
    ]),
    ['a short stateSecret', { ...good, stateSecret: 'x'.repeat(31) }, '32'],
    ['a list with a short stateSecret', { ...good, stateSecret: ['x'.repeat(32), 'short'] }, '32'],
    ['an empty list of stateSecrets', { ...good, stateSecret: [] }, 'stateSecret'],
    ['a stateSecret that is not a string', { ...good, stateSecret: ['x'.repeat(32), undefined] }, 'stateSecret'],
    ['store: true', { ...good, store: true }, 'store'],
    ['a store that is null', { ...good, store: null }, 'store'],
    ['a store without verify', { ...good, store: { store() {} } }, 'verify'],
    ['a store that keeps no verifier', { ...good, store: { store(_req: unknown, _done: unknown) {}, verify() {} } }, 'five'],
  ])('%s, and says what to change', (_, options, word) => {
    const failure = expect(() => construct(options))
    failure.toThrow(TypeError)
    failure.toThrow(word)
  })

  test.each([
    ['clientId', 'clientID'],
    ['client_id', 'clientID'],
    ['callbackUrl', 'callbackURL'],
    ['scopes', 'scope'],
    ['state_secrets', 'stateSecret'],
    ['passReqToCallBack', 'passReqToCallback'],
  ])('%s, and says that it is spelled %s', (wrong, right) => {
    const { [right as 'clientID']: _, ...others } = good
    expect(() => construct({ ...others, [wrong]: 'x' })).toThrow(`"${right}"`)
  })

  test.each(['prompt', 'orgIds', 'resource', 'login_hint', 'state'])('%s, and says where it belongs', (name) => {
    expect(() => construct({ ...good, [name]: 'x' })).toThrow('passport.authenticate')
  })

  test.each([undefined, null, 'verify', {}])('%p for verify', (verify) => {
    expect(() => new HuggingFaceStrategy(good, verify as unknown as () => undefined)).toThrow('verify')
  })
})

describe('the constructor accepts', () => {
  test.each(['https://hub.example', 'http://localhost:3001', 'http://127.0.0.1:3001', 'http://127.1.2.3', 'http://[::1]:3001'])(
    'the hub %s',
    (hubURL) => {
      expect(() => construct({ ...good, hubURL })).not.toThrow()
    },
  )

  test('options that it may not change, and those of somebody else', () => {
    const frozen = Object.freeze({ ...good, scope: Object.freeze(['openid', 'email']), aFieldOfTheApp: 1 })
    expect(() => construct(frozen)).not.toThrow()
  })
})
