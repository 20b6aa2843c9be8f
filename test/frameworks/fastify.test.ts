import type { AddressInfo } from 'node:net'
import fastifyCookie from '@fastify/cookie'
import { Authenticator } from '@fastify/passport'
import type { AuthenticateCallback } from '@fastify/passport/dist/authentication-route'
import fastifySecureSession from '@fastify/secure-session'
import fastifySession from '@fastify/session'
import createFastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { HuggingFaceStrategy } from '../../lib'
import { type AppUser, battery, findUser, type RunningApp, type Setup, stateIn } from './battery'

const path = '/'
const sessions = {
  '@fastify/session': async (app: FastifyInstance) => {
    await app.register(fastifyCookie)
    await app.register(fastifySession, {
      secret: 'the secret of the sessions, long enough',
      saveUninitialized: false,
      cookie: { secure: 'auto', sameSite: 'lax', path },
    })
  },
  '@fastify/secure-session': async (app: FastifyInstance) => {
    await app.register(fastifySecureSession, { key: Buffer.alloc(32, 7), cookie: { sameSite: 'lax', path } })
  },
}

const fastifyApp =
  (addSessions: (app: FastifyInstance) => Promise<void>) =>
  async ({ options, trustProxy }: Setup): Promise<RunningApp> => {
    const app = createFastify({ trustProxy })
    await addSessions(app)
    // without this a sign-in that ends forgets the ones in other tabs
    const passport = new Authenticator({ clearSessionIgnoreFields: ['huggingface:sign-ins'] })
    await app.register(passport.initialize())
    await app.register(passport.secureSession())
    passport.use(new HuggingFaceStrategy(options, findUser) as never)
    passport.registerUserSerializer(async (user) => user)
    passport.registerUserDeserializer(async (user) => user)

    const answer = async ({ user, authInfo }: FastifyRequest) => ({ user, authInfo })
    app.get('/auth/huggingface', function (request, reply) {
      return passport.authenticate('huggingface', { state: stateIn(request.url) } as object).call(this, request, reply)
    })
    app.get('/auth/huggingface/elsewhere', passport.authenticate('huggingface', { callbackURL: '/auth/elsewhere' } as object))
    for (const callback of ['/auth/huggingface/callback', '/auth/elsewhere']) {
      app.get(callback, { preValidation: passport.authenticate('huggingface') }, answer)
    }
    const explain: AuthenticateCallback<string> = async (_request, reply, error, user, info, status) => {
      if (error) throw error
      reply.code(user ? 200 : Number(status)).send(user ? { user, info } : info)
    }
    app.get('/auth/huggingface/explained', passport.authenticate('huggingface', explain))
    app.get('/me', async ({ user }) => (user ?? null) as AppUser | null)
    await app.listen({ host: '127.0.0.1', port: 0 })
    return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
  }

for (const [name, addSessions] of Object.entries(sessions)) {
  battery(`Fastify 5 with ${name}`, { start: fastifyApp(addSessions), session: true })
}
