// What the guides promise about the small projects that they consist of.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import http2 from 'node:http2'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { adapted, startApp } from './sign-in.mjs'

/** By page. `files` are those of the guide. `write` adds one, and `built` reads what TypeScript has made of one. */
export const guides = {
  async 'docs-accounts'({ folder, files, startHub }) {
    const app = await startApp(path.join(folder, 'server.js'), files['server.js'], startHub)
    try {
      const ada = app.browser()
      const page = await ada.visit('/auth/huggingface?from=/models%3Fsort=new', 'ada')
      assert.equal(page.url.href, `${app.origin}/models?sort=new`)
      assert.deepEqual(JSON.parse(page.body).user.email, 'ada@example.com')
      // still signed in
      assert.match((await ada.get('/')).body, /"name":"ada"/)
      assert.equal((await ada.visit('/sign-out', undefined, undefined, 'POST')).body, '{"page":"/","user":null}')
      const chidi = JSON.parse((await app.browser().visit('/auth/huggingface?from=//evil.example', 'chidi')).body)
      assert.deepEqual(chidi, { page: '/', user: { id: chidi.user.id, name: 'chidi' } })
      const denied = JSON.parse((await app.browser().visit('/auth/huggingface', 'bo', { deny: true })).body)
      assert.equal(denied.user, null)
    } finally {
      await app.close()
    }
  },

  async 'docs-linking'({ folder, files, startHub }) {
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
      app.use((req, res) => void res.json(req.user ?? null))
      app.listen(3000)`
    const { 'link.js': link } = files
    const app = await startApp(path.join(folder, 'server.js'), server, startHub, { 'link.js': link })
    try {
      const first = app.browser()
      assert.equal((await first.visit('/link/huggingface', 'ada', {}, 'POST')).status, 401)
      await first.get('/as/1')
      assert.match((await first.visit('/link/huggingface', 'ada', {}, 'POST')).body, /"username":"ada"/)
      // the same account, another user
      const second = app.browser()
      await second.get('/as/2')
      assert.equal((await second.visit('/link/huggingface', 'ada', {}, 'POST')).status, 409)
      assert.match((await second.visit('/link/huggingface', 'bo', {}, 'POST')).body, /"username":"bo"/)
      assert.equal((await second.visit('/link/huggingface/remove', '', {}, 'POST')).status, 409)
      assert.doesNotMatch((await first.visit('/link/huggingface/remove', '', {}, 'POST')).body, /huggingFace/)
      // somebody else has signed in to the app meanwhile
      const { location } = await first.get('/link/huggingface', 'POST')
      const callback = new URL(await app.hub.signIn(location, 'emi'))
      await first.get('/as/2')
      assert.equal((await first.get(callback.pathname + callback.search)).status, 403)
    } finally {
      await app.close()
    }
  },

  async 'docs-nestjs'({ folder, built, startHub }) {
    const server = `
      import 'reflect-metadata'
      import { NestFactory } from '@nestjs/core'
      import { HuggingFaceModule } from './huggingface.js'
      const app = await NestFactory.create(HuggingFaceModule, { logger: ['error'] })
      await app.listen(3000)`
    const app = await startApp(path.join(folder, 'main.js'), server, startHub, { 'huggingface.js': built('huggingface.js') })
    try {
      const page = await app.browser().visit('/auth/huggingface?from=/models', 'ada')
      assert.match(page.body, /"username":"ada".*"returnTo":"\/models"/)
      const denied = await app.browser().visit('/auth/huggingface', 'bo', { deny: true })
      assert.deepEqual([denied.status, JSON.parse(denied.body).code], [403, 'access_denied'])
      app.hub.faults = { token: { status: 503 } }
      assert.equal((await app.browser().visit('/auth/huggingface', 'ada')).status, 502)
    } finally {
      await app.close()
    }
  },

  async 'docs-tokens'({ load, write, files, startHub }) {
    const hub = await startHub()
    const [{ clientID, clientSecret }] = hub.clients
    Object.assign(process.env, { HF_HUB_URL: hub.url, HF_CLIENT_ID: clientID, HF_CLIENT_SECRET: clientSecret })
    try {
      write('strategy.js', adapted(files['strategy.js'], 3000))
      const { accessTokenOf } = await load('access-token.js')
      const { tokens } = await load('database.js')
      const { strategy } = await load('strategy.js')
      const { isStillAuthorized } = await load('still-authorized.js')
      const id = (await signInTo(strategy, hub)).id
      const first = await accessTokenOf(id)
      assert.ok(first && (await isStillAuthorized(first)))
      const expire = () => tokens.withLock(id, async (row) => Object.assign(row, { expiresAt: 0 }))
      await expire()
      const before = hub.requests.filter(({ endpoint }) => endpoint === 'token').length
      const [second, same] = await Promise.all([accessTokenOf(id), accessTokenOf(id)])
      assert.notEqual(second, first)
      assert.equal(second, same)
      assert.equal(hub.requests.filter(({ endpoint }) => endpoint === 'token').length, before + 1)
      await tokens.withLock(id, async (row) => Object.assign(row, { refreshToken: 'used', expiresAt: 0 }))
      assert.equal(await accessTokenOf(id), undefined)
      assert.equal(await accessTokenOf('nobody'), undefined)
      assert.equal(await isStillAuthorized('hf_oauth_revoked'), false)
    } finally {
      await hub.close()
    }
  },

  async 'docs-unregistered'({ folder, write, files, startHub }) {
    const app = await startApp(path.join(folder, 'server.js'), files['server.js'], startHub)
    const documented = JSON.parse((await app.browser().get('/.well-known/oauth-cimd')).body)
    assert.deepEqual(Object.keys(documented), ['client_id', 'client_name', 'redirect_uris', 'token_endpoint_auth_method'])
    try {
      assert.match((await app.browser().visit('/auth/huggingface', 'ada')).body, /"name":"ada"/)
    } finally {
      await app.close()
    }
    write('many-domains.js', files['many-domains.js'])
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
    const many = await startApp(path.join(folder, 'many.js'), server, startHub)
    try {
      for (const host of ['tides.example', 'waves.example']) {
        const browser = Object.assign(many.browser(), { origin: `https://${host}` })
        const { body } = await browser.visit('/auth/huggingface', 'ada')
        assert.match(body, new RegExp(`"host":"${host}".*"name":"ada"`))
      }
      const elsewhere = Object.assign(many.browser(), { origin: 'https://evil.example' })
      assert.equal((await elsewhere.get('/auth/huggingface')).status, 404)
    } finally {
      await many.close()
    }
  },

  async 'docs-other-hosts'({ folder, load, write, files, all, startHub }) {
    const local = 'http://localhost/auth/huggingface/callback'
    const redirectURIs = [local, 'https://app.example/auth/huggingface/callback']
    const hub = await startHub({ clients: [{ clientID: 'an-app', clientSecret: 'the secret of an app', redirectURIs }] })
    const { port, close } = await listenOn(0, createServer())
    await close()
    Object.assign(process.env, { HF_HUB_URL: hub.url, HF_CLIENT_ID: 'an-app', HF_CLIENT_SECRET: 'the secret of an app' })
    const { createRouter } = await load('next-connect')
    const { default: polka } = await load('polka')
    const { default: connect } = await load('connect')
    try {
      // the sample starts a server of its own
      const text = all.find(({ text }) => text.includes('createServer(signIn)')).text
      const withoutServer = text.slice(0, text.indexOf('createServer(signIn)'))
      write('sign-in.js', adapted(withoutServer, port))
      const { signIn } = await load('sign-in.js')
      const hosts = {
        node: createServer(signIn),
        polka: createServer(polka().get('/auth/huggingface', signIn).get('/auth/huggingface/callback', signIn).handler),
        connect: createServer(connect().use('/auth/huggingface', signIn)),
        'next-connect': createServer(createRouter().get(signIn).handler()),
        pages: createServer((req, res) => pagesApi(signIn)(req, res)),
      }
      for (const [name, server] of Object.entries(hosts)) {
        const listening = await listenOn(0, server)
        assert.match(await roundTrip(hub, (url, init) => fetch(url, init), `http://localhost:${listening.port}`), /"name":"ada"/, name)
        await listening.close()
      }
      assert.match(await overHttp2(hub, signIn), /"name":"ada"/)

      write('route.js', adapted(files['route.js'], port))
      const { app } = await load('hono.js')
      const page = await roundTrip(hub, (url, init) => app.request(url, init), `http://localhost:${port}`)
      assert.equal(page, '/?welcome=ada')

      write('app.js', adapted(expressApp, port).replace('/auth/huggingface/callback', redirectURIs[1]))
      const { handler } = await load('lambda.js')
      assert.match(await roundTrip(hub, (url, init) => lambda(handler, new URL(url), init), 'https://app.example'), /"name":"ada"/)
    } finally {
      await hub.close()
    }
    assert.ok(folder)
  },

  async 'docs-testing'({ folder, write, require, readme }) {
    const exported = readme.replace(/^const app = /m, 'export const app = ').replace(/^app\.listen.*$/m, '')
    const commonJS = exported
      .replace(/^import (.+) from ('[^']+')/gm, 'const $1 = require($2)')
      .replace('export const app', 'const app = exports.app')
    write('jest/package.json', '{}')
    write('jest/app.js', commonJS)
    for (const each of ['vitest', 'node-test']) write(`${each}/app.js`, exported)
    const quiet = { ...process.env, NODE_ENV: 'test', NODE_OPTIONS: '', NO_COLOR: '1', FORCE_COLOR: undefined }
    const packageFile = (name, file) => path.join(path.dirname(require.resolve(`${name}/package.json`)), file)
    const results = await Promise.all([
      run([packageFile('jest', 'bin/jest.js')], path.join(folder, 'jest'), quiet),
      run([packageFile('vitest', 'vitest.mjs'), 'run', '--root', '.'], path.join(folder, 'vitest'), quiet),
      // a test runner inside of another would report to the outer one
      run(['--test'], path.join(folder, 'node-test'), { ...quiet, NODE_TEST_CONTEXT: undefined }),
    ])
    for (const [index, expected] of [/Tests: +3 passed, 3 total/, /Tests +3 passed \(3\)/, /pass 3\n[\s\S]*fail 0/].entries()) {
      assert.match(results[index], expected)
    }
  },
}

