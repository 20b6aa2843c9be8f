// A user's test in a Jest that nothing was set for.
const { once } = require('node:events')
const express = require('express')
const passport = require('passport')
const { HuggingFaceStrategy } = require('passport-huggingface')

test('the strategy loads, and a sign-in begins', async () => {
  const options = { clientID: 'some-id', clientSecret: 'some-secret', callbackURL: '/auth/huggingface/callback' }
  passport.use(new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, profile) => profile))
  const server = express().get('/auth/huggingface', passport.authenticate('huggingface')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { status, headers } = await fetch(`http://127.0.0.1:${server.address().port}/auth/huggingface`, { redirect: 'manual' })
  server.close()
  expect(status).toBe(302)
  expect(headers.get('location')).toMatch(/^https:\/\/huggingface\.co\/oauth\/authorize\?/)
  expect(headers.get('set-cookie')).toMatch(/^hf-signin\./)
})
