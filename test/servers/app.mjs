// One of several servers of the same app, which keeps its sessions in Redis, and the pending sign-ins in these.
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import { HuggingFaceStrategy, SessionStateStore } from 'passport-huggingface'
import { createClient } from 'redis'

const client = createClient({ socket: { path: process.env.REDIS } })
// it tries again until Redis has started
await client.on('error', () => {}).connect()

const oauthApp = { hubURL: process.env.HF_HUB_URL, clientID: 'local-app', clientSecret: 'local-app-secret' }
const options = { ...oauthApp, callbackURL: '/auth/huggingface/callback', store: new SessionStateStore() }
passport.use(new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, { id, username }) => ({ id, username })))
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const app = express()
app.use(session({ store: new RedisStore({ client }), secret: 'the secret of the sessions', resave: false, saveUninitialized: false }))
app.use(passport.session())
// without keepSessionInfo, Passport drops the sign-ins of other tabs from the session when the first one ends
app.use('/auth/huggingface', passport.authenticate('huggingface', { keepSessionInfo: true }))
app.use((req, res) => res.json({ user: req.user }))
const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
