// Runs a sample that is a server, with the local Hub in the Hub's place, and signs somebody in to it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
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
function environment(text, hub, origin, port) {
  const [{ clientID, clientSecret }] = hub.clients
  return {
    PATH: process.env.PATH,
    NODE_ENV: 'development',
    PORT: String(port),
    APP_URL: origin,
    HUB_URL: hub.url,
    HF_CLIENT_ID: clientID,
    HF_CLIENT_SECRET: clientSecret,
    STATE_SECRET: 'a secret for sign-ins in progress',
    SESSION_SECRET: 'a secret of at least thirty-two characters',
    ...(text.includes('spaceOptions') && {
      SPACE_ID: 'someone/tides',
      SPACE_HOST: spaceHost,
      OAUTH_CLIENT_ID: clientID,
      OAUTH_CLIENT_SECRET: clientSecret,
      OAUTH_SCOPES: 'openid profile email',
      OPENID_PROVIDER_URL: hub.url,
    }),
  }
}

/**
 * @param file the sample as JavaScript, beside what it imports
 * @param text what is in it; written back with the Hub's address and a free port put in
 * @returns what the app answers to somebody who has signed in
 */
export async function signIn(file, text, startHub) {
  const port = await freePort()
  const origin = originOf(text, port)
  const hub = await startHub({
    clients: [
      {
        clientID: 'sample-app',
        clientSecret: 'sample-app-secret',
        redirectURIs: [`http://localhost${callback}`, `https://${spaceHost}${callback}`],
      },
    ],
    // an unregistered app's own document, fetched where the app really is
    clientMetadata: async (clientID) => JSON.parse((await get(new URL(clientID), port)).body),
  })
  const usual = text.match(/listen\(\s*(?:\{\s*port:\s*)?(\d+)/)?.[1]
  writeFileSync(
    file,
    text
      .replace(/new [\w.]*HuggingFaceStrategy\(\s*\{/g, '$& hubURL: process.env.HUB_URL,')
      .replace(/super\(\s*\{/g, '$& hubURL: process.env.HUB_URL,')
      .replace(usual === undefined ? /$^/ : new RegExp(`\\b${usual}\\b`, 'g'), String(port)),
  )
  const app = spawn(process.execPath, [file], { env: environment(text, hub, origin, port), stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [app.stdout, app.stderr]) stream.on('data', (data) => (said += data))
  try {
    await listening(port, app)
    return await walk(hub, origin, port)
  } catch (error) {
    throw new Error(`${error.message}\n${said}`, { cause: error })
  } finally {
    if (app.exitCode === null && app.signalCode === null) {
      app.kill()
      await once(app, 'exit')
    }
    await hub.close()
  }
}

/** A browser that follows redirects, and a person who consents at the Hub. */
async function walk(hub, origin, port) {
  const cookies = new Map()
  let address = new URL('/auth/huggingface', origin)
  for (let step = 0; step < 6; step++) {
    const answer = await get(address, port, cookies)
    if (answer.location === undefined) {
      if (answer.status !== 200) throw new Error(`${address} answered ${answer.status}: ${answer.body}`)
      return answer.body
    }
    const next = new URL(answer.location, address)
    address = next.origin === hub.url ? new URL(await hub.signIn(next.href, 'ada')) : next
    if (address.origin !== origin) throw new Error(`the sign-in leads to ${address.origin} and not to ${origin}`)
  }
  throw new Error('the sign-in goes round in circles')
}

/** A request to the app as if the address were public and a proxy stood there. */
function get(address, port, cookies = new Map()) {
  return new Promise((resolve, reject) => {
    const headers = {
      host: address.host,
      'x-forwarded-proto': address.protocol.slice(0, -1),
      cookie: [...cookies].map((cookie) => cookie.join('=')).join('; '),
    }
    const sent = request({ host: 'localhost', port, path: address.pathname + address.search, headers, timeout: limit }, (res) => {
      for (const cookie of res.headers['set-cookie'] ?? []) {
        const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/)
        if (/max-age=0|expires=thu, 01 jan 1970/i.test(cookie)) cookies.delete(name)
        else cookies.set(name, value)
      }
      let body = ''
      res.setEncoding('utf8')
      res.on('data', (data) => (body += data))
      res.on('error', reject)
      res.on('end', () => resolve({ status: res.statusCode, location: res.headers.location, body }))
    })
    sent.on('timeout', () => sent.destroy(new Error(`${address} does not answer`)))
    sent.on('error', reject)
    sent.end()
  })
}

/** Loads a sample that is not a server. */
export async function load(file, text, startHub) {
  const hub = await startHub()
  const script = `import(${JSON.stringify(pathToFileURL(file).href)}).then(() => process.exit(0), (error) => { console.error(error); process.exit(1) })`
  const app = spawn(process.execPath, ['-e', script], {
    env: environment(text, hub, originOf(text, 3000), 3000),
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: limit,
  })
  let said = ''
  app.stderr.on('data', (data) => (said += data))
  const [code] = await once(app, 'exit')
  await hub.close()
  if (code !== 0) throw new Error(`it does not load\n${said}`)
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
