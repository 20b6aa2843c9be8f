// Sign in with Hugging Face in a Fastify app.
//
//   npm install fastify @fastify/passport @fastify/secure-session passport-huggingface
//   HF_CLIENT_ID=... HF_CLIENT_SECRET=... SESSION_KEY=$(openssl rand -hex 32) node server.mjs

import { Authenticator } from '@fastify/passport'
import secureSession from '@fastify/secure-session'
import createFastify from 'fastify'
import { HuggingFaceStrategy } from 'passport-huggingface'

const { HF_CLIENT_ID, HF_CLIENT_SECRET, HF_ENDPOINT, SESSION_KEY = '', PORT = '3000', APP_URL = `http://localhost:${PORT}` } = process.env

// Sign-ins in progress are kept in the session. Not to clear them when one ends lets several tabs sign in.
const passport = new Authenticator({ clearSessionIgnoreFields: ['huggingface:sign-ins'] })
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
passport.registerUserSerializer(async (user) => user)
passport.registerUserDeserializer(async (user) => user)

const app = createFastify({ logger: { level: 'warn' } })
await app.register(secureSession, {
  key: Buffer.from(SESSION_KEY, 'hex'),
  cookie: { path: '/', sameSite: 'lax', httpOnly: true, secure: APP_URL.startsWith('https:') },
})
await app.register(passport.initialize())
await app.register(passport.secureSession())

app.get('/auth/huggingface', passport.authenticate('huggingface'))

app.get('/auth/huggingface/callback', passport.authenticate('huggingface', { successRedirect: '/', failureRedirect: '/sign-in-failed' }))

app.get('/sign-in-failed', (_request, reply) => {
  reply.code(403).type('text/html').send('<p>That did not work. <a href="/auth/huggingface">Sign in again</a></p>')
})

app.get('/', (request, reply) => {
  if (request.user) reply.send(request.user)
  else reply.type('text/html').send('<a href="/auth/huggingface">Sign in with Hugging Face</a>')
})

await app.listen({ port: Number(PORT) })
