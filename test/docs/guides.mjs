// What the guides promise about the small projects that they consist of.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import connect from 'connect'
import { createRouter } from 'next-connect'
import { startHub } from 'passport-huggingface/testing'
import polka from 'polka'
import { Browser, toPort } from '../support/browser.js'
import { add, built, clients, emitted, environment, local, withApp } from './app.mjs'
import { samples } from './samples.mjs'

const deny = { deny: true }
const post = { method: 'POST' }

/** By page. */
export const guides = {
  async README() {
    await withApp(samples[0].name, async ({ browser }) => {
      const ada = browser()
      assert.match((await ada.signIn()).text, /Ada Moreno/)
      assert.match((await ada.visit('/')).text, /Ada Moreno/)
      assert.match((await ada.follow('/sign-out', post)).text, /alt="Sign in with Hugging Face"/)
    })
  },

  'docs-accounts': () =>
    withApp('docs-accounts/server', async ({ origin, browser }) => {
      const ada = browser()
      const page = await ada.follow('/auth/huggingface?from=/models%3Fsort=new')
      assert.equal(page.url, `${origin}/models?sort=new`)
      assert.equal(page.json.user.email, 'ada@example.com')
      // still signed in
      assert.equal((await ada.visit('/')).json.user.name, 'ada')
      assert.deepEqual((await ada.follow('/sign-out', post)).json, { page: '/', user: null })
      const chidi = (await browser().follow('/auth/huggingface?from=//evil.example', { username: 'chidi' })).json
      assert.deepEqual(chidi, { page: '/', user: { id: chidi.user.id, name: 'chidi' } })
      assert.equal((await browser().signIn('bo', deny)).json.user, null)
    }),

  'docs-linking'() {
    // people have signed in before: a header says as whom
    const server = `
      import express from 'express'
      import session from 'express-session'
      import { link } from './link.js'
      import { users } from './users.js'
      const app = express()
      app.use(session({ secret: 'a secret', resave: false, saveUninitialized: false }))
      app.use(async (req, res, next) => {
        if (/^.as/.test(req.path)) req.session.userId = req.path.at(-1)
        req.user = await users.find(req.session.userId)
        next()
      })
      app.use('/link', link)
      app.use((req, res) => void res.json(req.user ?? {}))
      app.listen(3000)`
    return withApp(add('docs-linking/server', server), async ({ hub, browser }) => {
      const [first, second] = [browser(), browser()]
      const send = (who, route, username) => who.follow(`/link/huggingface${route}`, { ...post, username })
      assert.equal((await send(first, '', 'ada')).status, 401)
      await first.visit('/as/1')
      assert.match((await send(first, '', 'ada')).text, /"username":"ada"/)
      // the same account, another user
      await second.visit('/as/2')
      assert.equal((await send(second, '', 'ada')).status, 409)
      assert.match((await send(second, '', 'bo')).text, /"username":"bo"/)
      assert.equal((await send(second, '/remove')).status, 409)
      assert.doesNotMatch((await send(first, '/remove')).text, /huggingFace/)
      // somebody else has signed in to the app meanwhile
      const { location } = await first.visit('/link/huggingface', post)
      await first.visit('/as/2')
      assert.equal((await first.visit(await hub.signIn(location, 'emi'))).status, 403)
    })
  },

  async 'docs-nestjs'() {
    const fragment = emitted(samples.find(({ page, isFragment }) => page === 'docs-nestjs' && isFragment).name)
    for (const adapter of ['express', 'fastify']) {
      const server = `
        import 'reflect-metadata'
        import { NestFactory } from '@nestjs/core'
        import * as platform from '@nestjs/platform-${adapter}'
        import { HuggingFaceModule } from './huggingface.js'
        const Adapter = platform.ExpressAdapter ?? platform.FastifyAdapter
        const app = await NestFactory.create(HuggingFaceModule, new Adapter(), { logger: ['error'] })
        ${adapter === 'fastify' ? fragment : ''}
        await app.listen(3000)`
      await withApp(add(`docs-nestjs/${adapter}`, server), async ({ browser }) => {
        const { json } = await browser().follow('/auth/huggingface?from=/models')
        assert.deepEqual([json.user.username, json.returnTo], ['ada', '/models'])
        const denied = await browser().signIn('bo', deny)
        assert.deepEqual([denied.status, denied.json.code], [403, 'access_denied'])
        await usesTabs(browser(), ({ json }) => json.user.username)
      })
    }
  },

  'docs-tokens'() {
    const server = `
      import express from 'express'
      import passport from 'passport'
      import { accessTokenOf } from './access-token.js'
      import { tokens } from './database.js'
      import { isStillAuthorized } from './still-authorized.js'
      import { strategy } from './strategy.js'
      const app = express()
      app.use('/auth', passport.authenticate(strategy, { session: false }), (req, res) => void res.json(req.user))
      app.get('/change/:id', (req, res) => tokens.withLock(req.params.id, async (row) => {
        res.json(Object.assign(row, { expiresAt: 0, ...req.query }))
      }))
      app.get('/token-of/:id', async (req, res) => void res.json({ token: await accessTokenOf(req.params.id) }))
      app.get('/authorized/:token', async (req, res) => void res.json({ is: await isStillAuthorized(req.params.token) }))
      app.listen(3000)`
    return withApp(add('docs-tokens/server', server), async ({ hub, browser }) => {
      const ada = browser()
      const { id } = (await ada.signIn()).json
      const tokenOf = async (who) => (await ada.visit(`/token-of/${who}`)).json.token
      const isAuthorized = async (token) => (await ada.visit(`/authorized/${token}`)).json.is
      const first = await tokenOf(id)
      assert.ok(await isAuthorized(first))
      await ada.visit(`/change/${id}`)
      hub.requests.length = 0
      const [second, same] = await Promise.all([tokenOf(id), tokenOf(id)])
      assert.notEqual(second, first)
      assert.deepEqual([second, hub.requests.length], [same, 1])
      await ada.visit(`/change/${id}?refreshToken=used`)
      assert.equal(await tokenOf(id), undefined)
      assert.equal(await tokenOf('nobody'), undefined)
      assert.equal(await isAuthorized('hf_oauth_revoked'), false)
    })
  },

  async 'docs-unregistered'() {
    await withApp('docs-unregistered/server', async ({ browser }) => {
      const { json } = await browser().visit('/.well-known/oauth-cimd')
      assert.deepEqual(Object.keys(json), ['client_id', 'client_name', 'redirect_uris', 'token_endpoint_auth_method'])
      assert.match((await browser().signIn()).text, /"name":"ada"/)
    })
    const server = `
      import express from 'express'
      import { signIn } from './many-domains.js'
      const app = express().set('trust proxy', 1)
      app.get('/.well-known/oauth-cimd', (req, res) => void res.json({
        client_id: 'https://' + req.host + req.path,
        redirect_uris: ['https://' + req.host + '/auth/huggingface/callback'],
        token_endpoint_auth_method: 'none',
      }))
      app.use('/auth/huggingface', signIn, (req, res) => void res.json({ host: req.host, ...req.user }))
      app.listen(3000)`
    await withApp(add('docs-unregistered/many', server), async ({ browser }) => {
      for (const host of ['tides.example', 'waves.example']) {
        const { json } = await browser(`https://${host}`).signIn()
        assert.deepEqual([json.host, json.name], [host, 'ada'])
      }
      assert.equal((await browser('https://evil.example').visit('/auth/huggingface')).status, 404)
    })
  },

  async 'docs-other-hosts'(context) {
    const hub = await startHub({ clients })
    context.after(() => hub.close())
    Object.assign(process.env, environment(hub.url), { NODE_ENV: 'test' })
    const load = (file) => import(built(`docs-other-hosts/${file}`))
    const use = (send, origin = local) => usesTabs(new Browser(origin, send, hub), ({ json }) => json.name)
    // the sample starts a server of its own, and prints errors
    const sample = samples.find(({ code }) => code.includes('createServer(signIn)'))
    add('docs-other-hosts/sign-in', emitted(sample.name).replace(/console\.error.*|createServer\(signIn\).*/g, ''))
    const { signIn } = await load('sign-in')
    const listeners = [
      signIn,
      polka().get('/auth/huggingface', signIn).get('/auth/huggingface/callback', signIn).handler,
      connect().use('/auth/huggingface', signIn),
      createRouter().get(signIn).handler(),
      // as in pages/api
      (req, res) => new Promise((resolve) => signIn(req, res.once('close', resolve))),
    ]
    for (const listener of listeners) {
      const server = createServer(listener).listen(0).unref()
      await once(server, 'listening')
      await use(toPort(server.address().port))
    }

    const { GET } = await load('route')
    const { app } = await load('hono')
    app.onError(({ status }) => new Response('', { status }))
    const toNext = (url, init) => GET(new Request(url, init)).catch(app.errorHandler)
    for (const send of [toNext, (url, init) => app.request(url, init)]) {
      await usesTabs(new Browser(local, send, hub), ({ location }) => location.replace('/?welcome=', ''))
    }

    const express = samples.find(({ document, code }) => document === 'docs/frameworks.md' && code.includes("from 'express'"))
    add('docs-other-hosts/app', emitted(express.name).replace('app.listen(3000)', 'export { app }'))
    const { handler } = await load('lambda')
    await use((url, init) => lambda(handler, new URL(url), init), environment().APP_URL)
  },
}

