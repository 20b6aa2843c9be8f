// Compile-only: options, scopes and stores.
import { Agent } from 'node:https'
import passport from 'passport'
import {
  CookieStateStore,
  type HuggingFaceScope,
  HuggingFaceStrategy,
  type HuggingFaceStrategyOptions,
  SessionStateStore,
  type StateMeta,
  type StateStore,
  type Strategy,
  spaceOptions,
} from 'passport-huggingface'
import { type Equal, expectType, options } from './expect.js'

const verify = async (_accessToken: string, _refreshToken: string | undefined, profile: { id: string }) => profile

const everything: Required<HuggingFaceStrategyOptions> = {
  ...options,
  scope: ['openid', 'profile', 'email'],
  hubURL: 'https://hub.example',
  authorizationURL: 'https://hub.example/oauth/authorize',
  tokenURL: 'https://hub.example/oauth/token',
  userProfileURL: 'https://hub.example/oauth/userinfo',
  stateSecret: ['the new one', 'the old one'],
  store: new CookieStateStore({ secret: 'some-secret', maxAge: 60_000 }),
  profileSource: 'userinfo',
  restart: true,
  timeout: 5000,
  agent: new Agent({ keepAlive: true }),
  proxy: true,
  customHeaders: { 'x-tenant': 'one' },
  skipUserProfile: false,
  passReqToCallback: false,
}
passport.use(new HuggingFaceStrategy(everything, verify))
expectType<Equal<typeof Strategy, typeof HuggingFaceStrategy>>()

// what the environment may have or not
const { HF_CLIENT_SECRET: clientSecret, HUB_URL: hubURL, STATE_SECRET: stateSecret } = process.env
new HuggingFaceStrategy({ ...options, clientSecret, hubURL, stateSecret }, verify)
new HuggingFaceStrategy({ clientID: 'a public client, with a callbackURL for each request' }, verify)

// other forms
new HuggingFaceStrategy({ ...options, stateSecret: ['one', 'two'] as const, scope: ['openid', 'email'] as const }, verify)
new HuggingFaceStrategy({ ...options, skipUserProfile: () => true, scope: 'openid profile' }, verify)
new HuggingFaceStrategy({ ...options, skipUserProfile: (accessToken, done) => done(null, accessToken.length > 0) }, verify)
new HuggingFaceStrategy({ ...spaceOptions(), profileSource: 'id_token', store: new SessionStateStore() }, verify)

// scopes complete in an editor, and any other string is accepted
new HuggingFaceStrategy({ ...options, scope: ['profile', 'a-scope-of-tomorrow'] }, verify)
type Known<Scope> = Scope extends string ? (string extends Scope ? never : Scope) : never
type Some = 'openid' | 'email' | 'read-billing' | 'jobs'
expectType<Some extends Known<HuggingFaceScope> ? true : false>()
expectType<Equal<Extract<HuggingFaceScope, 'no such scope'>, never>>()

// @ts-expect-error: clientID is needed
new HuggingFaceStrategy({ clientSecret: 'some-secret' }, verify)
// @ts-expect-error: milliseconds, as a number
new HuggingFaceStrategy({ ...options, timeout: '5s' }, verify)
// @ts-expect-error: state and PKCE are always on
new HuggingFaceStrategy({ ...options, state: true, pkce: true }, verify)
// @ts-expect-error: no such source
new HuggingFaceStrategy({ ...options, profileSource: 'access_token' }, verify)
// @ts-expect-error: a scope is a string
new HuggingFaceStrategy({ ...options, scope: [1] }, verify)
// @ts-expect-error: a store has both methods
new HuggingFaceStrategy({ ...options, store: { store() {} } }, verify)
// @ts-expect-error: it encrypts with something
new CookieStateStore({})
// @ts-expect-error: the cookie would not come back
new CookieStateStore({ secret: 'some-secret', sameSite: 'strict' })
// @ts-expect-error: what a store keeps is its own affair
new SessionStateStore({ key: 'sign-ins', maxAge: 60_000 }).maxAge

// a store of one's own: an editor knows the five parameters
export const store = {
  store(req, verifier, state, meta, callback) {
    expectType<Equal<typeof req.ip, string | undefined>>()
    expectType<Equal<typeof verifier, string>>()
    expectType<Equal<typeof state, object>>()
    expectType<Equal<typeof meta, StateMeta>>()
    callback(null, 'handle')
  },
  verify(_req, handle, meta, callback) {
    expectType<Equal<[typeof handle, typeof meta], [string, StateMeta]>>()
    callback(null, 'verifier', {})
    callback(null, false, { message: 'unknown' })
  },
} satisfies StateStore
new HuggingFaceStrategy({ ...options, store }, verify)
