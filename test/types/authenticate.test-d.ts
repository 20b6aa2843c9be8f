// Compile-only: passport.authenticate('huggingface', …). The README has the usual calls.
import express, { type RequestHandler } from 'express'
import passport, { Passport } from 'passport'
import { type HuggingFaceAuthenticateOptions, HuggingFaceStrategy, type SignInFailureCode } from 'passport-huggingface'
import { type Equal, expectType, options } from './expect.js'

const app = express()
app.get('/', new Passport().authenticate('huggingface', { scope: ['openid', 'a-scope-of-tomorrow'], prompt: 'consent' }))
app.get('/', passport.authenticate('huggingface', { orgIds: ['65f000000000000000000a01'], callbackURL: '/cb', session: false }))

// the app's own state is any JSON value
passport.authenticate('huggingface', { state: 'text' })
passport.authenticate('huggingface', { state: { returnTo: '/models', steps: [1, null] } })
const kept: HuggingFaceAuthenticateOptions = { state: ['text'], orgIds: 'one', scope: 'openid' }
passport.authenticate('huggingface', { ...kept, session: false })

// @ts-expect-error: an organization is named by its id, a string
passport.authenticate('huggingface', { orgIds: 1 })
// @ts-expect-error: it is spelled orgIds
passport.authenticate('huggingface', { orgIDs: ['65f000000000000000000a01'] })
// @ts-expect-error: no such option
passport.authenticate('huggingface', { returnTo: '/models' })

// a custom callback
export const handler: RequestHandler = (req, res, next) => {
  passport.authenticate('huggingface', { session: false }, (error, user, info, status) => {
    expectType<Equal<typeof error, Error | null>>()
    expectType<Equal<typeof user, Express.User | false | null | undefined>>()
    expectType<Equal<typeof status, number | undefined>>()
    // @ts-expect-error: no such code
    if (info?.code === 'denied') return next()
    expectType<Equal<NonNullable<typeof info>['code'], SignInFailureCode | undefined>>()
    res.json(info?.state)
  })(req, res, next)
}
passport.authenticate('huggingface', (_error, user) => (user ? user.id : undefined))
passport.authenticate('huggingface', async (error: unknown, user?: Express.User | false | null) => [error, user])

// other strategies, and an instance, are as Passport types them
passport.authenticate('local', { failureFlash: true }, (_error: unknown, _user: unknown) => {})
passport.authenticate(['huggingface', 'local'], { session: false })
passport.authenticate(new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, profile) => profile), { session: false })
