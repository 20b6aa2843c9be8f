// One of several servers of the same app. Its environment says where the Hub is, and whether pending sign-ins are kept in cookies or in Redis.
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import { HuggingFaceStrategy, SessionStateStore } from 'passport-huggingface'
import { createClient } from 'redis'

const { HUB_URL, REDIS_URL, CLIENT_ID, CLIENT_SECRET, CALLBACK_URL, SERVER } = process.env

const app = express()

if (REDIS_URL) {
  const client = createClient({ url: REDIS_URL })
  await client.connect()
  app.use(session({ store: new RedisStore({ client }), secret: 'the secret of the sessions', resave: false, saveUninitialized: false }))
  passport.serializeUser((user, done) => done(null, user))
  passport.deserializeUser((user, done) => done(null, user))
  app.use(passport.session())
}

passport.use(
  new HuggingFaceStrategy(
    {
      clientID: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      callbackURL: CALLBACK_URL,
      hubURL: HUB_URL,
      ...(REDIS_URL && { store: new SessionStateStore() }),
    },
    async (_accessToken, _refreshToken, { id, username }) => ({ id, username }),
  ),
)

// without keepSessionInfo, Passport drops the sign-ins of other tabs from the session when the first one ends
const keep = REDIS_URL ? { keepSessionInfo: true } : { session: false }

app.get('/auth/huggingface', (req, res, next) => {
  passport.authenticate('huggingface', { ...keep, state: { tab: req.query.tab } })(req, res, next)
})
app.get('/auth/huggingface/callback', passport.authenticate('huggingface', keep), (req, res) => {
  res.json({ username: req.user.username, state: req.authInfo.state, server: SERVER })
})
app.get('/me', (req, res) => res.json(req.user ?? null))

const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
// the test is gone
process.on('disconnect', () => process.exit())
