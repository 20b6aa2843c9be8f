// The packed package on Node.js, Bun and Deno, in bundles, and with hosts other than Express. The Hub is on https.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { createRequire } from 'node:module'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { generate } from 'selfsigned'

const folder = mkdtempSync(path.join(tmpdir(), 'passport-huggingface-'))
const inFolder = (name) => path.join(folder, name)
const require = createRequire(inFolder('package.json'))
const run = (cwd, command, ...args) => execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe', timeout: 300_000 })
const packages = `passport@0.7 express@5 koa@3 koa-passport@6 @oven/bun-linux-x64@1 deno@2 esbuild@0.28 @vercel/ncc@0.45
  connect@3 polka@0.5 next-connect@1 serverless-http@4 hono@4 reflect-metadata@0.2 rxjs@7
  @nestjs/common@12 @nestjs/core@12 @nestjs/passport@12 @nestjs/platform-fastify@12`.split(/\s+/)
const tarball = run(`${import.meta.dirname}/../..`, 'npm', 'pack', '--silent', '--ignore-scripts', '--pack-destination', folder).trim()
writeFileSync(inFolder('package.json'), '{ "private": true }')
run(folder, 'npm', 'install', `./${tarball}`, ...packages, '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts')
for (const file of ['app.mjs', 'hosts.mjs']) cpSync(path.join(import.meta.dirname, file), inFolder(file))

// Between the apps and the Hub. The first connections close when they are used again, as many as `dead` says.
const relay = { connections: 0, dead: 0, deaths: 0 }
const relayServer = net.createServer((down) => {
  const id = ++relay.connections
  const up = net.connect(port, '127.0.0.2')
  up.on('error', () => {}).pipe(down)
  down.on('error', () => {}).on('close', () => up.destroy())
  down.on('data', (chunk) => {
    if (id > relay.dead) return up.write(chunk)
    relay.deaths++
    down.destroy()
  })
})
const tunnels = []
const proxy = http.createServer().on('connect', (req, down) => {
  tunnels.push(req.url)
  const up = net.connect(port, '127.0.0.1', () => down.write('HTTP/1.1 200 OK\r\n\r\n'))
  up.on('error', () => {})
    .pipe(down.on('error', () => {}))
    .pipe(up)
})
for (const server of [relayServer, proxy]) await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = relayServer.address()

const altNames = ['localhost', '127.0.0.1'].map((host) => (net.isIP(host) ? { type: 7, ip: host } : { type: 2, value: host }))
const certificate = { keyType: 'ec', algorithm: 'sha256', extensions: [{ name: 'subjectAltName', altNames }] }
const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], certificate)
writeFileSync(inFolder('ca.pem'), cert)
const callbacks = ['http://127.0.0.1', 'https://app.example'].map((origin) => `${origin}/auth/huggingface/callback`)
const client = { clientID: 'an-app', clientSecret: 'the secret of an app' }
const { startHub } = createRequire(import.meta.url)('../../dist/testing')
const clients = [{ ...client, redirectURIs: callbacks }]
const hub = await startHub({ clients, tls: { key, cert }, host: '127.0.0.2', port, url: `https://localhost:${port}` })
const requestsTo = (endpoint) => hub.requests.filter((request) => request.endpoint === endpoint).length
after(async () => {
  for (const server of [hub, relayServer, proxy]) await server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A browser, as far as a sign-in needs one. `send` takes a Request and resolves with the Response. */
class Visitor {
  cookies = new Map()

  constructor(origin, send = fetch) {
    Object.assign(this, { origin, send })
  }

  async visit(address) {
    const { pathname, search } = new URL(address, this.origin)
    const headers = { cookie: [...this.cookies].map((pair) => pair.join('=')).join('; ') }
    const response = await this.send(new Request(this.origin + pathname + search, { headers, redirect: 'manual' }))
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]*)=([^;]*)/.exec(line)
      this.cookies.set(name, value)
      if (value === '') this.cookies.delete(name)
    }
    const text = await response.text()
    return { ...(text.startsWith('{') && JSON.parse(text)), status: response.status, location: response.headers.get('location') }
  }

  /** Signs in as Ada, and returns what the app responds to the callback. */
  async signIn({ toHub = (location) => location, ...options } = {}) {
    const { location } = await this.visit('/auth/huggingface')
    return this.visit(await hub.signIn(toHub(location), 'ada', options))
  }
}

