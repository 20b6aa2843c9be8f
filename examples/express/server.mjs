// Sign in with Hugging Face in an Express app. Start it with `npm start` in the package's folder.
//
// With an OAuth app of yours (https://huggingface.co/settings/applications/new, scopes `openid profile email`, redirect
// URI http://localhost:3000/auth/huggingface/callback) it uses the real Hub:
//
//   HF_CLIENT_ID=... HF_CLIENT_SECRET=... npm start
//
// Without one it starts a local Hub with made-up people.

import { randomBytes } from 'node:crypto'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import { HuggingFaceStrategy } from 'passport-huggingface'
import { startLocalHub } from './local-hub.mjs'
import { errorPage, failedPage, homePage, profilePage } from './pages.mjs'

const { HF_CLIENT_ID, HF_CLIENT_SECRET, PORT = '3000' } = process.env

const oauthApp = HF_CLIENT_ID ? { clientID: HF_CLIENT_ID, clientSecret: HF_CLIENT_SECRET || undefined } : await startLocalHub()
const localHub = oauthApp.hubURL

passport.use(
  new HuggingFaceStrategy(
    { ...oauthApp, callbackURL: '/auth/huggingface/callback', scope: ['openid', 'profile', 'email'] },
    async (_accessToken, _refreshToken, profile) => {
      // Your app would find or create its own user here, by `profile.id`: it stays the same when a username changes.
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
    // Yours comes from a safe place: with a random one every restart signs everybody out.
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

app.get('/auth/huggingface', passport.authenticate('huggingface'))

// The Hub asks for consent once. This asks again, so that people can share other organizations.
app.get('/auth/huggingface/again', passport.authenticate('huggingface', { prompt: 'consent' }))

app.get(
  '/auth/huggingface/callback',
  passport.authenticate('huggingface', {
    successRedirect: '/profile',
    failureRedirect: '/sign-in-failed',
    failureMessage: true,
  }),
)

app.get('/profile', (req, res) => {
  if (req.user) {
    res.send(profilePage({ user: req.user, localHub }))
  } else {
    res.redirect('/')
  }
})

// The person said no, waited too long, or came back in another browser. Nothing is broken.
app.get('/sign-in-failed', (req, res) => {
  // Somebody who is signed in has only reloaded the page.
  if (req.user) return res.redirect('/profile')
  const message = req.session.messages?.at(-1)
  delete req.session.messages
  res.send(failedPage({ message, localHub }))
})

app.post('/sign-out', (req, res, next) => {
  req.logout((error) => (error ? next(error) : res.redirect('/')))
})

app.use((_req, res) => {
  res.status(404).send(errorPage({ title: 'Nothing here', localHub }))
})

// The Hub could not be reached, or its answer cannot be trusted. The details are for the log, not for the person.
app.use((error, _req, res, _next) => {
  console.error(error)
  res.status(error.status ?? 500).send(errorPage({ title: 'Sign-in does not work right now', localHub }))
})

const server = app.listen(PORT, (error) => {
  if (error?.code === 'EADDRINUSE') {
    console.error(`Port ${PORT} is in use. Choose another one: PORT=3210 npm start`)
    process.exit(1)
  }
  if (error) {
    throw error
  }
  console.log(`Open http://localhost:${server.address().port}`)
})
