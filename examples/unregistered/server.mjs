// Sign in with Hugging Face without an OAuth app. The client ID is the URL of a JSON document about
// this app, which the app serves itself.
//
// The Hub has to reach the document, so deploy the app behind https:
//
//   APP_URL=https://tides.example STATE_SECRET=$(openssl rand -hex 32) node server.mjs
//
// Without APP_URL, this starts a local Hub that is given the document.

import { randomBytes } from 'node:crypto'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import { HuggingFaceStrategy } from 'passport-huggingface'

const { APP_URL, HF_HUB_URL, PORT = '3000' } = process.env
// Encrypts pending sign-ins, as there is no client secret. Set it if several processes serve the app.
const { STATE_SECRET = randomBytes(32).toString('hex') } = process.env

const appURL = APP_URL ?? 'https://app.example'
const clientID = new URL('/.well-known/oauth-cimd', appURL).href
const document = {
  client_id: clientID,
  client_name: 'Tides',
  redirect_uris: [
    new URL('/auth/huggingface/callback', appURL).href,
    // For development, with any port.
    'http://localhost/auth/huggingface/callback',
  ],
  token_endpoint_auth_method: 'none',
}

passport.use(
  new HuggingFaceStrategy(
    {
      clientID,
      callbackURL: APP_URL ? document.redirect_uris[0] : '/auth/huggingface/callback',
      scope: ['openid', 'profile'],
      hubURL: APP_URL ? HF_HUB_URL : await startLocalHub(), // default: https://huggingface.co
      stateSecret: STATE_SECRET,
    },
    // Find or create your user by `id`. It stays the same when a username changes.
    async (_accessToken, _refreshToken, { id, username }) => ({ id, username }),
  ),
)

passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const app = express()

// Trust the proxy in front of the app, which ends TLS.
app.set('trust proxy', 1)

// Before the session: the Hub fetches the document without cookies.
app.get('/.well-known/oauth-cimd', (_req, res) => {
  res.json(document)
})

app.use(
  session({
    // The sessions are in memory: they end with this process, and so may their secret.
    secret: randomBytes(32).toString('hex'),
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax', secure: 'auto' },
  }),
)
app.use(passport.session())

app.get('/', (req, res) => {
  const { user } = req
  const message = req.session.failure
  delete req.session.failure
  res.send(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Tides</title>
<style>
body{background:Canvas;color:CanvasText;font:1.25rem/1.6 system-ui}
main{max-width:30rem;margin:20vh auto;padding:0 1rem}
</style>
<main>
<h1>${user ? `Hello, ${escapeHTML(user.username ?? user.id)}!` : 'Hello!'}</h1>
${message ? `<p role="status">${escapeHTML(message)}</p>` : ''}
${
  user
    ? '<form method="post" action="/sign-out"><button>Sign out</button></form>'
    : '<p><a href="/auth/huggingface">Sign in with Hugging Face</a></p>'
}
</main>
`)
})

app.get('/auth/huggingface', passport.authenticate('huggingface'))

app.get('/auth/huggingface/callback', (req, res, next) => {
  passport.authenticate('huggingface', (error, user, info) => {
    if (error) return next(error)
    if (user) return req.logIn(user, (error) => (error ? next(error) : res.redirect('/')))
    // The message is for the person, the detail for the developer.
    console.warn(info?.code, info?.detail ?? '')
    req.session.failure = info?.message
    res.redirect('/')
  })(req, res, next)
})

// With POST, no link or image of another site can sign people out.
app.post('/sign-out', (req, res, next) => {
  req.logout((error) => (error ? next(error) : res.redirect('/')))
})

const server = app.listen(PORT, (error) => {
  if (error) throw error
  console.log(`Open ${APP_URL ?? `http://localhost:${server.address().port}`}`)
})

async function startLocalHub() {
  const { startHub } = await import('passport-huggingface/testing')
  const hub = await startHub({ clientMetadata: () => document })
  console.log(`No APP_URL: using a local Hub at ${hub.url}`)
  return hub.url
}

function escapeHTML(text) {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
