// Compile-only: every documented option is accepted, a wrong one is refused.
import { Agent } from 'node:https'
import passport from 'passport'
import {
  type ClientMetadata,
  CookieStateStore,
  clientMetadata,
  type HuggingFaceAuthenticateOptions,
  type HuggingFaceScope,
  HuggingFaceStrategy,
  type HuggingFaceStrategyOptions,
  SessionStateStore,
  type StateStore,
  Strategy,
  spaceOptions,
} from 'passport-huggingface'
import { type Equal, expectType, options } from './expect.js'

const verify = async (_accessToken: string, _refreshToken: string | undefined, profile: { id: string }) => profile

// all of them
const everything: HuggingFaceStrategyOptions = {
  clientID: 'some-id',
  clientSecret: 'some-secret',
  callbackURL: '/auth/huggingface/callback',
  scope: ['openid', 'profile', 'email'],
  hubURL: 'https://hub.example',
  authorizationURL: 'https://hub.example/oauth/authorize',
  tokenURL: 'https://hub.example/oauth/token',
  userProfileURL: 'https://hub.example/oauth/userinfo',
  stateSecret: ['the new one', 'the old one'],
  store: new CookieStateStore({ secret: 'some-secret' }),
  profileSource: 'userinfo',
  timeout: 5000,
  agent: new Agent({ keepAlive: true }),
  proxy: true,
  customHeaders: { 'user-agent': 'an-app' },
  skipUserProfile: false,
  passReqToCallback: false,
}
passport.use(new HuggingFaceStrategy(everything, verify))
passport.use('by another name', new Strategy(everything, verify))
passport.authenticate(new HuggingFaceStrategy(everything, verify), { session: false })
expectType<Equal<typeof Strategy, typeof HuggingFaceStrategy>>()

// what the environment may or may not have
const { HF_CLIENT_SECRET, HUB_URL, STATE_SECRET } = process.env
new HuggingFaceStrategy({ clientID: 'some-id', clientSecret: HF_CLIENT_SECRET, hubURL: HUB_URL, stateSecret: STATE_SECRET }, verify)
new HuggingFaceStrategy({ clientID: 'a public client' }, verify)

// one option at a time, in its other forms
new HuggingFaceStrategy({ ...options, stateSecret: 'one' }, verify)
new HuggingFaceStrategy({ ...options, stateSecret: ['one', 'two'] as const }, verify)
new HuggingFaceStrategy({ ...options, skipUserProfile: true }, verify)
new HuggingFaceStrategy({ ...options, skipUserProfile: () => true }, verify)
new HuggingFaceStrategy({ ...options, skipUserProfile: (accessToken, done) => done(null, accessToken.length > 0) }, verify)

// scopes complete in an editor, and any other string is accepted
new HuggingFaceStrategy({ ...options, scope: 'openid profile' }, verify)
new HuggingFaceStrategy({ ...options, scope: ['profile', 'a-scope-of-tomorrow'] }, verify)
new HuggingFaceStrategy({ ...options, scope: ['openid', 'email'] as const }, verify)
type Known<Scope> = Scope extends string ? (string extends Scope ? never : Scope) : never
type Documented =
  | 'openid'
  | 'profile'
  | 'email'
  | 'read-billing'
  | 'read-memberships'
  | 'read-repos'
  | 'gated-repos'
  | 'contribute-repos'
  | 'write-repos'
  | 'manage-repos'
  | 'read-collections'
  | 'write-collections'
  | 'inference-api'
  | 'read-endpoints'
  | 'write-endpoints'
  | 'jobs'
  | 'webhooks'
  | 'write-discussions'
expectType<Documented extends Known<HuggingFaceScope> ? true : false>()
expectType<Equal<Extract<HuggingFaceScope, 'no such scope'>, never>>()
expectType<string extends HuggingFaceScope ? true : string & {} extends HuggingFaceScope ? true : false>()

// wrong ones
// @ts-expect-error: clientID is needed
new HuggingFaceStrategy({ clientSecret: 'some-secret' }, verify)
// @ts-expect-error: Passport spells it clientID
new HuggingFaceStrategy({ clientId: 'some-id' }, verify)
// @ts-expect-error: Passport spells it callbackURL
new HuggingFaceStrategy({ ...options, callbackUrl: '/callback' }, verify)
// @ts-expect-error: milliseconds, as a number
new HuggingFaceStrategy({ ...options, timeout: '5s' }, verify)
// @ts-expect-error: state is always on
new HuggingFaceStrategy({ ...options, state: true }, verify)
// @ts-expect-error: PKCE is always on
new HuggingFaceStrategy({ ...options, pkce: false }, verify)
// @ts-expect-error: no such source
new HuggingFaceStrategy({ ...options, profileSource: 'access_token' }, verify)
// @ts-expect-error: a scope is text
new HuggingFaceStrategy({ ...options, scope: [1] }, verify)
// @ts-expect-error: a store has both methods
new HuggingFaceStrategy({ ...options, store: { store() {} } }, verify)

