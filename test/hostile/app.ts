import { type AddressInfo, Socket } from 'node:net'
import express, { type ErrorRequestHandler, type RequestHandler } from 'express'
import { Passport } from 'passport'
import type { HuggingFaceStrategy } from '../../lib/index'
import { finallyDo } from './sign-in'

export interface App {
  url: string
  /** What the app's error handler was given. */
  errors: (Error & Record<string, unknown>)[]
}

/** A real Express app with the strategy, which keeps `?who` as its state, and answers with the user, or with the code of the error. Gone when the test is over. */
export async function startApp(strategy: HuggingFaceStrategy, by: 'name' | 'instance' = 'name'): Promise<App> {
  const passport = new Passport()
  passport.use(strategy)
  const authenticate: RequestHandler = (req, res, next) => {
    // passport's types know names only
    const strategyOrName = by === 'name' ? 'huggingface' : (strategy as unknown as string)
    const state = req.query['who'] === undefined ? undefined : { who: req.query['who'] }
    // the types of passport do not know a state that is no text
    passport.authenticate(strategyOrName, { session: false, state } as object)(req, res, next)
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
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, errors }
}

/** Asks the app for a page as a browser with these cookies would. */
export async function visit(url: string, cookie = ''): Promise<{ status: number; location: string; cookie: string; json: () => unknown }> {
  const answer = await fetch(url, { redirect: 'manual', headers: { cookie, connection: 'close' } })
  const text = await answer.text()
  return {
    status: answer.status,
    location: answer.headers.get('location') ?? '',
    cookie: answer.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; '),
    json: () => JSON.parse(text),
  }
}

/** A browser that asks for a page and whose connection can be closed. */
export async function open(url: string, cookie: string): Promise<Socket> {
  const { hostname, port, pathname, search } = new URL(url)
  const socket = new Socket()
  socket.on('error', () => {})
  await new Promise<void>((resolve) => socket.connect(Number(port), hostname, resolve))
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nCookie: ${cookie}\r\n\r\n`)
  return socket
}