const expressApp = `
import express from 'express'
import passport from 'passport'
import { HuggingFaceStrategy } from 'passport-huggingface'
passport.use('express', new HuggingFaceStrategy({
  clientID: process.env.HF_CLIENT_ID, clientSecret: process.env.HF_CLIENT_SECRET, callbackURL: '/auth/huggingface/callback',
}, async (accessToken, refreshToken, { username }) => ({ name: username })))
export const app = express()
app.use('/auth/huggingface', passport.authenticate('express', { session: false }), (req, res) => void res.json(req.user))
`

/** As the guide has it. */
function pagesApi(signIn) {
  return (req, res) =>
    new Promise((resolve, reject) => {
      res.once('close', resolve)
      signIn(req, res, reject)
    })
}

async function listenOn(port, server) {
  await once(server.listen(port, 'localhost'), 'listening')
  const close = async () => {
    server.closeAllConnections?.()
    server.close()
    await once(server, 'close')
  }
  return { port: server.address().port, close }
}

/** A sign-in at a host that is given as a function like fetch. Resolves with the page, or where it leads to. */
async function roundTrip(hub, fetch, origin) {
  const begun = await fetch(`${origin}/auth/huggingface`, { redirect: 'manual', headers: {} })
  const cookie = begun.headers.getSetCookie().map((each) => each.split(';')[0])
  const callback = await hub.signIn(begun.headers.get('location'), 'ada')
  const { pathname, search } = new URL(callback)
  const ended = await fetch(`${origin}${pathname}${search}`, { redirect: 'manual', headers: { cookie: cookie.join('; ') } })
  return ended.headers.get('location') ?? (await ended.text())
}

