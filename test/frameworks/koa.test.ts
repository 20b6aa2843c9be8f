import { HuggingFaceStrategy } from '../../lib'
import { type AppUser, battery, findUser, optionsIn, type RunningApp, type Setup } from './battery'
import { listening } from './express'

// Koa and its parts have no types of their own: what is used of them here
type Next = () => Promise<void>
type Middleware = (context: Context, next: Next) => unknown
interface Context {
  path: string
  url: string
  status: number
  body: unknown
  state: { user?: AppUser; authInfo?: object }
}
interface Koa {
  keys: string[]
  silent: boolean
  use(middleware: Middleware): void
  callback(): Parameters<typeof listening>[0]
}
type Done = (error: null, user: AppUser) => void
interface KoaPassport {
  use(strategy: HuggingFaceStrategy): void
  serializeUser(serialize: (user: AppUser, done: Done) => void): void
  deserializeUser(deserialize: (user: AppUser, done: Done) => void): void
  session(): Middleware
  authenticate(
    name: string,
    options: object,
    callback?: (error: unknown, user: unknown, info?: object, status?: number) => void,
  ): Middleware
}

const load = async (name: string) => (await import(name)).default

const koaApp =
  (withSession: boolean) =>
  async ({ options, trustProxy }: Setup): Promise<RunningApp> => {
    const Application: new (options: { proxy: boolean }) => Koa = await load('koa')
    const { KoaPassport }: { KoaPassport: new () => KoaPassport } = await load('koa-passport')
    const app = new Application({ proxy: trustProxy })
    app.silent = true
    const passport = new KoaPassport()
    passport.use(new HuggingFaceStrategy(options, findUser))
    if (withSession) {
      const session: (options: object, app: Koa) => Middleware = await load('koa-session')
      app.keys = ['the secret of the sessions']
      app.use(session({ sameSite: 'lax' }, app))
      passport.serializeUser((user, done) => done(null, user))
      passport.deserializeUser((user, done) => done(null, user))
      app.use(passport.session())
    }
    const keep = { session: withSession }
    const respond = (context: Context) => async () => {
      context.body = { user: context.state.user, authInfo: context.state.authInfo }
    }
    const end: Middleware = (context) => passport.authenticate('huggingface', keep)(context, respond(context))
    const routes: Record<string, Middleware> = {
      '/auth/huggingface': (context, next) => passport.authenticate('huggingface', { ...keep, ...optionsIn(context.url) })(context, next),
      '/auth/huggingface/callback': end,
      '/auth/elsewhere': end,
      '/auth/huggingface/explained': (context, next) =>
        passport.authenticate('huggingface', keep, (error, user, info, status) => {
          if (error) throw error
          context.status = user ? 200 : Number(status)
          context.body = user ? { user, info } : info
        })(context, next),
      '/me': (context) => {
        context.body = context.state.user ?? null
      },
    }
    app.use((context, next) => (routes[context.path] ?? (() => next()))(context, next))
    return listening(app.callback())
  }

battery('Koa 3 with koa-session', { start: koaApp(true), session: true })
battery('Koa 3 without a session', { start: koaApp(false), session: false })
