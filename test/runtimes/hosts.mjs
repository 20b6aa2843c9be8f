// Passport with hosts other than Express. Each resolves with a function from a Request to the app's Response.
import 'reflect-metadata'
import { once } from 'node:events'
import http from 'node:http'
import { Controller, Get, Module, Req, UseGuards } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { AuthGuard, PassportStrategy } from '@nestjs/passport'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import connect from 'connect'
import { Hono } from 'hono'
import { createRouter, expressWrapper } from 'next-connect'
import passport from 'passport'
import { HuggingFaceStrategy } from 'passport-huggingface'
import polka from 'polka'
import serverless from 'serverless-http'

const authenticate = passport.authenticate('huggingface', { session: false })
const showUser = (req, res) => res.end(JSON.stringify(req.user))
const showError = (error, _req, res) => {
  res.statusCode = error.status ?? 500
  res.end('The sign-in failed.')
}
// The strategy sets a cookie, and only Express gives a request its response.
const setResponse = (req, res, next) => {
  req.res = res
  next()
}
const connectApp = connect()
  .use(setResponse)
  .use('/auth/huggingface', authenticate)
  .use('/auth/huggingface/callback', showUser)
  .use((error, req, res, _next) => showError(error, req, res))

export const hosts = {
  connect: () => serve(connectApp),

  polka() {
    // Without onError, polka takes error.code for the HTTP status, and does not respond.
    const app = polka({ onError: showError }).use(setResponse)
    app.get('/auth/huggingface', authenticate)
    app.get('/auth/huggingface/callback', authenticate, showUser)
    return serve(app.handler)
  },

  'next-connect'() {
    const router = createRouter().use(expressWrapper(setResponse))
    router.get('/auth/huggingface', expressWrapper(authenticate))
    router.get('/auth/huggingface/callback', expressWrapper(authenticate), showUser)
    return serve(router.handler({ onError: showError }))
  },

  "Next's pages/api": () =>
    serve((req, res) => {
      req.res = res
      authenticate(req, res, (error) => (error ? showError(error, req, res) : showUser(req, res)))
    }),

  async 'serverless-http'() {
    const handler = serverless(connectApp)
    return async ({ url, headers }) => {
      const { pathname, search } = new URL(url)
      const request = { rawPath: pathname, rawQueryString: search.slice(1), cookies: [headers.get('cookie')], headers: {}, body: '' }
      const response = await handler({ version: '2.0', ...request, requestContext: { http: { method: 'GET' } } })
      const setCookies = response.cookies.map((cookie) => ['Set-Cookie', cookie])
      return new Response(response.body, { status: response.statusCode, headers: [...Object.entries(response.headers), ...setCookies] })
    }
  },

  async Hono() {
    const app = new Hono()
    app.get('/auth/huggingface', (c) => signIn(c.req.raw))
    app.get('/auth/huggingface/callback', (c) => signIn(c.req.raw, (user, info, status) => c.json(user || info, user ? 200 : status)))
    app.onError((error, c) => c.text('The sign-in failed.', error.status ?? 500))
    return app.fetch
  },

  // The GET of app/auth/huggingface/route.js and of app/auth/huggingface/callback/route.js
  "Next's App Router": async () => async (request) => {
    try {
      return await signIn(request, (user, info, status) => Response.json(user || info, { status: user ? 200 : status }))
    } catch (error) {
      return new Response('The sign-in failed.', { status: error.status ?? 500 })
    }
  },

  async 'Nest on Fastify'(options) {
    class SignIn extends PassportStrategy(HuggingFaceStrategy) {
      constructor() {
        super(options)
      }
      validate = (_accessToken, _refreshToken, profile) => profile
    }
    class AuthController {
      signIn(req) {
        return req.user
      }
    }
    // As TypeScript does for @Controller('auth/huggingface'), @Get(['', 'callback']), @UseGuards(…), @Req() and @Module(…)
    const method = [AuthController.prototype, 'signIn', Object.getOwnPropertyDescriptor(AuthController.prototype, 'signIn')]
    for (const decorate of [Get(['', 'callback']), UseGuards(AuthGuard('huggingface'))]) decorate(...method)
    Req()(AuthController.prototype, 'signIn', 0)
    Controller('auth/huggingface')(AuthController)
    class AppModule {}
    Module({ controllers: [AuthController], providers: [SignIn] })(AppModule)

    const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false })
    const fastify = app.getHttpAdapter().getInstance()
    // Passport calls these methods of Express's response.
    fastify.decorateReply('setHeader', function (name, value) {
      this.removeHeader(name).header(name, value)
    })
    fastify.decorateReply('end', function (body) {
      this.send(body)
    })
    fastify.decorateRequest('res', null)
    fastify.addHook('onRequest', async (request, reply) => {
      request.res = reply
    })
    await app.listen(0, '127.0.0.1')
    app.getHttpServer().unref()
    return at(await app.getUrl())
  },
}

/** Signs in with a web Request: resolves with a redirect to the Hub, or with the Response that `respond` returns. */
function signIn(request, respond, options = {}) {
  return new Promise((resolve, reject) => {
    const headers = new Headers()
    const res = {
      getHeader: (name) => (name === 'Set-Cookie' ? headers.getSetCookie() : headers.get(name)),
      setHeader(name, value) {
        headers.delete(name)
        for (const each of [value].flat()) headers.append(name, each)
      },
      end: () => resolve(new Response(null, { status: res.statusCode, headers })),
    }
    const done = async (error, user, info, status) => {
      if (error) return reject(error)
      const response = await respond(user, info, status)
      for (const cookie of headers.getSetCookie()) response.headers.append('Set-Cookie', cookie)
      resolve(response)
    }
    const req = { method: request.method, url: request.url, headers: Object.fromEntries(request.headers), res }
    passport.authenticate('huggingface', options, done)(req, res, reject)
  })
}

async function serve(listener) {
  const server = http.createServer(listener).unref()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return at(`http://127.0.0.1:${server.address().port}`)
}

function at(origin) {
  return ({ url, headers }) => fetch(url.replace('https://app.example', origin), { headers, redirect: 'manual' })
}