async function start([command, ...args], changes) {
  const settings = { HF_HUB_URL: hub.url, HF_CLIENT_ID: client.clientID, HF_CLIENT_SECRET: client.clientSecret }
  const env = { ...process.env, ...settings, NODE_EXTRA_CA_CERTS: inFolder('ca.pem'), ...changes }
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  after(() => child.kill())
  for await (const address of createInterface({ input: child.stdout })) return new Visitor(address)
  throw new Error(`${command} ${args.join(' ')} printed no address`)
}

const runtimes = {
  'Node.js': [process.execPath],
  Bun: [inFolder('node_modules/@oven/bun-linux-x64/bin/bun')],
  Deno: [inFolder('node_modules/@deno/linux-x64-glibc/deno'), 'run', '-A'],
}
for (const [name, runtime] of Object.entries(runtimes)) {
  for (const framework of ['express', 'koa']) {
    test(`${framework} on ${name}`, { timeout: 60_000 }, async (context) => {
      const command = [...runtime, inFolder('app.mjs'), framework]
      const app = await start(command)
      await context.test('signs in, and keeps the sign-in in an encrypted cookie until then', async () => {
        const { location } = await app.visit('/auth/huggingface')
        const [[cookie, value]] = app.cookies
        assert.equal(cookie, `hf-signin.${new URL(location).searchParams.get('state')}`)
        assert.doesNotMatch(Buffer.from(value, 'base64url').toString('latin1'), /verifier|here/)
        const callback = await hub.signIn(location, 'ada')
        const { status, user, info } = await app.visit(callback)
        assert.deepEqual([status, user.username, user.emails[0].verified, info], [200, 'ada', true, { state: { from: '/here' } }])
        assert.equal(app.cookies.size, 0)
        assert.equal((await app.visit(callback)).info.code, 'state_used')
      })
      await context.test('begins a lost sign-in again, once', async () => {
        const first = await app.visit('/auth/huggingface')
        app.cookies.clear()
        const second = await app.visit(await hub.signIn(first.location, 'ada'))
        const callback = await hub.signIn(second.location, 'ada')
        assert.equal((await new Visitor(app.origin).visit(callback)).info.code, 'state_lost')
        assert.equal((await app.visit(callback)).user.username, 'ada')
      })
      await context.test('says that the person denied the app', async () => {
        const { status, info } = await app.signIn({ deny: true })
        assert.deepEqual([status, info.code], [403, 'access_denied'])
      })
      await context.test('rejects an ID token with another nonce or issuer, and does not use the access token', async () => {
        const before = requestsTo('userinfo')
        const otherNonce = await app.signIn({ toHub: (location) => location.replace(/nonce=[^&]*/, 'nonce=another') })
        const otherURL = hub.url.replace('localhost', '127.0.0.1')
        const otherApp = await start(command, { HF_HUB_URL: otherURL })
        const { location } = await otherApp.visit('/auth/huggingface')
        const callback = new URL(await hub.signIn(location.replace(otherURL, hub.url), 'ada'))
        assert.equal((await otherApp.visit(callback)).info.code, 'issuer_mismatch')
        callback.searchParams.delete('iss')
        const otherIssuer = await otherApp.visit(callback)
        for (const { status, code } of [otherNonce, otherIssuer]) assert.deepEqual([status, code], [502, 'invalid_id_token'])
        assert.equal(requestsTo('userinfo'), before)
      })
      await context.test('sends a code again over a new connection if the kept one was dead', async () => {
        await app.signIn()
        const before = requestsTo('token')
        Object.assign(relay, { dead: relay.connections, deaths: 0 })
        assert.equal((await app.signIn()).status, 200)
        assert.deepEqual([relay.deaths, requestsTo('token') - before], [1, 1])
      })
      const faults = { timeout: [504, { hang: true }], response_truncated: [502, { cut: true }], unexpected_status: [502, { status: 503 }] }
      for (const [code, [status, token]] of Object.entries(faults)) {
        await context.test(`sends a code once if it ends in ${code}`, async () => {
          await app.signIn()
          const before = requestsTo('token')
          hub.faults = { token }
          const response = await app.signIn()
          hub.faults = {}
          assert.deepEqual([response.code, response.status, response.isError], [code, status, true])
          assert.equal((await app.signIn()).status, 200)
          assert.equal(requestsTo('token') - before, 2)
        })
      }
    })
  }

  test(`${name} reaches the Hub through the proxy of the environment`, { timeout: 30_000 }, async () => {
    const throughProxy = { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: `http://127.0.0.1:${proxy.address().port}`, NO_PROXY: '', no_proxy: '' }
    tunnels.length = 0
    assert.equal((await (await start([...runtime, inFolder('app.mjs'), 'express'], throughProxy)).signIn()).status, 200)
    // Node.js 20 has no such setting.
    const isSupported = name !== 'Node.js' || process.allowedNodeEnvironmentFlags.has('--use-env-proxy')
    assert.deepEqual(new Set(tunnels), new Set(isSupported ? [new URL(hub.url).host] : []))
  })
}