async function overHttp2(hub, signIn) {
  const { port, close } = await listenOn(0, http2.createServer(signIn))
  const session = http2.connect(`http://localhost:${port}`)
  const page = await roundTrip(
    hub,
    async (url, { headers }) => {
      const { pathname, search } = new URL(url)
      const stream = session.request({ ':path': pathname + search, ...headers })
      const [head] = await once(stream, 'response')
      const { ':status': status, 'set-cookie': cookies = [], location } = head
      const text = (await stream.setEncoding('utf8').toArray()).join('')
      const response = new Response(text, { status, headers: location ? { location } : {} })
      for (const each of cookies) response.headers.append('set-cookie', each)
      return response
    },
    `http://localhost:${port}`,
  )
  session.destroy()
  await close()
  return page
}

/** A request as API Gateway passes it to a function. */
async function lambda(handler, { pathname, search, host }, { headers: { cookie } }) {
  const { statusCode, headers, cookies, body } = await handler(
    {
      version: '2.0',
      rawPath: pathname,
      rawQueryString: search.slice(1),
      headers: { host },
      cookies: cookie?.split('; '),
      requestContext: { http: { method: 'GET', path: pathname, sourceIp: '127.0.0.1' } },
    },
    {},
  )
  const response = new Response(body, { status: statusCode, headers })
  for (const each of cookies ?? []) response.headers.append('set-cookie', each)
  return response
}

/** A sign-in without a web framework: what Passport does with a strategy. */
async function signInTo(strategy, hub) {
  const cookies = []
  const res = { getHeader: () => [], setHeader: (name, value) => name === 'Set-Cookie' && cookies.push(...value) }
  const attempt = (request) =>
    new Promise((resolve, reject) => {
      const actions = { redirect: resolve, success: resolve, fail: reject, error: reject }
      Object.assign(Object.create(strategy), actions).authenticate({ method: 'GET', headers: {}, query: {}, res, ...request })
    })
  const location = await attempt({})
  const query = Object.fromEntries(new URL(await hub.signIn(location, 'ada')).searchParams)
  return attempt({ query, headers: { cookie: cookies.map((each) => each.split(';')[0]).join('; ') } })
}

async function run(args, cwd, env) {
  // a group of its own, so that its workers end with it
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), 60_000)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data
    })
  }
  await once(child, 'close')
  clearTimeout(timer)
  return output
}

/** Loads a file or a package of a project. */
export function loader(folder) {
  const require = createRequire(path.join(folder, 'package.json'))
  return (name) => import(pathToFileURL(name.endsWith('.js') ? path.join(folder, name) : require.resolve(name)).href)
}
