import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler, type RequestHandler } from 'express'
import { Passport } from 'passport'
import type { HuggingFaceStrategy } from '../../lib/index'
import { Browser } from './browser'
import { finallyDo } from './sign-in'

/**
 * A real Express app with the strategy, until the test is over. It keeps `?who` as its state, and responds with the user or with the code of the error. `errors` is what its error
 * handler was given.
 */
export async function startApp(strategy: HuggingFaceStrategy, by: 'name' | 'instance' = 'name') {
  const passport = new Passport()
  passport.use(strategy)
  // passport's types know names only
  const given = (by === 'name' ? 'huggingface' : strategy) as 'huggingface'
  const authenticate: RequestHandler = (req, res, next) => {
    const { who } = req.query
    passport.authenticate(given, { session: false, state: who && { who } })(req, res, next)
  }
  const errors: (Error & Record<string, unknown>)[] = []
  const onError: ErrorRequestHandler = (error, _req, res, _next) => {
    errors.push(error)
    res.status(error.status ?? 500).json({ code: error.code, phase: error.phase })
  }
  const app = express()
  app.get(['/auth/huggingface', '/auth/huggingface/callback'], authenticate, (req, res) => {
    res.json({ user: req.user, info: req.authInfo })
  })
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
