// @ts-check
// Sign in with Hugging Face in an Express app without sessions: a signed token in a cookie says who is signed in, so any number of servers share
// nothing but the secrets.
//
//   npm install express passport passport-huggingface cookie jose
//   HF_CLIENT_ID=... HF_CLIENT_SECRET=... TOKEN_SECRET=$(openssl rand -hex 32) node server.mjs

import { parse } from 'cookie'
import express from 'express'
import { jwtVerify, SignJWT } from 'jose'
import passport from 'passport'
import { HuggingFaceStrategy } from 'passport-huggingface'

const { HF_CLIENT_ID = '', HF_CLIENT_SECRET, HF_ENDPOINT, TOKEN_SECRET, PORT = '3000', APP_URL = `http://localhost:${PORT}` } = process.env
if (!TOKEN_SECRET) throw new Error('TOKEN_SECRET is missing')
const tokenKey = new TextEncoder().encode(TOKEN_SECRET)

passport.use(
  new HuggingFaceStrategy(
    {
      clientID: HF_CLIENT_ID,
      clientSecret: HF_CLIENT_SECRET,
      callbackURL: `${APP_URL}/auth/huggingface/callback`,
      hubURL: HF_ENDPOINT, // not set: https://huggingface.co
    },
    async (_accessToken, _refreshToken, { id, username }) => ({ id, username }), // your user, found or made by `id`
  ),
)

const app = express()

app.get('/auth/huggingface', passport.authenticate('huggingface', { session: false }))

app.get('/auth/huggingface/callback', passport.authenticate('huggingface', { session: false }), async (req, res) => {
  const token = await new SignJWT({ user: req.user }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('8h').sign(tokenKey)
  res.cookie('signed-in', token, { httpOnly: true, sameSite: 'lax', secure: APP_URL.startsWith('https:'), maxAge: 8 * 3600_000 })
  res.redirect('/')
})

app.get('/', async (req, res) => {
  try {
    const { payload } = await jwtVerify(parse(req.headers.cookie ?? '')['signed-in'] ?? '', tokenKey, { algorithms: ['HS256'] })
    res.json(payload['user'])
  } catch {
    res.send('<a href="/auth/huggingface">Sign in with Hugging Face</a>')
  }
})

app.listen(Number(PORT))