const esbuild = ['esbuild', 'app.mjs', '--bundle', '--platform=node']
// esbuild's ES modules have no `require`, which CommonJS packages need for Node's own modules.
const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)"
const bundles = {
  'esbuild/app.cjs': [...esbuild, '--format=cjs', '--outfile=esbuild/app.cjs'],
  'esbuild/app.mjs': [...esbuild, '--format=esm', '--outfile=esbuild/app.mjs', `--banner:js=${banner}`],
  'ncc/index.mjs': ['ncc', 'build', 'app.mjs', '-o', 'ncc'],
}
for (const [bundle, [command, ...args]] of Object.entries(bundles)) {
  test(`an app signs in from the bundle ${bundle}`, { timeout: 60_000 }, async () => {
    run(folder, inFolder(`node_modules/.bin/${command}`), ...args)
    assert.equal((await (await start([process.execPath, inFolder(bundle), 'express'])).signIn()).user.username, 'ada')
  })
}

const { HuggingFaceStrategy } = require('passport-huggingface')
const agent = new https.Agent({ ca: cert })
const options = { ...client, hubURL: hub.url, agent, callbackURL: callbacks[1], scope: ['openid', 'profile'] }
require('passport').use(new HuggingFaceStrategy(options, async (_accessToken, _refreshToken, profile) => profile))
const { hosts } = await import(inFolder('hosts.mjs'))
for (const [host, startHost] of Object.entries(hosts)) {
  test(`${host}: signs in, is denied, and has parallel tabs`, { timeout: 30_000 }, async () => {
    const visitor = new Visitor('https://app.example', await startHost(options))
    const tabs = []
    for (let tab = 1; tab <= 3; tab++) tabs.push((await visitor.visit('/auth/huggingface')).location)
    assert.equal(visitor.cookies.size, 3)
    for (const location of [tabs[2], tabs[0]]) assert.equal((await visitor.visit(await hub.signIn(location, 'ada'))).username, 'ada')
    const { status } = await visitor.visit(await hub.signIn(tabs[1], 'ada', { deny: true }))
    assert.equal(status, host === 'Nest on Fastify' ? 401 : 403)
    assert.equal(visitor.cookies.size, 0)
    hub.faults = { token: { status: 503 } }
    assert.equal((await visitor.signIn()).status, 502)
    hub.faults = {}
  })
}
