// Compile-only: what users write where they give the strategy its verify, with nothing annotated.
import type { Request } from 'express'
import passport from 'passport'
import {
  type HuggingFaceIdTokenProfile,
  type HuggingFaceProfile,
  HuggingFaceStrategy,
  type TokenParams,
  type VerifyCallback,
} from 'passport-huggingface'
import { type Equal, expectType, options } from './expect.js'

interface User {
  name: string
}
declare function findOrCreate(profile: { id: string }): Promise<User>

// four parameters
new HuggingFaceStrategy(options, (accessToken, refreshToken, profile, done) => {
  expectType<Equal<typeof accessToken, string>>()
  expectType<Equal<typeof refreshToken, string | undefined>>()
  expectType<Equal<typeof profile, HuggingFaceProfile>>()
  expectType<Equal<typeof done, VerifyCallback>>()
  findOrCreate(profile).then((user) => done(null, user), done)
})
new HuggingFaceStrategy(options, (_accessToken, _refreshToken, _profile, done) => done(null, false, { message: 'Ask for an invitation.' }))

// five parameters: what the token endpoint granted comes before the profile
new HuggingFaceStrategy(options, (accessToken, refreshToken, params, profile, done) => {
  expectType<Equal<typeof accessToken, string>>()
  expectType<Equal<typeof refreshToken, string | undefined>>()
  expectType<Equal<typeof params, TokenParams>>()
  expectType<Equal<typeof params.scope, string | undefined>>()
  expectType<Equal<typeof params.id_token, string | undefined>>()
  expectType<Equal<typeof params.expires_in, number | undefined>>()
  expectType<Equal<typeof profile, HuggingFaceProfile>>()
  done(null, { name: profile.displayName })
})

// three parameters: a promise of the user, or the user
new HuggingFaceStrategy(options, async (accessToken, refreshToken, profile) => {
  expectType<Equal<typeof accessToken, string>>()
  expectType<Equal<typeof refreshToken, string | undefined>>()
  expectType<Equal<typeof profile, HuggingFaceProfile>>()
  return findOrCreate(profile)
})
new HuggingFaceStrategy(options, (_accessToken, _refreshToken, profile) => findOrCreate(profile))
new HuggingFaceStrategy(options, (_accessToken, _refreshToken, profile) => profile)
new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, profile) => (profile.isPro ? profile : false))
// four and five parameters may answer by a promise too
new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, profile, done) => done(null, await findOrCreate(profile)))
new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, params, profile, done) =>
  done(null, [params.scope, await findOrCreate(profile)]),
)
// fewer than three
new HuggingFaceStrategy(options, async (accessToken) => accessToken.length > 0)

// with the request first
const withRequest = { ...options, passReqToCallback: true } as const
new HuggingFaceStrategy(withRequest, async (req, accessToken, refreshToken, profile) => {
  expectType<Equal<typeof req, Request>>()
  expectType<Equal<typeof accessToken, string>>()
  expectType<Equal<typeof refreshToken, string | undefined>>()
  expectType<Equal<typeof profile, HuggingFaceProfile>>()
  return req.user ?? findOrCreate(profile)
})
new HuggingFaceStrategy({ ...options, passReqToCallback: true }, (req, accessToken, _refreshToken, profile, done) => {
  expectType<Equal<typeof req, Request>>()
  expectType<Equal<typeof accessToken, string>>()
  expectType<Equal<typeof profile, HuggingFaceProfile>>()
  expectType<Equal<typeof done, VerifyCallback>>()
  done(null, { ip: req.ip, id: profile.id })
})
new HuggingFaceStrategy({ ...options, passReqToCallback: true }, (req, accessToken, refreshToken, params, profile, done) => {
  expectType<Equal<typeof req, Request>>()
  expectType<Equal<typeof accessToken, string>>()
  expectType<Equal<typeof refreshToken, string | undefined>>()
  expectType<Equal<typeof params, TokenParams>>()
  expectType<Equal<typeof profile, HuggingFaceProfile>>()
  expectType<Equal<typeof done, VerifyCallback>>()
  done(null, { scope: params.scope })
})
new HuggingFaceStrategy({ ...options, passReqToCallback: false }, (accessToken) => {
  expectType<Equal<typeof accessToken, string>>()
})

