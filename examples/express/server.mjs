// Sign in with Hugging Face in an Express app. Run `npm start` in the folder of the package.
//
// Without an OAuth app, it starts a local Hub where you sign in without an account. To use the real
// Hub, create an OAuth app at https://huggingface.co/settings/applications/new with the scopes
// `openid`, `profile` and `email`, and with the redirect URI
// http://localhost:3000/auth/huggingface/callback. Then run:
//
//   HF_CLIENT_ID=... HF_CLIENT_SECRET=... npm start

import { randomBytes } from 'node:crypto'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import { HuggingFaceStrategy } from 'passport-huggingface'
import { startLocalHub } from './local-hub.mjs'
import { errorPage, failedPage, homePage, notFoundPage, profilePage } from './pages.mjs'
import { localPath } from './return-to.mjs'

const { HF_CLIENT_ID, HF_CLIENT_SECRET, HF_HUB_URL, PORT = '3000' } = process.env

const oauthApp = HF_CLIENT_ID
  ? { clientID: HF_CLIENT_ID, clientSecret: HF_CLIENT_SECRET || undefined, hubURL: HF_HUB_URL }
  : await startLocalHub()
const localHub = oauthApp.hubURL

passport.use(
  new HuggingFaceStrategy(
    {
      ...oauthApp,
      callbackURL: '/auth/huggingface/callback',
      scope: ['openid', 'profile', 'email'],
    },
    async (_accessToken, _refreshToken, profile) => {
      // Find or create your user by `profile.id`. It stays the same when a username changes.
      const { _raw, _json, ...user } = profile
      return user
    },
  ),
)

passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const app = express()

app.use(
  session({
    // Use a fixed secret in your app: with a random one, every restart signs everybody out.
    secret: randomBytes(32).toString('hex'),
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax' },
  }),
)
app.use(passport.session())

app.get('/', (req, res) => {
  res.send(homePage({ user: req.user, localHub }))
})

app.get('/auth/huggingface', (req, res, next) => {
  const state = { returnTo: localPath(req.query.returnTo) }
  passport.authenticate('huggingface', { state })(req, res, next)
})

// The Hub shows the consent screen once. This shows it again, to choose other organizations.
app.get('/auth/huggingface/again', passport.authenticate('huggingface', { prompt: 'consent' }))

app.get('/auth/huggingface/callback', (req, res, next) => {
  passport.authenticate('huggingface', (error, user, info) => {
    if (error) return next(error)
    if (!user) {
      // The message is for the person, the detail for the developer.
      console.warn(info?.code, info?.detail ?? '')
      req.session.failure = info?.message
      return res.redirect('/sign-in-failed')
    }
    const returnTo = localPath(info?.state?.returnTo) ?? '/profile'
    req.logIn(user, (error) => (error ? next(error) : res.redirect(returnTo)))
  })(req, res, next)
})

app.get('/profile', (req, res) => {
  if (req.user) {
    res.send(profilePage({ user: req.user, localHub }))
  } else {
    res.status(401).send(homePage({ returnTo: req.originalUrl, localHub }))
  }
})

// The person denied the sign-in, took too long, or came back in another browser.
app.get('/sign-in-failed', (req, res) => {
  // Someone who is signed in has only loaded the callback again.
  if (req.user) return res.redirect('/profile')
  const message = req.session.failure
  delete req.session.failure
  res.status(403).send(failedPage({ message, localHub }))
})

// With POST, no link or image of another site can sign people out.
app.post('/sign-out', (req, res, next) => {
  req.logout((error) => (error ? next(error) : res.redirect('/')))
})

app.use((_req, res) => {
  res.status(404).send(notFoundPage({ localHub }))
})

// The Hub could not be reached, or its response cannot be trusted. The details are for the log.
app.use((error, _req, res, _next) => {
  console.error(error)
  res.status(error.status ?? 500).send(errorPage({ localHub }))
})

const server = app.listen(PORT, (error) => {
  if (error?.code === 'EADDRINUSE') {
    console.error(`Port ${PORT} is in use. Choose another one: PORT=3210 npm start`)
    process.exit(1)
  }
  if (error) throw error
  console.log(`Open http://localhost:${server.address().port}`)
})
