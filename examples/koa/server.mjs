// Sign in with Hugging Face in a Koa app.
//
//   npm install koa koa-passport koa-session passport-huggingface
//   HF_CLIENT_ID=... HF_CLIENT_SECRET=... SESSION_SECRET=$(openssl rand -hex 32) node server.mjs
//
// To try it without an account, start a local Hub with `npx passport-huggingface`, and use the
// values that it prints.

import Koa from 'koa'
import passport from 'koa-passport'
import session from 'koa-session'
import { HuggingFaceStrategy } from 'passport-huggingface'

const { HF_CLIENT_ID, HF_CLIENT_SECRET, HF_HUB_URL, SESSION_SECRET } = process.env
const { PORT = '3000', APP_URL = `http://localhost:${PORT}` } = process.env
if (!SESSION_SECRET) throw new Error('SESSION_SECRET is missing')

passport.use(
  new HuggingFaceStrategy(
    {
      clientID: HF_CLIENT_ID,
      clientSecret: HF_CLIENT_SECRET,
      callbackURL: `${APP_URL}/auth/huggingface/callback`,
      hubURL: HF_HUB_URL, // default: https://huggingface.co
    },
    // Find or create your user by `id`. It stays the same when a username changes.
    async (_accessToken, _refreshToken, { id, username }) => ({ id, username }),
  ),
)
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const app = new Koa()
app.keys = [SESSION_SECRET]
app.use(session({ sameSite: 'lax' }, app))
app.use(passport.initialize())
app.use(passport.session())

// With @koa/router: router.get('/auth/huggingface', …)
const routes = {
  'GET /': home,
  'GET /auth/huggingface': passport.authenticate('huggingface'),
  'GET /auth/huggingface/callback': completeSignIn,
  'POST /sign-out': signOut,
}
app.use((ctx, next) => {
  const route = `${ctx.method} ${ctx.path}`
  return Object.hasOwn(routes, route) ? routes[route](ctx, next) : next()
})

app.listen(Number(PORT))

function completeSignIn(ctx, next) {
  return passport.authenticate('huggingface', async (error, user, info, status = 401) => {
    if (error) throw error
    if (user) {
      await ctx.login(user)
      ctx.redirect('/')
      return
    }
    // The message is for the person, the detail for the developer.
    console.warn(info?.code, info?.detail)
    const message = escapeHTML(info?.message ?? 'You cannot sign in here.')
    ctx.status = status
    ctx.body = `<p>${message}</p> <a href="/auth/huggingface">Try again</a> <a href="/">Home</a>`
  })(ctx, next)
}

function home(ctx) {
  const { user } = ctx.state
  ctx.body = user
    ? `<p>Hello, ${escapeHTML(user.username ?? user.id)}!</p>
       <form method="post" action="/sign-out"><button>Sign out</button></form>`
    : '<a href="/auth/huggingface">Sign in with Hugging Face</a>'
}

// With POST, no link or image of another site can sign people out.
async function signOut(ctx) {
  await ctx.logout()
  ctx.redirect('/')
}

function escapeHTML(text) {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