// the ID token does not tell of PRO, payment and organizations
new HuggingFaceStrategy({ ...options, profileSource: 'id_token' }, async (_accessToken, _refreshToken, profile) => {
  expectType<Equal<typeof profile, HuggingFaceIdTokenProfile>>()
  // @ts-expect-error: userinfo only
  profile.orgs
  // @ts-expect-error: userinfo only
  profile.isPro
  // @ts-expect-error: userinfo only
  profile.canPay
  return { id: profile.id, name: profile.displayName, mail: profile.emails?.[0].value }
})
new HuggingFaceStrategy({ ...options, profileSource: 'id_token' }, (_accessToken, _refreshToken, profile, done) => {
  expectType<Equal<typeof profile, HuggingFaceIdTokenProfile>>()
  done(null, profile)
})
new HuggingFaceStrategy({ ...options, profileSource: 'id_token' }, (_accessToken, _refreshToken, params, profile, done) => {
  expectType<Equal<typeof params, TokenParams>>()
  expectType<Equal<typeof profile, HuggingFaceIdTokenProfile>>()
  done(null, profile)
})
new HuggingFaceStrategy(
  { ...options, profileSource: 'id_token', passReqToCallback: true },
  async (req, _accessToken, _refreshToken, profile) => {
    expectType<Equal<typeof req, Request>>()
    expectType<Equal<typeof profile, HuggingFaceIdTokenProfile>>()
    return profile
  },
)
new HuggingFaceStrategy(
  { ...options, profileSource: 'id_token', passReqToCallback: true },
  (req, _accessToken, _refreshToken, profile, done) => {
    expectType<Equal<typeof req, Request>>()
    expectType<Equal<typeof profile, HuggingFaceIdTokenProfile>>()
    done(null, profile)
  },
)
new HuggingFaceStrategy(
  { ...options, profileSource: 'id_token', passReqToCallback: true },
  (req, _accessToken, _refreshToken, params, profile, done) => {
    expectType<Equal<typeof req, Request>>()
    expectType<Equal<typeof params, TokenParams>>()
    expectType<Equal<typeof profile, HuggingFaceIdTokenProfile>>()
    done(null, profile)
  },
)
new HuggingFaceStrategy({ ...options, profileSource: 'userinfo' }, async (_accessToken, _refreshToken, profile) => profile.orgs)

// a verify that is declared elsewhere
async function verify(_accessToken: string, _refreshToken: string | undefined, profile: HuggingFaceProfile) {
  return findOrCreate(profile)
}
passport.use(new HuggingFaceStrategy(options, verify))
function verifyWithDone(_accessToken: string, _refreshToken: string | undefined, profile: HuggingFaceProfile, done: VerifyCallback) {
  done(null, profile)
}
passport.use('another name', new HuggingFaceStrategy(options, verifyWithDone))
// Passport's own types for `done`
new HuggingFaceStrategy(options, (_accessToken, _refreshToken, profile, done: passport.DoneCallback) => done(null, profile))
new HuggingFaceStrategy(options, (_accessToken, _refreshToken, profile, done: (error: Error | null, user?: User | false) => void) => {
  done(null, { name: profile.id })
})

// @ts-expect-error: there is no sign-in without a verify
new HuggingFaceStrategy(options)
// @ts-expect-error: seven parameters are too many
new HuggingFaceStrategy(options, (a, b, c, d, e, f, g) => [a, b, c, d, e, f, g])
// @ts-expect-error: a profile has no such field
new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, profile) => profile.mail)
// @ts-expect-error: the refresh token may be missing
new HuggingFaceStrategy(options, async (_accessToken, refreshToken: string) => refreshToken)
// @ts-expect-error: without passReqToCallback the first argument is the access token
new HuggingFaceStrategy(options, async (req: Request) => req.user)
