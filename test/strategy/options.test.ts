import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { describe, expect, test } from '@jest/globals'
import OAuth2Strategy from 'passport-oauth2'
import { HuggingFaceStrategy, type HuggingFaceStrategyOptions, Strategy } from '../../lib/index'

const good = { clientID: 'the-client', clientSecret: 'the-secret', callbackURL: 'https://app.example/auth/huggingface/callback' }
const secret = 'x'.repeat(32)

/** As JavaScript can call it: with anything. */
const construct = (options: unknown, verify: unknown = () => undefined) =>
  new HuggingFaceStrategy(options as HuggingFaceStrategyOptions, verify as () => undefined)

/** The values of an option that are refused, and what the message names. */
const refused: [option: string, word: string, values: unknown[]][] = [
  ['clientID', 'clientID', [undefined, '', 7]],
  ['clientSecret', 'clientSecret', ['', 7]],
  ['callbackURL', 'callbackURL', ['', 7]],
  ['callbackURL', 'http://localhost:3000/cb', ['localhost:3000/cb']],
  ['callbackURL', '#', ['https://app.example/cb#top']],
  [
    'hubURL',
    'hubURL',
    ['http://hub.example', 'http://127.0.0.1.example', 'http://localhost.example', 'http://my-localhost', 'ftp://localhost', 'x.co'],
  ],
  ['tokenURL', 'tokenURL', ['/oauth/token', 'http://hub.example/t']],
  ['authorizationURL', 'authorizationURL', ['http://hub.example/a']],
  ['userProfileURL', 'userProfileURL', ['http://hub.example/u']],
  ['scope', 'scope', ['', [], '  ', ['profile', 7], 'openid,profile']],
  ['profileSource', 'id_token', ['whoami']],
  ['timeout', 'milliseconds', [0, 2 ** 31, '5s', '5000', Number.NaN]],
  ['stateSecret', '32', ['x'.repeat(31), [secret, 'short'], [], [secret, undefined]]],
  ['store', 'store', [true, null]],
  ['store', 'verify', [{ store() {} }, { store(_a: 1, _b: 1, _c: 1, _d: 1, _e: 1) {} }]],
  ['store', 'five', [{ store(_req: unknown, _verifier: unknown, _state: unknown, _done: unknown) {}, verify() {} }]],
]

describe('the constructor says what to change if', () => {
  const rows = refused.flatMap(([option, word, values]) =>
    values.map((value): [option: string, value: unknown, word: string] => [option, value, word]),
  )
  test.each(rows)('%s is %p', (option, value, word) => {
    const failure = expect(() => construct({ ...good, [option]: value }))
    failure.toThrow(TypeError)
    failure.toThrow(word)
  })

  test.each<[unknown, unknown, string]>([
    ...[undefined, null].map((options): [unknown, unknown, string] => [options, () => undefined, 'options']),
    ...[null, 'verify', {}].map((verify): [unknown, unknown, string] => [good, verify, 'verify']),
  ])('it is given %j and %p', (options, verify, word) => {
    expect(() => construct(options, verify)).toThrow(word)
  })

  test.each([
    ['clientId', '"clientID"'],
    ['client_id', '"clientID"'],
    ['callbackUrl', '"callbackURL"'],
    ['scopes', '"scope"'],
    ['passReqToCallBack', '"passReqToCallback"'],
    ...['prompt', 'orgIds', 'resource', 'login_hint', 'state'].map((name) => [name, 'passport.authenticate']),
  ])('%s should be %s', (wrong, word) => {
    expect(() => construct({ [wrong]: 'x' })).toThrow(word)
  })
})

describe('the constructor accepts', () => {
  const hubs = ['https://hub.example', 'http://localhost:3001', 'http://127.0.0.1:3001', 'http://127.10.20.30', 'http://[::1]:3001']
  test.each<Record<string, unknown>>([
    ...hubs.map((hubURL) => ({ hubURL })),
    { stateSecret: secret },
    { timeout: 2 ** 31 - 1 },
    { clientSecret: undefined },
    { callbackURL: undefined },
    { aFieldOfTheApp: 1 },
    Object.freeze({ scope: Object.freeze(['openid', 'email']) }),
  ])('%j', (more) => {
    expect(() => construct(Object.freeze({ ...good, ...more }))).not.toThrow()
  })
})

test('the strategy is an OAuth2Strategy named huggingface, also exported as Strategy', () => {
  const strategy = new Strategy(good, () => undefined)
  expect(strategy).toBeInstanceOf(OAuth2Strategy)
  expect([strategy.name, Strategy]).toEqual(['huggingface', HuggingFaceStrategy])
})

test('loading the package and making a strategy starts nothing and calls nothing deprecated', () => {
  const script = `
    const state = () => JSON.stringify([process.eventNames(), Reflect.ownKeys(globalThis).map(String), process.getActiveResourcesInfo()])
    const before = state()
    const { HuggingFaceStrategy } = require('./dist')
    new HuggingFaceStrategy({ clientID: 'x', clientSecret: 'y', callbackURL: 'https://app.example/cb' }, () => {})
    console.log(before === state())`
  const flags = ['--pending-deprecation', '--throw-deprecation', '-e', script]
  const cwd = path.join(__dirname, '..', '..')
  expect(execFileSync(process.execPath, flags, { cwd, encoding: 'utf8' })).toBe('true\n')
})
