// Responds with what the sign-in ended in.
import express from 'express'
import passport from 'passport'
import { HuggingFaceStrategy } from 'passport-huggingface'

const client = { hubURL: process.env.HF_HUB_URL, clientID: 'local-app', clientSecret: 'local-app-secret', timeout: 1000 }
const options = { ...client, callbackURL: '/auth/huggingface/callback', scope: ['openid', 'profile', 'email'] }
passport.use(new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, profile) => profile))

const app = express().use((req, res, next) => {
  passport.authenticate('huggingface', { state: { from: '/here' } }, (error, user, info, status) => {
    if (error) res.status(error.status).json({ isError: error instanceof Error, code: error.code })
    else res.status(user ? 200 : status).json({ user, info })
  })(req, res, next)
})
const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
