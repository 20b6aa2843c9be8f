// Compile-only: what users write for verify. The app has typed its users as `{ id: string }`.
import type { Request } from 'express'
import type passport from 'passport'
import {
  type HuggingFaceProfile,
  HuggingFaceStrategy,
  type TokenParams,
  type VerifyCallback,
  type VerifyWithParams,
  type VerifyWithRequestAndParams,
} from 'passport-huggingface'
import { type Equal, expectType, options } from './expect.js'

declare function findOrCreate(profile: { id: string }): Promise<Express.User>
type Usual = [accessToken: string, refreshToken: string | undefined, profile: HuggingFaceProfile]

// four parameters: by done, by promise or at once, with nothing annotated
new HuggingFaceStrategy(options, (accessToken, refreshToken, profile, done) => {
  expectType<Equal<[typeof accessToken, typeof refreshToken, typeof profile], Usual>>()
  expectType<Equal<typeof done, VerifyCallback>>()
  findOrCreate(profile).then((user) => done(null, user), done)
  done(null, false, { message: 'Ask for an invitation.' })
})
new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, profile, done) => done(null, await findOrCreate(profile)))
new HuggingFaceStrategy(options, async (accessToken, refreshToken, profile) => {
  expectType<Equal<[typeof accessToken, typeof refreshToken, typeof profile], Usual>>()
  return profile.isPro ? findOrCreate(profile) : false
})
new HuggingFaceStrategy(options, (_accessToken, _refreshToken, profile) => profile)

// five parameters: annotated by the exported type, or one by one
const withParams: VerifyWithParams = (accessToken, refreshToken, params, profile, done) => {
  expectType<Equal<[typeof accessToken, typeof refreshToken, typeof profile], Usual>>()
  expectType<Equal<[typeof params, typeof params.expires_in], [TokenParams, number | undefined]>>()
  done(null, profile)
}
new HuggingFaceStrategy(options, withParams)
new HuggingFaceStrategy(
  options,
  async (_token: string, _refresh: string | undefined, _params: TokenParams, profile: HuggingFaceProfile, _done: VerifyCallback) => profile,
)

// with the request first
const withRequest = { ...options, passReqToCallback: true } as const
new HuggingFaceStrategy(withRequest, async (req, accessToken, refreshToken, profile) => {
  expectType<Equal<typeof req, Request>>()
  expectType<Equal<[typeof accessToken, typeof refreshToken, typeof profile], Usual>>()
  return req.user ?? findOrCreate(profile)
})
new HuggingFaceStrategy({ ...options, passReqToCallback: true }, (req, _accessToken, _refreshToken, profile, done) => {
  expectType<Equal<[typeof req, typeof done], [Request, VerifyCallback]>>()
  done(null, profile)
})
const withAll: VerifyWithRequestAndParams = (req, _accessToken, _refreshToken, params, profile, done) => {
  expectType<Equal<[typeof req, typeof params], [Request, TokenParams]>>()
  done(null, profile)
}
new HuggingFaceStrategy(withRequest, withAll)

// Passport's own type of done
new HuggingFaceStrategy(options, (_accessToken, _refreshToken, profile, done: passport.DoneCallback) => done(null, profile))

// @ts-expect-error: there is no sign-in without a verify
new HuggingFaceStrategy(options)
// @ts-expect-error: this is not a user of the app
new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, profile) => ({ name: profile.displayName }))
// @ts-expect-error: this is not a user of the app
new HuggingFaceStrategy(options, (_accessToken, _refreshToken, profile, done) => done(null, { name: profile.displayName }))
// @ts-expect-error: this is not a user of the app
new HuggingFaceStrategy(withRequest, async (_req, _accessToken, _refreshToken, profile) => profile.displayName)
// @ts-expect-error: a profile has no such field
new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, profile) => ({ id: profile.mail }))
// @ts-expect-error: the refresh token may be missing
new HuggingFaceStrategy(options, async (_accessToken, refreshToken: string) => ({ id: refreshToken }))
// @ts-expect-error: without passReqToCallback the first argument is the access token
new HuggingFaceStrategy(options, async (req: Request) => req.user)
