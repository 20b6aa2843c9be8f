// Runs a sample that is a server, with a local Hub in place of the Hub, and visits it as a browser does.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const spaceHost = 'someone-tides.hf.space'
const callback = '/auth/huggingface/callback'
const limit = 20_000

/** Where a sample believes to be. */
function originOf(text, port) {
  if (text.includes('spaceOptions')) return `https://${spaceHost}`
  if (text.includes('APP_URL')) return 'https://tides.example'
  return `http://localhost:${port}`
}

/** All that a sample may want of its environment. */
export function environment(text, hub, port) {
  const [{ clientID, clientSecret }] = hub.clients
  const space = {
    SPACE_ID: 'someone/tides',
    SPACE_HOST: spaceHost,
    OAUTH_CLIENT_ID: clientID,
    OAUTH_CLIENT_SECRET: clientSecret,
    OAUTH_SCOPES: 'openid profile email',
    OPENID_PROVIDER_URL: hub.url,
  }
  return {
    PATH: process.env.PATH,
    NODE_ENV: 'development',
    APP_URL: originOf(text, port),
    HF_HUB_URL: hub.url,
    HF_CLIENT_ID: clientID,
    HF_CLIENT_SECRET: clientSecret,
    STATE_SECRET: 'a secret for pending sign-ins, for tests',
    SESSION_SECRET: 'a secret of at least thirty-two characters',
    ...(text.includes('spaceOptions') && space),
  }
}

/** A sample that signs people in on the local Hub, and listens on `port`. */
export function adapted(text, port) {
  return text
    .replace(/(new [\w.]*HuggingFaceStrategy|super)\(\s*\{/g, '$& hubURL: process.env.HF_HUB_URL,')
    .replace(/\b(3000|7860)\b/g, String(port))
}

/**
 * Starts a sample.
 *
 * @param file where to write it, beside what it imports
 * @param text the sample, as JavaScript
 * @param others files that it imports, by name
 */
export async function startApp(file, text, startHub, others = {}) {
  const port = await freePort()
  const origin = originOf(text, port)
  const hosts = [`http://localhost`, `https://${spaceHost}`]
  const redirectURIs = hosts.flatMap((host) => [`${host}${callback}`, `${host}/link/huggingface/callback`])
  const hub = await startHub({
    clients: [{ clientID: 'sample-app', clientSecret: 'sample-app-secret', redirectURIs }],
    // an unregistered app's own document, fetched where the app really is
    clientMetadata: async (clientID) => JSON.parse((await get(new URL(clientID), port)).body),
  })
  writeFileSync(file, adapted(text, port))
  for (const [name, other] of Object.entries(others)) writeFileSync(path.join(path.dirname(file), name), adapted(other, port))
  const env = environment(text, hub, port)
  const app = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [app.stdout, app.stderr]) {
    stream.on('data', (data) => {
      output += data
    })
  }
  const close = async () => {
    if (app.exitCode === null && app.signalCode === null) {
      app.kill()
      await once(app, 'exit')
    }
    await hub.close()
  }
  await listening(port, app).catch(async (error) => {
    await close()
    throw new Error(`${error.message}\n${output}`)
  })
  return { hub, port, origin, browser: () => new Browser(hub, origin, port), close, output: () => output }
}

/** A browser, and a person who uses it. */
export class Browser {
  cookies = new Map()

  constructor(hub, origin, port) {
    Object.assign(this, { hub, origin, port })
  }

  /** One request, and its response. */
  get(path, method = 'GET') {
    return get(new URL(path, this.origin), this.port, this.cookies, method)
  }

  /** Follows redirects, signs in on the Hub, and resolves with the page that it ends on. */
  async visit(path, username, options, method = 'GET') {
    let address = new URL(path, this.origin)
    for (let step = 0; step < 6; step++) {
      const page = await get(address, this.port, this.cookies, step === 0 ? method : 'GET')
      if (page.location === undefined) return { ...page, url: address }
      const next = new URL(page.location, address)
      address = next.origin === this.hub.url ? new URL(await this.hub.signIn(next.href, username, options)) : next
      if (address.origin !== this.origin) throw new Error(`the sign-in leads to ${address.origin} and not to ${this.origin}`)
    }
    throw new Error('the sign-in goes round in circles')
  }
}

/** Starts a sample, signs somebody in, and resolves with the page that they see. */
export async function signIn(file, text, startHub) {
  const app = await startApp(file, text, startHub)
  try {
    const { status, body, url } = await app.browser().visit('/auth/huggingface', 'ada')
    if (status !== 200) throw new Error(`${url} responded with ${status}: ${body}\n${app.output()}`)
    return body
  } finally {
    await app.close()
  }
}

/** A request to the app as if its address were public and a proxy were in front of it. */
function get(address, port, cookies = new Map(), method = 'GET') {
  return new Promise((resolve, reject) => {
    const headers = {
      host: address.host,
      'x-forwarded-proto': address.protocol.slice(0, -1),
      cookie: [...cookies].map((cookie) => cookie.join('=')).join('; '),
    }
    const options = { host: 'localhost', port, method, path: address.pathname + address.search, headers, timeout: limit }
    const sent = request(options, (res) => {
      for (const cookie of res.headers['set-cookie'] ?? []) {
        const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/)
        if (/max-age=0|expires=thu, 01 jan 1970/i.test(cookie)) cookies.delete(name)
        else cookies.set(name, value)
      }
      let body = ''
      res.setEncoding('utf8')
      res.on('data', (data) => {
        body += data
      })
      res.on('error', reject)
      res.on('end', () => resolve({ status: res.statusCode, location: res.headers.location, body }))
    })
    sent.on('timeout', () => sent.destroy(new Error(`${address} does not respond`)))
    sent.on('error', reject)
    sent.end()
  })
}

/** Loads a sample that is not a server. */
export async function load(file, text, startHub) {
  writeFileSync(file, text)
  const hub = await startHub()
  const script = `import(${JSON.stringify(pathToFileURL(file).href)}).then(() => process.exit(0), (error) => { console.error(error); process.exit(1) })`
  const env = environment(text, hub, 3000)
  const app = spawn(process.execPath, ['-e', script], { env, stdio: ['ignore', 'ignore', 'pipe'], timeout: limit })
  let output = ''
  app.stderr.on('data', (data) => {
    output += data
  })
  const [code] = await once(app, 'exit')
  await hub.close()
  if (code !== 0) throw new Error(`it does not load\n${output}`)
}

async function freePort() {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

async function listening(port, app) {
  const deadline = Date.now() + limit
  for (;;) {
    if (app.exitCode !== null) throw new Error(`the sample ended with ${app.exitCode}`)
    const socket = connect({ host: 'localhost', port })
    const connected = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (connected) return
    if (Date.now() > deadline) throw new Error('the sample does not listen')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
