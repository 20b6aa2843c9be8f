import cookieSession from 'cookie-session'
import type { NextFunction, Request, Response } from 'express'
import { battery } from './battery'
import { expressApp } from './express'

interface Session {
  regenerate?: (done: () => void) => void
  save?: (done: () => void) => void
}

/** Passport 0.7 calls `regenerate` and `save`, which cookie-session does not have: there is nothing on the server to do them to. */
const sessionForPassport = () => {
  const keep = cookieSession({ secret: 'the secret of the sessions', sameSite: 'lax' })
  return (req: Request, res: Response, next: NextFunction) =>
    keep(req, res, () => {
      const session = (req as { session?: Session }).session
      if (session) Object.assign(Object.getPrototypeOf(session), { regenerate: call, save: call })
      next()
    })
}
const call = (done: () => void) => done()

battery('Express 5 with cookie-session', { start: expressApp({ session: sessionForPassport }), session: true })
