// Sign in with Hugging Face in a Koa app.
//
//   npm install koa koa-passport koa-session passport-huggingface
//   HF_CLIENT_ID=... HF_CLIENT_SECRET=... SESSION_SECRET=$(openssl rand -hex 32) node server.mjs

import Koa from 'koa'
import passport from 'koa-passport'
import session from 'koa-session'
import { HuggingFaceStrategy } from 'passport-huggingface'

const { HF_CLIENT_ID, HF_CLIENT_SECRET, HF_ENDPOINT, SESSION_SECRET, PORT = '3000', APP_URL = `http://localhost:${PORT}` } = process.env
if (!SESSION_SECRET) throw new Error('SESSION_SECRET is missing')

passport.use(
  new HuggingFaceStrategy(
    {
      clientID: HF_CLIENT_ID,
      clientSecret: HF_CLIENT_SECRET,
      callbackURL: `${APP_URL}/auth/huggingface/callback`,
      hubURL: HF_ENDPOINT, // not set: https://huggingface.co
    },
    async (_accessToken, _refreshToken, { id, username }) => ({ id, username }), // your user, found or made by `id`
  ),
)
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const app = new Koa()
app.keys = [SESSION_SECRET]
app.use(session({ sameSite: 'lax' }, app))
app.use(passport.session())

// with @koa/router: router.get(path, middleware)
const routes = {
  '/auth/huggingface': passport.authenticate('huggingface'),
  '/auth/huggingface/callback': passport.authenticate('huggingface', { successRedirect: '/', failureRedirect: '/sign-in-failed' }),
  '/sign-in-failed': (ctx) => {
    ctx.status = 403
    ctx.body = '<p>That did not work. <a href="/auth/huggingface">Sign in again</a></p>'
  },
  '/': (ctx) => {
    ctx.body = ctx.state.user ?? '<a href="/auth/huggingface">Sign in with Hugging Face</a>'
  },
}
app.use((ctx, next) => (ctx.method === 'GET' && Object.hasOwn(routes, ctx.path) ? routes[ctx.path](ctx, next) : next()))

app.listen(Number(PORT))
