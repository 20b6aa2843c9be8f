// Runs a sample with a local Hub in place of the Hub.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startHub } from 'passport-huggingface/testing'
import { throughProxy, Visitor } from '../support/visitor.mjs'
import { folder, write } from './samples.mjs'

const spaceHost = 'someone-tides.hf.space'
const limit = 40_000

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

/** Starts a sample, runs `use`, and stops it. `files` are written first, the sample itself is the last one. */
export async function withApp(files, use) {
  const port = await freePort()
  const [main, text] = Object.entries(files).at(-1)
  const origin = originOf(text, port)
  const redirectURIs = ['http://localhost', `https://${spaceHost}`].flatMap((host) =>
    ['auth', 'link'].map((route) => `${host}/${route}/huggingface/callback`),
  )
  const clients = [{ clientID: 'sample-app', clientSecret: 'sample-app-secret', redirectURIs }]
  // an unregistered app's own document is fetched where the app really is
  const clientMetadata = async (clientID) => (await throughProxy(port)(clientID, { method: 'GET' })).json()
  const hub = await startHub({ clients, clientMetadata })
  for (const [file, content] of Object.entries(files)) write(file, adapted(content, port))
  const child = spawn(process.execPath, [path.join(folder, main)], { env: environment(text, hub, port), stdio: ['ignore', 'pipe', 'pipe'] })
  const output = []
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (data) => output.push(data))
  try {
    const browser = (at = origin) => new Visitor(hub, at, throughProxy(port))
    for (const end = Date.now() + limit; !(await fetch(`http://localhost:${port}/`).catch(() => false)); await sleep(20)) {
      if (child.exitCode !== null || Date.now() > end) throw new Error('the sample does not listen')
    }
    await use({ hub, origin, browser })
  } catch (error) {
    error.message += `\n${output.join('')}`
    throw error
  } finally {
    if (child.exitCode === null && child.kill()) await once(child, 'exit')
    await hub.close()
  }
}

/** Loads a sample that is not a server. */
export async function load(file, text) {
  write(file, text)
  const hub = await startHub()
  const script = `import('./${file}').then(() => process.exit(), (error) => { console.error(error); process.exit(1) })`
  const env = environment(text, hub, 3000)
  const child = spawn(process.execPath, ['-e', script], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'], timeout: limit })
  const output = child.stderr.setEncoding('utf8').toArray()
  const [code] = await once(child, 'exit')
  await hub.close()
  if (code !== 0) throw new Error(`it does not load\n${(await output).join('')}`)
}

async function freePort() {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
