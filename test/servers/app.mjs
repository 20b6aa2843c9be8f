// One of several servers of the same app. Pending sign-ins are kept in cookies, or in Redis if there is one.
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import { HuggingFaceStrategy, SessionStateStore } from 'passport-huggingface'
import { createClient } from 'redis'

const { HF_HUB_URL: hubURL, REDIS: path } = process.env
const app = express()

if (path) {
  const client = createClient({ socket: { path } })
  // it tries again until Redis has started
  await client.on('error', () => {}).connect()
  app.use(session({ store: new RedisStore({ client }), secret: 'the secret of the sessions', resave: false, saveUninitialized: false }))
  passport.serializeUser((user, done) => done(null, user))
  passport.deserializeUser((user, done) => done(null, user))
  app.use(passport.session())
}

const client = { hubURL, clientID: 'local-app', clientSecret: 'local-app-secret', callbackURL: '/auth/huggingface/callback' }
const options = { ...client, ...(path && { store: new SessionStateStore() }) }
passport.use(new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, { id, username }) => ({ id, username })))

// without keepSessionInfo, Passport drops the sign-ins of other tabs from the session when the first one ends
const keep = path ? { keepSessionInfo: true } : { session: false }

app.get('/auth/huggingface', (req, res, next) => {
  passport.authenticate('huggingface', { ...keep, state: { tab: req.query.tab } })(req, res, next)
})
app.get('/auth/huggingface/callback', passport.authenticate('huggingface', keep), (req, res) => {
  res.json({ username: req.user.username, state: req.authInfo.state })
})
app.get('/me', (req, res) => res.json(req.user ?? null))

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