/** Somebody signs in twice and is denied once, in three tabs, and in a fourth the Hub has a fault. */
async function usesTabs(browser, nameIn) {
  const { hub } = browser
  const pending = () => browser.jar.sentTo(browser.origin).length
  const tabs = []
  for (let tab = 0; tab < 3; tab++) tabs.push(await browser.begin())
  assert.equal(pending(), 3)
  for (const tab of [2, 0]) assert.equal(nameIn(await browser.visit(await hub.signIn(tabs[tab], 'ada'))), 'ada')
  assert.equal((await browser.visit(await hub.signIn(tabs[1], 'ada', deny))).status, 403)
  assert.equal(pending(), 0)
  hub.faults = { token: { status: 503 } }
  assert.equal((await browser.signIn()).status, 502)
  hub.faults = {}
}

/** A request as API Gateway passes it to a function. */
async function lambda(handler, { pathname, search, host }, { method, headers: { cookie = '' } }) {
  const requestContext = { http: { method, path: pathname, sourceIp: '127.0.0.1' } }
  const event = { version: '2.0', rawPath: pathname, rawQueryString: search.slice(1), headers: { host }, cookies: cookie.split('; ') }
  const { statusCode: status, headers, cookies = [], body } = await handler({ ...event, requestContext }, {})
  return new Response(body, { status, headers: [...Object.entries(headers), ...cookies.map((each) => ['set-cookie', each])] })
}
