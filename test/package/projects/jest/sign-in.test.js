const { once } = require('node:events')
const express = require('express')
const passport = require('passport')
const { HuggingFaceStrategy } = require('passport-huggingface')
const { signIn } = require('passport-huggingface/testing')

test('somebody signs in, with an ID token', async () => {
  const app = { clientID: 'local-app', clientSecret: 'local-app-secret', callbackURL: '/auth/huggingface/callback' }
  const options = { ...app, hubURL: process.env.HF_HUB_URL, scope: ['openid', 'profile'] }
  passport.use(new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, profile) => profile))
  const authenticate = passport.authenticate('huggingface', { session: false })
  const server = express()
    .get('/auth/huggingface', authenticate)
    .get('/auth/huggingface/callback', authenticate, (req, res) => res.json(req.user))
    .listen(0, '127.0.0.1')
  await once(server, 'listening')
  const begun = await fetch(`http://127.0.0.1:${server.address().port}/auth/huggingface`, { redirect: 'manual' })
  const cookie = begun.headers.getSetCookie().map((line) => line.split(';')[0])
  const callback = await signIn(begun.headers.get('location'), 'ada')
  const response = await fetch(callback, { headers: { cookie: cookie.join('; '), connection: 'close' } })
  expect(await response.json()).toMatchObject({ username: 'ada', displayName: 'Ada Moreno' })
  server.close()
})
