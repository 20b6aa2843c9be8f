// What the guides promise about the small projects that they consist of.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import http2 from 'node:http2'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { startHub } from 'passport-huggingface/testing'
import { throughProxy, Visitor } from '../support/visitor.mjs'
import { adapted, environment, withApp } from './app.mjs'
import { emitted, folder, samples, write } from './samples.mjs'

const [readme] = samples
const require = createRequire(path.join(folder, 'package.json'))

/** Loads a file of a guide, or a package. */
export const load = (name) => import(pathToFileURL(name.endsWith('.js') ? path.join(folder, name) : require.resolve(name)).href)

const textOf = (name) => samples.find((sample) => sample.file && `${sample.page}/${sample.file}` === name).text

const deny = { deny: true }

/** Writes a file that is loaded into this process, with the values of its environment. */
function writeFor(hub, name, text = textOf(name)) {
  const values = environment(text, hub, 3000)
  write(
    name,
    adapted(text, 3000).replace(/process\.env\.(\w+)/g, (_, variable) => JSON.stringify(values[variable])),
  )
}

/** By page. */
export const guides = {
  'docs-accounts': () =>
    withApp({ 'docs-accounts/server.js': textOf('docs-accounts/server.js') }, async ({ origin, browser }) => {
      const ada = browser()
      const page = await ada.visit('/auth/huggingface?from=/models%3Fsort=new')
      assert.equal(page.url.href, `${origin}/models?sort=new`)
      assert.equal(page.json.user.email, 'ada@example.com')
      // still signed in
      assert.equal((await ada.get('/')).json.user.name, 'ada')
      assert.deepEqual((await ada.visit('/sign-out', undefined, undefined, 'POST')).json, { page: '/', user: null })
      const chidi = (await browser().visit('/auth/huggingface?from=//evil.example', 'chidi')).json
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
    const files = { 'docs-linking/link.js': textOf('docs-linking/link.js'), 'docs-linking/server.js': server }
    return withApp(files, async ({ hub, browser }) => {
      const [first, second] = [browser(), browser()]
      const post = (who, route, username) => who.visit(`/link/huggingface${route}`, username, {}, 'POST')
      assert.equal((await post(first, '', 'ada')).status, 401)
      await first.get('/as/1')
      assert.match((await post(first, '', 'ada')).body, /"username":"ada"/)
      // the same account, another user
      await second.get('/as/2')
      assert.equal((await post(second, '', 'ada')).status, 409)
      assert.match((await post(second, '', 'bo')).body, /"username":"bo"/)
      assert.equal((await post(second, '/remove')).status, 409)
      assert.doesNotMatch((await post(first, '/remove')).body, /huggingFace/)
      // somebody else has signed in to the app meanwhile
      const { location } = await first.get('/link/huggingface', 'POST')
      await first.get('/as/2')
      assert.equal((await first.get(await hub.signIn(location, 'emi'))).status, 403)
    })
  },

  async 'docs-nestjs'() {
    const fastify = emitted(samples.find(({ heading }) => heading === 'With the Fastify adapter').name).replace('const app = 0;', '')
    const adapters = {
      express: ["import { ExpressAdapter as Adapter } from '@nestjs/platform-express'", ''],
      fastify: ["import { FastifyAdapter as Adapter } from '@nestjs/platform-fastify'", fastify],
    }
    for (const [name, [adapter, addition]] of Object.entries(adapters)) {
      const server = `
        import 'reflect-metadata'
        import { NestFactory } from '@nestjs/core'
        ${adapter}
        import { HuggingFaceModule } from './huggingface.js'
        const app = await NestFactory.create(HuggingFaceModule, new Adapter(), { logger: ['error'] })
        ${addition}
        await app.listen(3000)`
      const files = { [`${name}/huggingface.js`]: emitted('docs-nestjs/huggingface'), [`${name}/main.js`]: server }
      await withApp(files, async ({ hub, browser }) => {
        const { json } = await browser().visit('/auth/huggingface?from=/models')
        assert.deepEqual([json.user.username, json.returnTo], ['ada', '/models'])
        const denied = await browser().signIn('bo', deny)
        assert.deepEqual([denied.status, denied.json.code], [403, 'access_denied'])
        await usesTabs(hub, browser(), ({ json }) => json.user.username)
      })
    }
  },

  async 'docs-tokens'() {
    const hub = await startHub()
    try {
      writeFor(hub, 'docs-tokens/strategy.js')
      const { accessTokenOf } = await load('docs-tokens/access-token.js')
      const { tokens } = await load('docs-tokens/database.js')
      const { strategy } = await load('docs-tokens/strategy.js')
      const { isStillAuthorized } = await load('docs-tokens/still-authorized.js')
      const { default: express } = await load('express')
      const { default: passport } = await load('passport')
      const authenticate = passport.authenticate(strategy, { session: false })
      const { id } = await served(
        express().use(authenticate, (req, res) => void res.json(req.user)),
        async (send) => {
          return (await new Visitor(hub, 'http://localhost:3000', send).signIn()).json
        },
      )
      const first = await accessTokenOf(id)
      assert.ok(first && (await isStillAuthorized(first)))
      const change = (fields) => tokens.withLock(id, async (row) => Object.assign(row, { expiresAt: 0, ...fields }))
      await change({})
      const refreshes = () => hub.requests.filter(({ endpoint }) => endpoint === 'token').length
      const before = refreshes()
      const [second, same] = await Promise.all([accessTokenOf(id), accessTokenOf(id)])
      assert.notEqual(second, first)
      assert.deepEqual([second, refreshes()], [same, before + 1])
      await change({ refreshToken: 'used' })
      assert.equal(await accessTokenOf(id), undefined)
      assert.equal(await accessTokenOf('nobody'), undefined)
      assert.equal(await isStillAuthorized('hf_oauth_revoked'), false)
    } finally {
      await hub.close()
    }
  },

  async 'docs-unregistered'() {
    await withApp({ 'docs-unregistered/server.js': textOf('docs-unregistered/server.js') }, async ({ browser }) => {
      const { json } = await browser().get('/.well-known/oauth-cimd')
      assert.deepEqual(Object.keys(json), ['client_id', 'client_name', 'redirect_uris', 'token_endpoint_auth_method'])
      assert.match((await browser().signIn()).body, /"name":"ada"/)
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
    await withApp({ 'docs-unregistered/many.js': server }, async ({ browser }) => {
      for (const host of ['tides.example', 'waves.example']) {
        const { json } = await browser(`https://${host}`).signIn()
        assert.deepEqual([json.host, json.name], [host, 'ada'])
      }
      assert.equal((await browser('https://evil.example').get('/auth/huggingface')).status, 404)
    })
  },

  async 'docs-other-hosts'() {
    const [local, secure] = ['http://localhost:3000', 'https://app.example']
    const redirectURIs = [local, secure].map((origin) => `${origin}/auth/huggingface/callback`)
    const hub = await startHub({ clients: [{ clientID: 'an-app', clientSecret: 'the secret of an app', redirectURIs }] })
    const use = (send, origin = local) => usesTabs(hub, new Visitor(hub, origin, send), ({ json }) => json.name)
    try {
      // the sample starts a server of its own, and prints errors
      const { text } = samples.find(({ text }) => text.includes('createServer(signIn)'))
      writeFor(hub, 'docs-other-hosts/sign-in.js', text.replace(/console\.error.*|createServer\(signIn\).*/g, ''))
      const { signIn } = await load('docs-other-hosts/sign-in.js')
      const [{ default: polka }, { default: connect }, { createRouter }] = await Promise.all(['polka', 'connect', 'next-connect'].map(load))
      const listeners = [
        signIn,
        polka().get('/auth/huggingface', signIn).get('/auth/huggingface/callback', signIn).handler,
        connect().use('/auth/huggingface', signIn),
        createRouter().get(signIn).handler(),
        // as in pages/api
        (req, res) => new Promise((resolve) => signIn(req, res.once('close', resolve))),
      ]
      for (const listener of listeners) await served(listener, use)
      await overHttp2(signIn, use)

      writeFor(hub, 'docs-other-hosts/route.js')
      const { GET } = await load('docs-other-hosts/route.js')
      const { app } = await load('docs-other-hosts/hono.js')
      app.onError(({ status }) => new Response('', { status }))
      const toNext = (url, init) => GET(new Request(url, init)).catch(app.errorHandler)
      for (const send of [toNext, (url, init) => app.request(url, init)]) {
        await usesTabs(hub, new Visitor(hub, local, send), ({ location }) => location.replace('/?welcome=', ''))
      }

      writeFor(hub, 'docs-other-hosts/app.js', expressApp)
      const { handler } = await load('docs-other-hosts/lambda.js')
      await use((url, init) => lambda(handler, new URL(url), init), secure)
    } finally {
      await hub.close()
    }
  },

  async 'docs-testing'() {
    const exported = emitted(readme.name)
      .replace(/^const app = /m, 'export const app = ')
      .replace(/^app\.listen.*$/m, '')
    const commonJS = exported
      .replace(/^import (.+) from ('[^']+')/gm, 'const $1 = require($2)')
      .replace('export const app', 'const app = exports.app')
    write('docs-testing/jest/package.json', '{}')
    write('docs-testing/jest/app.js', commonJS)
    for (const each of ['vitest', 'node-test']) write(`docs-testing/${each}/app.js`, exported)
    const script = (name, file) => path.join(path.dirname(require.resolve(`${name}/package.json`)), file)
    const results = await Promise.all([
      run('jest', [script('jest', 'bin/jest.js')]),
      run('vitest', [script('vitest', 'vitest.mjs'), 'run', '--root', '.']),
      run('node-test', ['--test']),
    ])
    const expected = [/Tests: +3 passed, 3 total/, /Tests +3 passed \(3\)/, /pass 3\n[\s\S]*fail 0/]
    for (const [index, result] of results.entries()) assert.match(result, expected[index])
  },
}

const expressApp = `
import express from 'express'
import passport from 'passport'
import { HuggingFaceStrategy } from 'passport-huggingface'
passport.use('express', new HuggingFaceStrategy({
  clientID: process.env.HF_CLIENT_ID, clientSecret: process.env.HF_CLIENT_SECRET, callbackURL: 'https://app.example/auth/huggingface/callback',
}, async (accessToken, refreshToken, { username }) => ({ name: username })))
export const app = express().set('env', 'test')
app.use('/auth/huggingface', passport.authenticate('express', { session: false }), (req, res) => void res.json(req.user))
`

/** Somebody signs in twice and is denied once, in three tabs, and in a fourth the Hub has a fault. */
async function usesTabs(hub, visitor, nameIn) {
  const tabs = []
  for (let tab = 0; tab < 3; tab++) tabs.push((await visitor.get('/auth/huggingface')).location)
  assert.equal(visitor.cookies.size, 3)
  for (const tab of [2, 0]) assert.equal(nameIn(await visitor.get(await hub.signIn(tabs[tab], 'ada'))), 'ada')
  assert.equal((await visitor.get(await hub.signIn(tabs[1], 'ada', deny))).status, 403)
  assert.equal(visitor.cookies.size, 0)
  hub.faults = { token: { status: 503 } }
  assert.equal((await visitor.signIn()).status, 502)
  hub.faults = {}
}

/** Serves an app while `use` sends it requests. */
async function served(listener, use, server = createServer(listener)) {
  await once(server.listen(0, 'localhost'), 'listening')
  try {
    return await use(throughProxy(server.address().port))
  } finally {
    server.closeAllConnections?.()
    server.close()
  }
}

function overHttp2(listener, use) {
  const server = http2.createServer(listener)
  return served(
    listener,
    async () => {
      const session = http2.connect(`http://localhost:${server.address().port}`)
      const send = async (url, { headers }) => {
        const { host, pathname, search } = new URL(url)
        const stream = session.request({ ':authority': host, ':path': pathname + search, ...headers })
        const [{ ':status': status, ...head }] = await once(stream, 'response')
        const fields = Object.entries(head).flatMap(([name, values]) => [values].flat().map((value) => [name, value]))
        return new Response((await stream.setEncoding('utf8').toArray()).join(''), { status, headers: fields })
      }
      await use(send)
      session.destroy()
    },
    server,
  )
}

/** A request as API Gateway passes it to a function. */
async function lambda(handler, { pathname, search, host }, { method, headers: { cookie } }) {
  const requestContext = { http: { method, path: pathname, sourceIp: '127.0.0.1' } }
  const event = { version: '2.0', rawPath: pathname, rawQueryString: search.slice(1), headers: { host }, cookies: cookie.split('; ') }
  const { statusCode: status, headers, cookies = [], body } = await handler({ ...event, requestContext }, {})
  return new Response(body, { status, headers: [...Object.entries(headers), ...cookies.map((each) => ['set-cookie', each])] })
}

async function run(project, args) {
  // a test runner inside of another would report to the outer one
  const env = { ...process.env, NODE_ENV: 'test', NODE_OPTIONS: '', NO_COLOR: '1', FORCE_COLOR: undefined, NODE_TEST_CONTEXT: undefined }
  const cwd = path.join(folder, 'docs-testing', project)
  // a group of its own, so that its workers end with it
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), 60_000)
  const output = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => output.push(data))
  await once(child, 'close')
  clearTimeout(timer)
  return output.join('')
}
