// Sign in with Hugging Face in a Fastify app without sessions. A signed cookie says who is signed in,
// so the app runs on any number of servers that share the secrets.
//
//   npm install fastify @fastify/cookie @fastify/passport passport-huggingface
//   HF_CLIENT_ID=... HF_CLIENT_SECRET=... COOKIE_SECRET=$(openssl rand -hex 32) node server.mjs
//
// To try it without an account, start a local Hub with `npx passport-huggingface`, and use the
// values that it prints.

import fastifyCookie from '@fastify/cookie'
import { Authenticator } from '@fastify/passport'
import createFastify from 'fastify'
import { HuggingFaceStrategy } from 'passport-huggingface'

const { HF_CLIENT_ID, HF_CLIENT_SECRET, HF_HUB_URL, COOKIE_SECRET } = process.env
const { PORT = '3000', APP_URL = `http://localhost:${PORT}` } = process.env
if (!COOKIE_SECRET) throw new Error('COOKIE_SECRET is missing')

const passport = new Authenticator()
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

const app = createFastify({ logger: { level: 'warn' } })

// The strategy keeps each pending sign-in in an encrypted cookie, which it sets on `request.res`.
app.decorateRequest('res', null)
app.addHook('onRequest', async (request, reply) => {
  request.res = reply.raw
})

// @fastify/passport asks for this property, although nothing here uses it. Leave this line out if
// you register a session plugin.
app.decorateRequest('session', null)

await app.register(fastifyCookie, { secret: COOKIE_SECRET })
await app.register(passport.initialize())

app.get('/auth/huggingface', passport.authenticate('huggingface', { session: false }))

app.get(
  '/auth/huggingface/callback',
  passport.authenticate('huggingface', async (request, reply, error, user, info, status = 401) => {
    if (error) throw error
    if (user) {
      const expires = Date.now() + 8 * 3600_000
      return reply
        .setCookie('signed-in', JSON.stringify({ user, expires }), {
          path: '/',
          httpOnly: true,
          sameSite: 'lax',
          secure: APP_URL.startsWith('https:'),
          expires: new Date(expires),
          signed: true,
        })
        .redirect('/')
    }
    // The message is for the person, the detail for the developer.
    request.log.warn({ code: info?.code }, info?.detail)
    const message = escapeHTML(info?.message ?? 'You cannot sign in here.')
    return reply
      .code(status)
      .type('text/html')
      .send(`<p>${message}</p> <a href="/auth/huggingface">Try again</a> <a href="/">Home</a>`)
  }),
)

app.get('/', async (request, reply) => {
  const user = signedInUser(request)
  return reply.type('text/html').send(
    user
      ? `<p>Hello, ${escapeHTML(user.username ?? user.id)}!</p>
         <form method="post" action="/sign-out"><button>Sign out</button></form>`
      : '<a href="/auth/huggingface">Sign in with Hugging Face</a>',
  )
})

// With POST, no link or image of another site can sign people out.
app.post('/sign-out', async (_request, reply) =>
  reply.clearCookie('signed-in', { path: '/' }).redirect('/'),
)
// Browsers send forms in this type. This one has no fields.
app.addContentTypeParser('application/x-www-form-urlencoded', async () => {})

await app.listen({ port: Number(PORT) })

function signedInUser(request) {
  const { valid, value } = request.unsignCookie(request.cookies['signed-in'] ?? '')
  const { user, expires } = valid ? JSON.parse(value) : {}
  return expires > Date.now() ? user : undefined
}

function escapeHTML(text) {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
