import { beforeEach, describe, expect, test } from '@jest/globals'
import type { OAuth2 } from 'oauth'
import OAuth2Strategy from 'passport-oauth2'
import { type HuggingFaceProfile, HuggingFaceStrategy, type HuggingFaceStrategyOptions, Strategy } from '../../lib/index'
import { clientID, clientSecret, type RawHub, respond } from '../support/raw-hub'
import { begin, callbackURL, errorOf, signIn, startRawHub, watchSignIns } from '../support/sign-in'

watchSignIns()

let hub: RawHub
let options: HuggingFaceStrategyOptions
beforeEach(async () => {
  hub = await startRawHub()
  options = { clientID, clientSecret, callbackURL, hubURL: hub.url }
})

const toProfile = async (_token: string, _refresh: string | undefined, profile: HuggingFaceProfile) => profile

test('the strategy is an OAuth2Strategy named huggingface, also exported as Strategy', () => {
  const strategy = new Strategy(options, toProfile)
  expect(strategy).toBeInstanceOf(OAuth2Strategy)
  expect(strategy.name).toBe('huggingface')
  expect(Strategy).toBe(HuggingFaceStrategy)
})

describe('a subclass', () => {
  test('adds to the authorization request, and cannot weaken it', async () => {
    const weak = { code_challenge: 'x', code_challenge_method: 'plain', response_type: 'token', client_id: 'y', nonce: 'z', scope: 'jobs' }
    class Subclass extends HuggingFaceStrategy {
      override authorizationParams() {
        return { login_hint: 'ada', nothing: undefined, none: null, state: 'mine', redirect_uri: 'z', ...weak }
      }
    }
    const { url } = await begin(new Subclass({ ...options, scope: 'openid' }, toProfile))
    for (const [name, value] of Object.entries({ ...weak, state: 'mine', redirect_uri: 'z' })) {
      expect(url.searchParams.getAll(name)).toEqual([expect.not.stringMatching(`^${value}$`)])
    }
    expect(url.searchParams.get('login_hint')).toBe('ada')
    expect([url.searchParams.has('nothing'), url.searchParams.has('none')]).toEqual([false, false])
  })

  test('adds to the token request, and cannot weaken it', async () => {
    class Subclass extends HuggingFaceStrategy {
      override tokenParams() {
        return { audience: 'x', code_verifier: 'mine', grant_type: 'password', redirect_uri: 'y', code: 'z' }
      }
    }
    expect(await signIn(hub, new Subclass(options, toProfile))).toMatchObject({ action: 'success' })
    const form = hub.to('token')[0]?.form
    const sent = ['audience', 'grant_type', 'redirect_uri'].map((name) => form?.getAll(name))
    expect(sent).toEqual([['x'], ['authorization_code'], [callbackURL]])
    for (const name of ['code_verifier', 'code']) expect(form?.getAll(name)).toEqual([expect.stringMatching(/.{20}/)])
  })

  test('adds to the profile', async () => {
    class Subclass extends HuggingFaceStrategy {
      override userProfile(accessToken: string, done: (error?: unknown, profile?: HuggingFaceProfile) => void) {
        super.userProfile(accessToken, (error, profile) => done(error, profile && { ...profile, displayName: 'Ada the First' }))
      }
    }
    const strategy = new Subclass({ ...options, scope: 'openid profile' }, toProfile)
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success', args: [{ username: 'ada', displayName: 'Ada the First' }, {}] })
    hub.answers.userinfo = respond('', { status: 401 })
    await expect(strategy.fetchProfile('opaque')).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test.each<[string, () => Error | null, object]>([
    ['as an error of its own', () => new RangeError('teapot'), { name: 'RangeError' }],
    ['as nothing', () => null, { code: 'unexpected_status', hubStatus: 418 }],
    [
      'and throws, which counts as nothing',
      () => {
        throw new Error('not JSON')
      },
      { code: 'unexpected_status' },
    ],
  ])('reads an error response of the token endpoint %s', async (_, read, expected) => {
    const read418: unknown[] = []
    class Subclass extends HuggingFaceStrategy {
      override parseErrorResponse(body: string, status: number) {
        read418.push([body, status])
        return read()
      }
    }
    hub.answers.token = respond('{"error":"teapot"}', { status: 418 })
    expect(errorOf(await signIn(hub, new Subclass(options, toProfile)))).toMatchObject(expected)
    expect(read418).toEqual([['{"error":"teapot"}', 418]])
  })
})

describe('an app that replaces a method of _oauth2', () => {
  type Done = (...results: unknown[]) => void
  class Exposed extends HuggingFaceStrategy {
    get client(): OAuth2 {
      return this._oauth2
    }
  }
  const stubbed = (stub: object) => {
    const strategy = new Exposed(options, toProfile)
    Object.assign(strategy.client, stub)
    return strategy
  }

  test('gets the profile that its get passes', async () => {
    const get = (url: string, token: string, done: Done) => done(null, JSON.stringify({ sub: '7', name: `${url} ${token}` }))
    expect(await stubbed({ get }).fetchProfile('opaque')).toMatchObject({ id: '7', displayName: `${hub.url}/oauth/userinfo opaque` })
  })

  test.each<[unknown, object]>([
    [
      { statusCode: 401, data: 'x' },
      { code: 'unauthorized', hubStatus: 401 },
    ],
    [
      { statusCode: 502, data: 'x' },
      { code: 'unexpected_status', hubStatus: 502 },
    ],
    ['a string', { code: 'connection_failed' }],
  ])('gets a HubError if its get fails with %j', async (error, expected) => {
    const failure = stubbed({ get: (_url: string, _token: string, done: Done) => done(error) }).fetchProfile('opaque')
    await expect(failure).rejects.toMatchObject({ name: 'HubError', phase: 'userinfo', ...expected })
  })

  test.each<[string, unknown[], object]>([
    ['passes no params', [null, 'opaque-1', 'opaque-2'], { action: 'success' }],
    [
      'fails as node-oauth does',
      [{ statusCode: 400, data: '{"error":"invalid_grant"}' }],
      { args: [{ code: 'invalid_grant', hubStatus: 400 }] },
    ],
    ['fails with another body', [{ statusCode: 400, data: 'opaque' }], { args: [{ code: 'unexpected_status' }] }],
    ['fails with an error', [new RangeError('mine')], { action: 'error', args: [{ name: 'RangeError' }] }],
  ])('sees what becomes of a getOAuthAccessToken that %s', async (_, results, expected) => {
    const getOAuthAccessToken = (_code: string, _params: object, done: Done) => done(...results)
    expect(await signIn(hub, stubbed({ getOAuthAccessToken }))).toMatchObject(expected)
  })

  test("may use node-oauth's calls", async () => {
    const { client } = new Exposed(options, toProfile)
    const values = (call: (done: Done) => void) => new Promise((resolve) => call((...results) => resolve(results)))
    const tokens = await values((done) => client.getOAuthAccessToken('opaque', {}, done))
    expect(tokens).toEqual([null, expect.any(String), expect.any(String), expect.objectContaining({ token_type: 'bearer' })])
    expect([...(hub.to('token')[0]?.form ?? [])]).toEqual([['code', 'opaque']])
    const page = await values((done) => client.getProtectedResource(`${hub.url}/oauth/userinfo`, 'opaque', done))
    expect(page).toEqual([null, JSON.stringify(hub.userinfo()), expect.objectContaining({ statusCode: 200 })])
    expect(hub.to('userinfo')[0]?.headers['authorization']).toBe('Bearer opaque')
  })
})
