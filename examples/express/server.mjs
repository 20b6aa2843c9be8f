// @ts-check
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
import { errorPage, failedPage, homePage, profilePage } from './pages.mjs'

const { HF_CLIENT_ID, HF_CLIENT_SECRET, PORT = '3000' } = process.env

const hub = HF_CLIENT_ID ? undefined : await startLocalHub()
const credentials = hub
  ? { ...hub.app, hubURL: hub.url }
  : { clientID: HF_CLIENT_ID, ...(HF_CLIENT_SECRET && { clientSecret: HF_CLIENT_SECRET }) }

passport.use(
  new HuggingFaceStrategy(
    { ...credentials, callbackURL: '/auth/huggingface/callback', scope: ['openid', 'profile', 'email'] },
    async (_accessToken, _refreshToken, profile) => {
      // Your app would find or create its own user here, by `profile.id`: it stays the same when a username changes.
      const { _raw, _json, ...user } = profile
      return user
    },
  ),
)

passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, /** @type {Express.User} */ (user)))

const app = express()

app.use(
  session({
    secret: randomBytes(32).toString('hex'), // yours comes from a safe place, or every restart signs everybody out
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax', httpOnly: true },
  }),
)
app.use(passport.session())

app.get('/', (req, res) => {
  res.send(homePage({ user: req.user, localHub: hub?.url }))
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
  if (!req.user) {
    res.redirect('/')
    return
  }
  res.send(profilePage({ user: req.user, localHub: hub?.url }))
})

// The person said no, waited too long, or came back in another browser: nothing is broken.
app.get('/sign-in-failed', (req, res) => {
  const { messages = [] } = /** @type {{ messages?: string[] }} */ (req.session)
  Object.assign(req.session, { messages: [] })
  res.status(messages.length > 0 ? 403 : 200).send(failedPage({ message: messages.at(-1), localHub: hub?.url }))
})

app.post('/sign-out', (req, res, next) => {
  req.logout((error) => (error ? next(error) : res.redirect('/')))
})

app.use((_req, res) => {
  res.status(404).send(errorPage({ title: 'Nothing here', localHub: hub?.url }))
})

// The Hub could not be reached, or gave an answer that cannot be trusted. The details are for the log.
app.use(
  /** @type {import('express').ErrorRequestHandler} */
  (error, _req, res, _next) => {
    console.error(error)
    res.status(error.status ?? 500).send(errorPage({ title: 'Sign-in does not work right now', localHub: hub?.url }))
  },
)

const server = app.listen(Number(PORT), (error) => {
  if (error && 'code' in error && error.code === 'EADDRINUSE') {
    console.error(`Port ${PORT} is in use. Choose another one: PORT=3210 npm start`)
    process.exit(1)
  }
  if (error) {
    throw error
  }
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  console.log(`\nOpen http://localhost:${port}`)
  console.log(hub ? `Local Hub at ${hub.url}: no account needed.\n` : 'Using https://huggingface.co.\n')
})

async function startLocalHub() {
  const { startHub } = await import('passport-huggingface/testing')
  const { url, clients } = await startHub()
  const [{ clientID, clientSecret }] = clients
  return { url, app: { clientID, ...(clientSecret && { clientSecret }) } }
}
