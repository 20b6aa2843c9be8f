import { beforeEach, describe, expect, test } from '@jest/globals'
import { HuggingFaceStrategy, type HuggingFaceStrategyOptions } from '../../lib/index'
import { clientID, clientSecret, type RawHub, respond } from '../support/raw-hub'
import { callbackURL, signIn, startRawHub, watchSignIns } from '../support/sign-in'

watchSignIns()

const [at, rt] = ['opaque-access-token', 'opaque-refresh-token']

let hub: RawHub
beforeEach(async () => {
  hub = await startRawHub()
  hub.answers.token = respond({ access_token: at, refresh_token: rt, scope: 'profile', expires_in: '60' })
  hub.answers.userinfo = respond({ sub: '7' })
})

/** A function of any kind, as JavaScript would pass it. */
type AnyVerify = (...args: never[]) => unknown
type Done = (error?: unknown, user?: unknown, info?: object) => void

function verifiedBy(verify: AnyVerify, options: Partial<HuggingFaceStrategyOptions> | { passReqToCallback: true } = {}, state?: unknown) {
  const all = { clientID, clientSecret, callbackURL, hubURL: hub.url, ...options } as HuggingFaceStrategyOptions
  return signIn(new HuggingFaceStrategy(all, verify as () => undefined), { state })
}
/** A verify that calls `done` with these. */
const byDone = (...results: Parameters<Done>): AnyVerify => {
  return (_a: string, _r: string, _p: object, done: Done) => done(...results)
}
const success = (user: unknown, info: object = {}) => ({ action: 'success', args: [user, info] })
const profile = expect.objectContaining({ provider: 'huggingface', id: '7' })

describe('verify', () => {
  const params = expect.objectContaining({ scope: 'profile', expires_in: 60, access_token: at })
  const req = expect.objectContaining({ method: 'GET' })
  const done = expect.any(Function)
  const [three, four, five] = [
    [at, rt, profile],
    [at, rt, profile, done],
    [at, rt, params, profile, done],
  ]
  const withRequest = { passReqToCallback: true } as const
  test.each<[number, string, object, unknown[]]>([
    [0, 'but all in a rest parameter', {}, four],
    [1, '', {}, [at]],
    [2, '', {}, [at, rt]],
    [3, '', {}, three],
    [4, '', {}, four],
    [5, '', {}, five],
    [4, 'and the request for the first', withRequest, [req, ...three]],
    [5, 'and the request for the first', withRequest, [req, ...four]],
    [6, 'and the request for the first', withRequest, [req, ...five]],
  ])('of %i parameters %s gets what it asks for, and may use its done or return a promise', async (length, _, options, expected) => {
    const hasDone = expected.includes(done)
    for (const answersByDone of [hasDone, false]) {
      let seen: unknown[] = []
      const verify = (...all: never[]) => {
        seen = all.slice(0, expected.length)
        return answersByDone ? (all.at(-1) as unknown as Done)(null, 'somebody') : Promise.resolve('somebody')
      }
      expect(await verifiedBy(Object.defineProperty(verify, 'length', { value: length }), options)).toMatchObject(success('somebody'))
      expect(seen).toEqual(expected)
    }
  })

  test('gets no refresh token if the Hub sends none', async () => {
    hub.answers.token = respond({ access_token: at, refresh_token: null })
    const verify = async (_token: string, refreshToken: unknown) => ({ refreshToken })
    expect(await verifiedBy(verify)).toMatchObject(success({ refreshToken: undefined }))
  })

  test.each<[string, AnyVerify, string]>([
    ['returns the user at once', (_a: string, _r: string, _p: object) => 'the user', 'the user'],
    ['is async and calls done later', async (_a: string, _r: string, _p: object, later: Done) => void setTimeout(later, 5, null, 'b'), 'b'],
    ['calls done and returns another', async (_a: string, _r: string, _p: object, first: Done) => first(null, 'a') ?? 'b', 'a'],
  ])('that %s signs in who it says first', async (_, verify, user) => {
    expect(await verifiedBy(verify)).toMatchObject(success(user))
  })

  test.each<[string, AnyVerify]>([
    ['resolves with false', async () => false],
    ['resolves with null', async () => null],
    ['resolves with nothing, and has no done', async (_token: string) => undefined],
    ['calls done with nobody', byDone(null, false)],
    // what it returns is not the user
    ['calls done in a rest parameter later', (...all: unknown[]) => setTimeout(all[3] as Done, 5, null, false)],
  ])('refuses a person if it %s', async (_, verify) => {
    expect(await verifiedBy(verify)).toMatchObject({ action: 'fail', args: [{ code: 'refused' }, 401] })
  })

  test('refuses a person with the reason it gives', async () => {
    const info = { message: 'not on the list' }
    expect(await verifiedBy(byDone(null, false, info))).toMatchObject({ action: 'fail', args: [info, undefined] })
  })

  const down = new Error('the database is down')
  test.each<[string, AnyVerify, unknown]>([
    ['throws', () => JSON.parse('no JSON'), expect.any(SyntaxError)],
    ['rejects', () => Promise.reject(down), down],
    ['calls done with an error', byDone(down), down],
  ])('that %s ends the sign-in in an error', async (_, verify, error) => {
    expect(await verifiedBy(verify)).toMatchObject({ action: 'error', args: [error] })
  })

  test.each(['id', 'username', 'emails'])('that takes done for the profile is told so when it reads %s', async (field) => {
    const trap = async (_token: string, _refresh: string, _params: object, notTheProfile: Record<string, unknown>) => notTheProfile[field]
    expect(await verifiedBy(trap)).toMatchObject({ action: 'error', args: [{ message: expect.stringContaining('declare five') }] })
  })
})

test.each<[unknown, object, object]>([
  [undefined, { scope: 'x' }, { scope: 'x' }],
  ['a string', { scope: 'x' }, { scope: 'x', state: 'a string' }],
  [false, {}, { state: false }],
  ["the app's", { state: "verify's" }, { state: "the app's" }],
])("the info of a sign-in has the app's state %j beside verify's %j", async (state, info, expected) => {
  expect((await verifiedBy(byDone(null, 'somebody', info), {}, state)).args).toStrictEqual(['somebody', expected])
})

test.each<[string, HuggingFaceStrategyOptions['skipUserProfile'], object, times: number]>([
  ['true', true, success([undefined]), 0],
  ['a function that says so later', (_token, later) => void setTimeout(later, 1, null, true), success([undefined]), 0],
  ['a function that says no', (_token, later) => later(null, false), success([profile]), 1],
  ['a function that fails', (_token, done) => done(new RangeError()), { action: 'error', args: [expect.any(RangeError)] }, 0],
])('skipUserProfile as %s decides whether userinfo is asked', async (_, skipUserProfile, expected, times) => {
  expect(await verifiedBy(async (_a: string, _r: string, given: unknown) => [given], { skipUserProfile })).toMatchObject(expected)
  expect(hub.to('userinfo')).toHaveLength(times)
})
