import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler, type RequestHandler } from 'express'
import { Passport } from 'passport'
import type { HuggingFaceStrategy } from '../../lib/index'
import { Browser } from './browser'
import { finallyDo } from './sign-in'

export interface App {
  url: string
  /** A browser without cookies, at this app. */
  browser: () => Browser
  /** What the app's error handler was given. */
  errors: (Error & Record<string, unknown>)[]
}

/**
 * A real Express app with the strategy. It keeps `?who` as its state, and responds with the user or with the code of the error. It is gone when the test is over.
 */
export async function startApp(strategy: HuggingFaceStrategy, by: 'name' | 'instance' = 'name'): Promise<App> {
  const passport = new Passport()
  passport.use(strategy)
  // passport's types know names only
  const given = (by === 'name' ? 'huggingface' : strategy) as 'huggingface'
  const authenticate: RequestHandler = (req, res, next) => {
    const state = req.query['who'] === undefined ? undefined : { who: req.query['who'] }
    passport.authenticate(given, { session: false, state })(req, res, next)
  }
  const app = express()
  const errors: App['errors'] = []
  app.get('/auth/huggingface', authenticate)
  app.get('/auth/huggingface/callback', authenticate, (req, res) => {
    res.json({ user: req.user, info: req.authInfo })
  })
  const onError: ErrorRequestHandler = (error, _req, res, _next) => {
    errors.push(error)
    res.status(error.status ?? 500).json({ code: error.code, phase: error.phase })
  }
  app.use(onError)
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  finallyDo(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, browser: () => new Browser(port), errors }
}
