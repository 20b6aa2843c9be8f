import cookieSession from 'cookie-session'
import type { NextFunction, Request, Response } from 'express'
import session from 'express-session'
import express4 from 'express4'
import { battery } from './battery'
import { expressApp } from './express'

const expressSession = () => session({ secret: 'the secret of the sessions', resave: false, saveUninitialized: false })

/** Passport 0.7 calls `regenerate` and `save`, which cookie-session does not have. */
const cookieSessionWithShim = () => {
  const keep = cookieSession({ secret: 'the secret of the sessions', sameSite: 'lax' })
  const call = (done: () => void) => done()
  return (req: Request, res: Response, next: NextFunction) =>
    keep(req, res, () => {
      if (req.session) Object.assign(Object.getPrototypeOf(req.session), { regenerate: call, save: call })
      next()
    })
}

battery('Express 5 with express-session', { start: expressApp({ session: expressSession }), session: true })
battery('Express 5 with cookie-session', { start: expressApp({ session: cookieSessionWithShim }), session: true })
battery('Express 5 with passport.authenticate(instance)', { start: expressApp({ byInstance: true }), session: false })
battery('Express 4 without a session', { start: expressApp({ create: express4 }), session: false })
