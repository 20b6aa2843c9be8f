// The package on Node.js, Bun and Deno, and in bundles. The Hub is on https.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { startHub } from 'passport-huggingface/testing'
import { Browser } from '../support/browser.js'
import { certificate } from '../support/certificate.js'
import { lendModules } from '../support/modules.js'
import { start } from '../support/program.mjs'

const folder = mkdtempSync(path.join(tmpdir(), 'passport-huggingface-'))
const inFolder = (name) => path.join(folder, name)
const run = (cwd, command, ...args) => promisify(execFile)(command, args, { cwd, timeout: 300_000 })
const tools = inFolder('tools/node_modules')
const packages = ['@oven/bun-linux-x64@1', 'deno@2', 'esbuild@0.28', '@vercel/ncc@0.45']
await run(folder, 'npm', 'install', '--prefix', 'tools', ...packages, '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts')
lendModules(folder)
writeFileSync(inFolder('package.json'), '{ "private": true }')
cpSync(path.join(import.meta.dirname, '../support/app.mjs'), inFolder('app.mjs'))

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
  for (const socket of [up, down]) socket.on('error', () => {})
  up.pipe(down).pipe(up)
})
for (const server of [relayServer, proxy]) await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = relayServer.address()

const { key, cert } = await certificate()
writeFileSync(inFolder('ca.pem'), cert)
const hub = await startHub({ tls: { key, cert }, host: '127.0.0.2', port, url: `https://localhost:${port}` })
const requestsTo = (endpoint) => hub.requests.filter((request) => request.endpoint === endpoint).length
after(async () => {
  for (const server of [hub, relayServer, proxy]) await server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Starts the app. Resolves with a browser there. */
async function visit([command, ...args], changes) {
  const env = { ...process.env, HF_HUB_URL: hub.url, NODE_EXTRA_CA_CERTS: inFolder('ca.pem'), ...changes }
  const { line, stop } = await start(command, args, { env, cwd: folder })
  after(stop)
  return new Browser(line, undefined, hub)
}

/** Begins a sign-in. Resolves with the callback that the Hub sends the person to. */
const consent = async (app) => hub.signIn(await app.begin(), 'ada')

const runtimes = {
  'Node.js': [process.execPath],
  Bun: [path.join(tools, '@oven/bun-linux-x64/bin/bun')],
  Deno: [path.join(tools, '@deno/linux-x64-glibc/deno'), 'run', '-A'],
}
for (const [name, runtime] of Object.entries(runtimes)) {
  const command = [...runtime, inFolder('app.mjs')]
  test(`on ${name}, an app`, { timeout: 60_000 }, async (context) => {
    const app = await visit(command)
    await context.test('signs in, and keeps the sign-in in an encrypted cookie until then', async () => {
      const callback = await consent(app)
      const [[cookie, value]] = app.jar.sentTo(app.origin)
      assert.equal(cookie, `hf-signin.${new URL(callback).searchParams.get('state')}`)
      assert.doesNotMatch(Buffer.from(value, 'base64url').toString('latin1'), /verifier|here/)
      const { status, json } = await app.visit(callback)
      assert.deepEqual([status, json.user.username, json.user.emails[0].verified], [200, 'ada', true])
      assert.deepEqual([json.info, app.jar.header(app.origin)], [{ state: { from: '/here' } }, ''])
      assert.equal((await app.visit(callback)).json.info.code, 'state_used')
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
        const failed = await app.signIn()
        hub.faults = {}
        assert.deepEqual([failed.status, failed.json], [status, { isError: true, code }])
        assert.equal((await app.signIn()).status, 200)
        assert.equal(requestsTo('token') - before, 2)
      })
    }
  })

  test(`${name} reaches the Hub through the proxy of the environment`, { timeout: 30_000 }, async () => {
    const throughProxy = { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: `http://127.0.0.1:${proxy.address().port}`, NO_PROXY: '', no_proxy: '' }
    tunnels.length = 0
    assert.equal((await (await visit(command, throughProxy)).signIn()).status, 200)
    // Node.js 20 has no such setting.
    const isSupported = name !== 'Node.js' || process.allowedNodeEnvironmentFlags.has('--use-env-proxy')
    assert.deepEqual(new Set(tunnels), new Set(isSupported ? [new URL(hub.url).host] : []))
  })
}

const esbuild = ['esbuild/bin/esbuild', 'app.mjs', '--bundle', '--platform=node']
// esbuild's ES modules have no `require`, which CommonJS packages need for Node's own modules.
const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)"
const bundles = {
  'esbuild/app.cjs': [...esbuild, '--format=cjs', '--outfile=esbuild/app.cjs'],
  'esbuild/app.mjs': [...esbuild, '--format=esm', '--outfile=esbuild/app.mjs', `--banner:js=${banner}`],
  'ncc/index.mjs': ['@vercel/ncc/dist/ncc/cli.js', 'build', 'app.mjs', '-o', 'ncc'],
}
for (const [bundle, [tool, ...args]] of Object.entries(bundles)) {
  test(`an app signs in from the bundle ${bundle}`, { timeout: 60_000 }, async () => {
    await run(folder, path.join(tools, tool), ...args)
    const app = await visit([process.execPath, inFolder(bundle)])
    assert.equal((await app.signIn()).json.user.username, 'ada')
  })
}