// stores
expectType<CookieStateStore extends StateStore ? true : false>()
expectType<SessionStateStore extends StateStore ? true : false>()
new CookieStateStore({ secret: ['the new one', 'the old one'], sameSite: 'none', partitioned: true })
new HuggingFaceStrategy({ ...options, store: new SessionStateStore() }, verify)
new HuggingFaceStrategy({ ...options, store: new SessionStateStore({ key: 'sign-ins' }) }, verify)
// @ts-expect-error: a cookie is sealed with something
new CookieStateStore({})
// @ts-expect-error: the cookie would not come back
new CookieStateStore({ secret: 'some-secret', sameSite: 'strict' })
// a store of one's own, by passport-oauth2's contract and by promise
const calledBack = {
  store(_req: unknown, _verifier: string, _state: unknown, _meta: unknown, done: (error: Error | null, handle?: string) => void) {
    done(null, 'handle')
  },
  verify(_req: unknown, _handle: string, done: (error: Error | null, ok?: string | false, state?: unknown) => void) {
    done(null, 'verifier', { some: 'state' })
  },
}
const promised: StateStore = {
  store: async (_req: { ip?: string }, verifier: string) => verifier,
  verify: async (_req: { ip?: string }, handle: string) => ({ ok: handle }),
}
new HuggingFaceStrategy({ ...options, store: calledBack }, verify)
new HuggingFaceStrategy({ ...options, store: promised }, verify)

// a Space's options, with an own one beside them
new HuggingFaceStrategy(
  { ...spaceOptions(), scope: ['openid', 'profile'], profileSource: 'id_token' },
  async (_accessToken, _refreshToken, profile) => {
    // @ts-expect-error: userinfo only
    profile.orgs
    return profile.id
  },
)
new HuggingFaceStrategy(
  { ...spaceOptions({ SPACE_ID: 'someone/space' }), passReqToCallback: true },
  async (req, _accessToken, _refreshToken, profile) => [req.ip, profile.orgs],
)
expectType<Equal<ReturnType<typeof spaceOptions>['callbackURL'], string>>()

// a client that is known by its document
const document = clientMetadata({
  clientID: 'https://app.example/.well-known/oauth-cimd',
  clientName: 'An app',
  redirectURIs: ['https://app.example/auth/huggingface/callback'],
  clientURI: 'https://app.example',
  logoURI: 'https://app.example/logo.png',
  scope: ['openid', 'profile'],
})
expectType<Equal<typeof document, ClientMetadata>>()
new HuggingFaceStrategy({ clientID: document.client_id, stateSecret: 'some-secret' }, verify)
// @ts-expect-error: people see the name when they consent
clientMetadata({ clientID: 'https://app.example/.well-known/oauth-cimd', redirectURIs: [] })

// what passport.authenticate takes
passport.authenticate('huggingface', {
  scope: ['openid', 'email'],
  state: 'where the person was',
  prompt: 'consent',
  failureRedirect: '/sign-in',
})
passport.authenticate('huggingface', { orgIds: ['65f000000000000000000a01'], failureRedirect: '/sign-in' })
passport.authenticate('huggingface', { orgIds: '65f000000000000000000a01', callbackURL: '/auth/huggingface/callback', session: false })
const again: HuggingFaceAuthenticateOptions = {
  scope: ['openid', 'profile'],
  prompt: 'a prompt of tomorrow',
  orgIds: '65f000000000000000000a01',
}
expectType<'consent' extends Known<typeof again.prompt> ? true : false>()
// Passport's types have state as text
passport.authenticate('huggingface', { ...again, state: { returnTo: '/models' } } satisfies HuggingFaceAuthenticateOptions as object)
// @ts-expect-error: an organization is named by its id, as text
passport.authenticate('huggingface', { orgIds: 1 })
// @ts-expect-error: no such option
passport.authenticate('huggingface', { orgIDs: ['65f000000000000000000a01'] })
// @ts-expect-error: an organization is named by its id, as text
const _wrongOrg: HuggingFaceAuthenticateOptions = { orgIds: 1 }
