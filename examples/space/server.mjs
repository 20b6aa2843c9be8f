// @ts-check
// Sign in with Hugging Face in a Space. README.md has the Space's settings, Dockerfile builds it.

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
    const { id, username, displayName, emails, photos } = profile
    return { id, username, name: displayName ?? username ?? id, email: emails?.[0]?.value, picture: photos?.[0]?.value }
  }),
)

passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const app = express()

// In front of a Space stands a proxy that ends TLS. Without this Express takes every request for http, and the session below sets no cookie.
app.set('trust proxy', 1)

app.use(
  session({
    // The sessions are in memory, so they end with this process: with it, a new secret does no harm.
    secret: randomBytes(32).toString('hex'),
    resave: false,
    saveUninitialized: false,
    // The Hub shows a Space in a frame, where a browser keeps only cookies with all three.
    cookie: SPACE_ID ? { sameSite: 'none', secure: true, partitioned: true } : { sameSite: 'lax' },
  }),
)
app.use(passport.session())

app.get('/', (req, res) => {
  const message = req.session.messages?.at(-1)
  delete req.session.messages
  // In a frame the Hub's pages do not know who is signed in there, so the button opens a tab of its own.
  const framed = req.get('Sec-Fetch-Dest') !== 'document'
  res.set({ 'Cache-Control': 'no-store', Vary: 'Sec-Fetch-Dest' }).send(page({ user: req.user, framed, message }))
})

// The Hub sends people back to the Space's own host. With a custom domain SPACE_HOST is a list, and a sign-in moves from there to the first one.
const [ownHost, ...customDomains] = SPACE_HOST.split(',').map((host) => host.trim())
app.get('/auth/huggingface', (req, res, next) => {
  if (customDomains.includes(req.hostname)) {
    res.redirect(`https://${ownHost}/auth/huggingface`)
  } else {
    next()
  }
})

app.get('/auth/huggingface', passport.authenticate('huggingface'))

app.get(
  '/auth/huggingface/callback',
  passport.authenticate('huggingface', { successRedirect: '/', failureRedirect: '/', failureMessage: true }),
)

app.post('/sign-out', (req, res, next) => {
  req.logout((error) => (error ? next(error) : res.redirect('/')))
})

// The Hub could not be reached, or its answer cannot be trusted. The details are for the log, not for the person.
app.use((error, req, res, _next) => {
  console.error(error)
  res
    .status(error.status ?? 500)
    .send(page({ user: req.user, framed: true, message: 'Sign-in does not work right now. Please try again in a moment.' }))
})

const server = app.listen(PORT, (error) => {
  if (error) {
    throw error
  }
  console.log(`Open http://localhost:${server.address().port}`)
})
