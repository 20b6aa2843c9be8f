import type { AddressInfo } from 'node:net'
import fastifyCookie from '@fastify/cookie'
import { Authenticator } from '@fastify/passport'
import type { AuthenticateCallback } from '@fastify/passport/dist/authentication-route'
import fastifySecureSession from '@fastify/secure-session'
import fastifySession from '@fastify/session'
import createFastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { HuggingFaceStrategy } from '../../lib'
import { type AppUser, battery, findUser, optionsIn, type RunningApp, type Setup } from './battery'

interface FastifyKind {
  sessions?: (app: FastifyInstance) => Promise<void>
  /** Let the strategy reach the response, so that it can keep a sign-in in a cookie of its own. */
  linksResponse: boolean
}

const session = async (app: FastifyInstance) => {
  await app.register(fastifyCookie)
  const cookie = { secure: 'auto', sameSite: 'lax', path: '/' } as const
  await app.register(fastifySession, { secret: 'the secret of the sessions, long enough', saveUninitialized: false, cookie })
}
const secureSession = async (app: FastifyInstance) => {
  await app.register(fastifySecureSession, { key: Buffer.alloc(32, 7), cookie: { sameSite: 'lax', path: '/' } })
}

const fastifyApp =
  ({ sessions, linksResponse }: FastifyKind) =>
  async ({ options, trustProxy }: Setup): Promise<RunningApp> => {
    const app = createFastify({ trustProxy })
    if (linksResponse) {
      app.decorateRequest('res', null)
      app.addHook('onRequest', async (request, reply) => {
        Object.assign(request, { res: reply.raw })
      })
    }
    // without it a sign-in that ends forgets those of other tabs, if they are kept in the session
    const passport = new Authenticator(linksResponse ? {} : { clearSessionIgnoreFields: ['huggingface:sign-ins'] })
    // @fastify/passport wants the property, whether or not there are sessions
    await (sessions?.(app) ?? app.decorateRequest('session', null as never))
    await app.register(passport.initialize())
    if (sessions) {
      await app.register(passport.secureSession())
      passport.registerUserSerializer(async (user) => user)
      passport.registerUserDeserializer(async (user) => user)
    }
    passport.use(new HuggingFaceStrategy(options, findUser) as never)

    const keep = { session: sessions !== undefined }
    const respond = async ({ user, authInfo }: FastifyRequest) => ({ user, authInfo })
    app.get('/auth/huggingface', function (request, reply) {
      return passport.authenticate('huggingface', { ...keep, ...optionsIn(request.url) }).call(this, request, reply)
    })
    for (const callback of ['/auth/huggingface/callback', '/auth/elsewhere']) {
      app.get(callback, { preValidation: passport.authenticate('huggingface', keep) }, respond)
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

const kinds: Record<string, FastifyKind> = {
  '@fastify/session': { sessions: session, linksResponse: false },
  '@fastify/secure-session': { sessions: secureSession, linksResponse: false },
  '@fastify/secure-session and request.res': { sessions: secureSession, linksResponse: true },
  'request.res and no session': { linksResponse: true },
}
for (const [name, kind] of Object.entries(kinds)) {
  battery(`Fastify 5 with ${name}`, { start: fastifyApp(kind), session: kind.sessions !== undefined })
}
