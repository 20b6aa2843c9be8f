import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { NextFunction, Request, Response } from 'express'
import express from 'express'
import { type AuthenticateCallback, Passport, type Strategy } from 'passport'
import { HuggingFaceStrategy } from '../../lib'
import { findUser, optionsIn, type RunningApp, type Setup } from './battery'

type Handler = (req: Request, res: Response, next: NextFunction) => void

export interface ExpressKind {
  /** Express 5, unless this is another one. */
  create?: typeof express
  /** Session middleware; without it people are not kept signed in. */
  session?: () => Handler
  /** `passport.authenticate(instance)` instead of by name. */
  byInstance?: boolean
}

/** Starts an app as `Framework.start` wants it. */
export function expressApp({ create = express, session, byInstance = false }: ExpressKind) {
  return ({ options, trustProxy }: Setup): Promise<RunningApp> => {
    const passport = new Passport()
    const instance: Strategy = new HuggingFaceStrategy(options, findUser)
    const strategy = byInstance ? instance : 'huggingface'
    if (!byInstance) passport.use(instance)
    const app = create()
    app.set('trust proxy', trustProxy ? 'loopback' : false)
    // Express prints errors if it is not told otherwise
    app.set('env', 'test')
    if (session) {
      passport.serializeUser((user, done) => done(null, user))
      passport.deserializeUser((user: Express.User, done) => done(null, user))
      app.use(session())
      app.use(passport.session())
    }
    const keep = { session: session !== undefined }
    app.get('/auth/huggingface', (req, res, next) => {
      passport.authenticate(strategy, { ...keep, ...optionsIn(req.url) })(req, res, next)
    })
    app.get(['/auth/huggingface/callback', '/auth/elsewhere'], passport.authenticate(strategy, keep), (req, res) => {
      res.json({ user: req.user, authInfo: req.authInfo })
    })
    app.get('/auth/huggingface/explained', (req, res, next) => {
      const explain: AuthenticateCallback = (error, user, info, status) => {
        if (error) return next(error)
        res.status(user ? 200 : Number(status)).json(user ? { user, info } : info)
      }
      passport.authenticate(strategy, explain)(req, res, next)
    })
    app.get('/me', (req, res) => void res.json(req.user ?? null))
    return listening(app)
  }
}

/** Serves these requests. */
export async function listening(listener: Server | Parameters<typeof createServer>[1]): Promise<RunningApp> {
  const server = typeof listener === 'function' ? createServer(listener) : (listener as Server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections?.()
      return closed
    },
  }
}

/** A port that nobody listens at. */
export async function freePort(): Promise<number> {
  const { port, close } = await listening(createServer())
  await close()
  return port
}
