// @ts-check
// Sign in with Hugging Face without an OAuth app: the client ID is the address of a document about this app, which it serves itself.
//
// Where the Hub can reach it, behind https:
//
//   APP_URL=https://tides.example STATE_SECRET=... node examples/unregistered/server.mjs
//
// The Hub cannot fetch a document from your machine. Without APP_URL this starts a local Hub, which is given the document instead.

import { randomBytes } from 'node:crypto'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import { clientMetadata, HuggingFaceStrategy } from 'passport-huggingface'

const {
  APP_URL,
  HUB_URL,
  // Seals sign-ins in progress, in place of a client secret. Set it where more than one process serves the app.
  STATE_SECRET = randomBytes(32).toString('hex'),
  PORT = '3000',
} = process.env

const appURL = APP_URL ?? 'https://app.example'
const metadata = clientMetadata({
  clientID: new URL('/.well-known/oauth-cimd', appURL).href,
  clientName: 'Tides',
  clientURI: appURL,
  redirectURIs: [new URL('/auth/huggingface/callback', appURL).href],
  scope: ['openid', 'profile'],
})

passport.use(
  new HuggingFaceStrategy(
    {
      clientID: metadata.client_id,
      callbackURL: APP_URL ? metadata.redirect_uris[0] : '/auth/huggingface/callback',
      scope: metadata.scope,
      hubURL: APP_URL ? HUB_URL : await startLocalHub(),
      stateSecret: STATE_SECRET,
    },
    async (_accessToken, _refreshToken, { id, username }) => ({ id, username }),
  ),
)

passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const app = express()

// The proxy in front of the app ends TLS; this makes Express believe what it says about that.
app.set('trust proxy', 1)

// For the Hub, which comes without a session.
app.get('/.well-known/oauth-cimd', (_req, res) => {
  res.json(metadata)
})

app.use(
  session({
    // The sessions are in memory, so they end with this process: with it, a new secret does no harm.
    secret: randomBytes(32).toString('hex'),
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax', secure: 'auto' },
  }),
)
app.use(passport.session())

app.get('/', (req, res) => {
  const user = /** @type {{ id: string, username?: string } | undefined} */ (req.user)
  const [message] = req.session.messages?.splice(0) ?? []
  res.send(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Tides</title>
<body style="font:1.25rem/1.6 system-ui;max-width:30rem;margin:20vh auto;padding:0 1rem">
<h1>${user ? `Hello, ${escaped(user.username ?? user.id)}!` : 'Hello!'}</h1>
${message ? `<p role="status">${escaped(message)}</p>` : ''}
${user ? '<form method="post" action="/sign-out"><button>Sign out</button></form>' : '<p><a href="/auth/huggingface">Sign in with Hugging Face</a></p>'}
`)
})

app.get('/auth/huggingface', passport.authenticate('huggingface'))

app.get(
  '/auth/huggingface/callback',
  passport.authenticate('huggingface', { successRedirect: '/', failureRedirect: '/', failureMessage: true }),
)

app.post('/sign-out', (req, res, next) => {
  req.logout((error) => (error ? next(error) : res.redirect('/')))
})

const server = app.listen(PORT, (error) => {
  if (error) {
    throw error
  }
  console.log(`Open ${APP_URL ?? `http://localhost:${server.address().port}`}`)
})

async function startLocalHub() {
  const { startHub } = await import('passport-huggingface/testing')
  // On localhost any port will do, at this Hub as at the real one.
  const hub = await startHub({ clientMetadata: () => ({ ...metadata, redirect_uris: ['http://localhost/auth/huggingface/callback'] }) })
  console.log(`No APP_URL: using a local Hub at ${hub.url}`)
  return hub.url
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
