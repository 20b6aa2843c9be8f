// An app in a process of its own. It responds with what a sign-in ended in.
import express from 'express'
import passport from 'passport'
import { HuggingFaceStrategy } from 'passport-huggingface'

const { HF_HUB_URL: hubURL, HF_CLIENT_ID: clientID = 'local-app', HF_CLIENT_SECRET: clientSecret = 'local-app-secret' } = process.env
const { TIMEOUT = '1000', BY_INSTANCE } = process.env
const client = { hubURL, clientID, clientSecret, timeout: Number(TIMEOUT) }
const options = { ...client, callbackURL: '/auth/huggingface/callback', scope: ['openid', 'profile', 'email'] }
const strategy = new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, profile) => profile)
passport.use(strategy)

const app = express()
// bytes in use after a garbage collection, with `node --expose-gc`
app.get('/heap', (_req, res) => res.json(globalThis.gc() ?? process.memoryUsage().heapUsed))
app.use((req, res, next) => {
  passport.authenticate(BY_INSTANCE ? strategy : 'huggingface', { state: { from: '/here' } }, (error, user, info, status) => {
    if (error) res.status(error.status).json({ isError: error instanceof Error, code: error.code })
    else res.status(user ? 200 : status).json({ user, info })
  })(req, res, next)
})
const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
