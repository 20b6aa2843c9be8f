import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler } from 'express'
import passport from 'passport'
import type { HuggingFaceAuthenticateOptions, HuggingFaceStrategy } from '../../lib'

/** An Express 5 app without sessions that answers a sign-in with what it got, as JSON. */
export async function startApp(strategyFor: (callbackURL: string) => HuggingFaceStrategy, options: HuggingFaceAuthenticateOptions = {}) {
  const app = express()
  const server: Server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const strategy = strategyFor(`${url}/auth/huggingface/callback`)
  const authenticator = new passport.Passport()
  authenticator.use(strategy)
  const errors: Error[] = []
  app.get('/auth/huggingface', (req, res, next) =>
    authenticator.authenticate('huggingface', { ...options, ...parse(req.query['options']) })(req, res, next),
  )
  app.get('/auth/huggingface/callback', (req, res, next) => {
    authenticator.authenticate('huggingface', (error: Error | null, user: unknown, info: unknown, status: number | undefined) => {
      if (error) return next(error)
      res.status(user ? 200 : (status ?? 401)).json(user ? { user, info } : info)
    })(req, res, next)
  })
  const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
    errors.push(error)
    res.status(error.status ?? 500).json({ name: error.name, code: error.code, phase: error.phase, message: error.message })
  }
  app.use(answerError)
  return {
    url,
    strategy,
    errors,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function parse(text: unknown): object {
  return typeof text === 'string' ? JSON.parse(text) : {}
}

/** A browser's cookies, for apps on one host. */
export class Browser {
  readonly cookies = new Map<string, string>()

  async get(address: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(address, { redirect: 'manual', ...init, headers: { cookie, ...init.headers } })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/max-age=0/i.test(line) || /expires=Thu, 01 Jan 1970/i.test(line)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return response
  }

  /** Begins a sign-in and answers where the app sends the browser. */
  async begin(app: string, options: HuggingFaceAuthenticateOptions = {}): Promise<string> {
    const response = await this.get(`${app}/auth/huggingface?options=${encodeURIComponent(JSON.stringify(options))}`)
    const location = response.headers.get('location')
    if (location === null) throw new Error(`the sign-in did not begin (${response.status}): ${await response.text()}`)
    return location
  }

  async json(address: string): Promise<{ status: number; body: unknown }> {
    const response = await this.get(address)
    return { status: response.status, body: await response.json() }
  }
}
