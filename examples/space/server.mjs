// Sign in with Hugging Face in a Space. README.md has the settings of the Space, Dockerfile builds it.

import { randomBytes } from 'node:crypto'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import { HuggingFaceStrategy, spaceOptions } from 'passport-huggingface'
import { page } from './page.mjs'

const { SPACE_ID, SPACE_HOST = '', PORT = '7860' } = process.env
const options = SPACE_ID ? spaceOptions() : await (await import('./local-hub.mjs')).localOptions()

passport.use(
  new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, profile) => {
    // Find or create your user by `profile.id`. It stays the same when a username changes.
    const { id, username, displayName, emails, photos } = profile
    return {
      id,
      username,
      name: displayName ?? username ?? id,
      email: emails?.[0]?.value,
      picture: photos?.[0]?.value,
    }
  }),
)

passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const app = express()

// The proxy in front of a Space ends TLS. Without this, Express takes each request for http, and the
// session below does not set its Secure cookie.
app.set('trust proxy', 1)

app.use(
  session({
    // The sessions are in memory: they end with this process, and so may their secret.
    secret: randomBytes(32).toString('hex'),
    resave: false,
    saveUninitialized: false,
    // The Hub shows a Space in a frame, where a cookie needs all three attributes. Safari keeps such
    // cookies only from version 26.2, so sign-in opens in a new tab.
    cookie: SPACE_ID ? { sameSite: 'none', secure: true, partitioned: true } : { sameSite: 'lax' },
  }),
)
app.use(passport.session())

app.get('/', (req, res) => {
  const message = req.session.failure
  delete req.session.failure
  res.set({ 'Cache-Control': 'no-store', Vary: 'Sec-Fetch-Dest' })
  res.send(page({ user: req.user, isFramed: isFramed(req), message }))
})

// The Hub redirects to the Space's own host only. With a custom domain, SPACE_HOST is a list with
// that host first. A sign-in has to begin there too, since cookies belong to one host.
const [ownHost, ...customDomains] = SPACE_HOST.split(',').map((host) => host.trim())
app.get('/auth/huggingface', (req, res, next) => {
  if (customDomains.includes(req.hostname)) {
    res.redirect(`https://${ownHost}/auth/huggingface`)
  } else {
    next()
  }
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

// The Hub could not be reached, or its response cannot be trusted. The details are for the log.
app.use((error, req, res, _next) => {
  console.error(error)
  const message = 'Sign-in is not available. Please try again in a moment.'
  res.status(error.status ?? 500).send(page({ user: req.user, isFramed: isFramed(req), message }))
})

const server = app.listen(PORT, (error) => {
  if (error) throw error
  console.log(`Open http://localhost:${server.address().port}`)
})

/** Whether the Hub shows this page in a frame. Browsers without the header get a new tab too. */
function isFramed(req) {
  return req.get('Sec-Fetch-Dest') !== 'document'
}
