// Sign in with Hugging Face in an Express app without sessions. A signed token in a cookie says who
// is signed in, so the app runs on any number of servers that share the secrets.
//
//   npm install express passport passport-huggingface cookie jose
//   HF_CLIENT_ID=... HF_CLIENT_SECRET=... TOKEN_SECRET=$(openssl rand -hex 32) node server.mjs
//
// To try it without an account, start a local Hub with `npx passport-huggingface`, and use the
// values that it prints.

import { parse } from 'cookie'
import express from 'express'
import { jwtVerify, SignJWT } from 'jose'
import passport from 'passport'
import { HuggingFaceStrategy } from 'passport-huggingface'

const { HF_CLIENT_ID, HF_CLIENT_SECRET, HF_HUB_URL, TOKEN_SECRET } = process.env
const { PORT = '3000', APP_URL = `http://localhost:${PORT}` } = process.env
if (!TOKEN_SECRET) throw new Error('TOKEN_SECRET is missing')
const tokenKey = new TextEncoder().encode(TOKEN_SECRET)

passport.use(
  new HuggingFaceStrategy(
    {
      clientID: HF_CLIENT_ID,
      clientSecret: HF_CLIENT_SECRET,
      callbackURL: `${APP_URL}/auth/huggingface/callback`,
      hubURL: HF_HUB_URL, // default: https://huggingface.co
    },
    // Find or create your user by `id`. It stays the same when a username changes.
    async (_accessToken, _refreshToken, { id, username }) => ({ id, username }),
  ),
)

const app = express()

app.get('/auth/huggingface', passport.authenticate('huggingface', { session: false }))

app.get('/auth/huggingface/callback', completeSignIn, async (req, res) => {
  const token = await new SignJWT({ user: req.user })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('8h')
    .sign(tokenKey)
  res.cookie('signed-in', token, {
    httpOnly: true,
    sameSite: 'lax',
    secure: APP_URL.startsWith('https:'),
    maxAge: 8 * 3600_000,
  })
  res.redirect('/')
})

app.get('/', async (req, res) => {
  const user = await signedInUser(req)
  res.send(
    user
      ? `<p>Hello, ${escapeHTML(user.username ?? user.id)}!</p>
         <form method="post" action="/sign-out"><button>Sign out</button></form>`
      : '<a href="/auth/huggingface">Sign in with Hugging Face</a>',
  )
})

// With POST, no link or image of another site can sign people out.
app.post('/sign-out', (_req, res) => {
  res.clearCookie('signed-in').redirect('/')
})

app.listen(Number(PORT))

function completeSignIn(req, res, next) {
  passport.authenticate('huggingface', { session: false }, (error, user, info, status = 401) => {
    if (error) return next(error)
    if (!user) {
      // The message is for the person, the detail for the developer.
      console.warn(info?.code, info?.detail)
      const message = escapeHTML(info?.message ?? 'You cannot sign in here.')
      return res
        .status(status)
        .send(`<p>${message}</p> <a href="/auth/huggingface">Try again</a> <a href="/">Home</a>`)
    }
    req.user = user
    next()
  })(req, res, next)
}

async function signedInUser(req) {
  const { 'signed-in': token = '' } = parse(req.headers.cookie ?? '')
  try {
    const { payload } = await jwtVerify(token, tokenKey, { algorithms: ['HS256'] })
    return payload.user
  } catch {
    return undefined
  }
}

function escapeHTML(text) {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
