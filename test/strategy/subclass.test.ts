import { beforeEach, describe, expect, test } from '@jest/globals'
import type { OAuth2 } from 'oauth'
import { type HuggingFaceProfile, HuggingFaceStrategy, type HuggingFaceStrategyOptions } from '../../lib/index'
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

describe('a subclass', () => {
  test('adds to the authorization request, and cannot weaken it', async () => {
    const weak = { code_challenge: 'x', code_challenge_method: 'plain', response_type: 'token', client_id: 'y', nonce: 'z', scope: 'jobs' }
    const weaker = { ...weak, state: 'mine', redirect_uri: 'z' }
    class Subclass extends HuggingFaceStrategy {
      override authorizationParams() {
        return { login_hint: 'ada', nothing: undefined, none: null, ...weaker }
      }
    }
    const { searchParams } = (await begin(new Subclass({ ...options, scope: 'openid' }, toProfile))).url
    for (const [name, value] of Object.entries(weaker)) {
      expect(searchParams.getAll(name)).toEqual([expect.not.stringMatching(`^${value}$`)])
    }
    expect(['login_hint', 'nothing', 'none'].map((name) => searchParams.get(name))).toEqual(['ada', null, null])
  })

  test('adds to the token request, and cannot weaken it', async () => {
    class Subclass extends HuggingFaceStrategy {
      override tokenParams() {
        return { audience: 'x', code_verifier: 'mine', grant_type: 'password', redirect_uri: 'y', code: 'z' }
      }
    }
    expect(await signIn(new Subclass(options, toProfile))).toMatchObject({ action: 'success' })
    const form = hub.to('token')[0]?.form
    const sent = ['audience', 'grant_type', 'redirect_uri', 'code_verifier', 'code'].map((name) => form?.getAll(name))
    const long = [expect.stringMatching(/.{20}/)]
    expect(sent).toEqual([['x'], ['authorization_code'], [callbackURL], long, long])
  })

  test('adds to the profile', async () => {
    class Subclass extends HuggingFaceStrategy {
      override userProfile(accessToken: string, done: (error?: unknown, profile?: HuggingFaceProfile) => void) {
        super.userProfile(accessToken, (error, profile) => done(error, profile && { ...profile, displayName: 'Ada the First' }))
      }
    }
    const strategy = new Subclass({ ...options, scope: 'openid profile' }, toProfile)
    expect(await signIn(strategy)).toMatchObject({ action: 'success', args: [{ username: 'ada', displayName: 'Ada the First' }, {}] })
    hub.answers.userinfo = respond('', { status: 401 })
    await expect(strategy.fetchProfile('opaque')).rejects.toMatchObject({ code: 'unauthorized', phase: 'userinfo', hubStatus: 401 })
  })

  test.each<[string, () => Error | null, object]>([
    ['as an error of its own, which stays as it is', () => Object.freeze(new RangeError('teapot')), { name: 'RangeError' }],
    ['as nothing', () => null, { code: 'unexpected_status', hubStatus: 418 }],
    ['and throws, which counts as nothing', () => JSON.parse('no JSON'), { code: 'unexpected_status', hubStatus: 418 }],
  ])('reads an error response of the token endpoint %s', async (_, read, expected) => {
    class Subclass extends HuggingFaceStrategy {
      override parseErrorResponse(body: string, status: number) {
        expect([body, status]).toEqual(['{"error":"teapot"}', 418])
        return read()
      }
    }
    hub.answers.token = respond('{"error":"teapot"}', { status: 418 })
    expect(errorOf(await signIn(new Subclass(options, toProfile)))).toMatchObject(expected)
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
    const bad = stubbed({
      get: (_url: string, _token: string, done: Done) => done(null, '{}', { statusCode: 203, headers: null }),
    }).fetchProfile('opaque')
    await expect(bad).rejects.toMatchObject({ code: 'invalid_response', hubStatus: 203 })
  })

  test.each([[new RangeError('mine')], [{ statusCode: 401, data: 'opaque' }], ['a string']])(
    'gets an error if its get or getOAuthAccessToken fails with %j',
    async (failure) => {
      const get = (_url: string, _token: string, done: Done) => done(failure)
      await expect(stubbed({ get }).fetchProfile('opaque')).rejects.toBeInstanceOf(Error)
      const getOAuthAccessToken = (_code: string, _params: object, done: Done) => done(failure)
      const error = errorOf(await signIn(stubbed({ getOAuthAccessToken })))
      expect(error instanceof RangeError).toBe(failure instanceof RangeError)
      if (!(failure instanceof Error)) expect(error).toMatchObject({ code: 'connection_failed', phase: 'token' })
      expect(String(error)).not.toContain('opaque')
    },
  )

  test('is signed in by tokens without params', async () => {
    const getOAuthAccessToken = (_code: string, _params: object, done: Done) => done(null, 'opaque-1', 'opaque-2')
    expect(await signIn(stubbed({ getOAuthAccessToken }))).toMatchObject({ action: 'success' })
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
    hub.answers.userinfo = respond('', { headers: { 'content-encoding': 'gzip' } })
    expect(await values((done) => client.get(`${hub.url}/oauth/userinfo`, 'opaque', done))).toEqual([null, '', expect.anything()])
  })
})
