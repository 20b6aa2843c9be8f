// Runs a sample with a local Hub in place of the Hub.
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { startHub } from 'passport-huggingface/testing'
import { start } from '../support/program.mjs'
import { throughProxy, Visitor } from '../support/visitor.mjs'
import { folder } from './compile.mjs'

export const local = 'http://localhost:3000'
const spaceHost = 'someone-tides.hf.space'
const [clientID, clientSecret] = ['sample-app', 'sample-app-secret']
const redirectURIs = ['http://localhost', `https://${spaceHost}`].flatMap((host) =>
  ['auth', 'link'].map((route) => `${host}/${route}/huggingface/callback`),
)
/** As samples register it. */
export const clients = [{ clientID, clientSecret, redirectURIs }]

/** All that a sample may want of its environment. */
export const environment = (hubURL = local) => ({
  PATH: process.env.PATH,
  NODE_ENV: 'development',
  HF_HUB_URL: hubURL,
  HF_CLIENT_ID: clientID,
  HF_CLIENT_SECRET: clientSecret,
  STATE_SECRET: 'a secret for pending sign-ins, for tests',
  SESSION_SECRET: 'a secret of at least thirty-two characters',
  APP_URL: `https://${spaceHost}`,
  SPACE_ID: 'someone/tides',
  SPACE_HOST: spaceHost,
  OAUTH_CLIENT_ID: clientID,
  OAUTH_CLIENT_SECRET: clientSecret,
  OAUTH_SCOPES: 'openid profile email',
  OPENID_PROVIDER_URL: hubURL,
})

/** A compiled sample. */
export const built = (name) => path.join(folder, 'built', `${name}.js`)
export const emitted = (name) => readFileSync(built(name), 'utf8')

/** Adds a file to the compiled ones, and returns its name. */
export function add(name, text) {
  writeFileSync(built(name), text)
  return name
}

/** Starts a compiled sample, runs `use`, and stops it. */
export async function withApp(name, use) {
  let app
  const send = (url, init) => throughProxy(Number(app.line))(url, init)
  // an unregistered app's own document is fetched where the app really is
  const clientMetadata = async (id) => (await send(id, { method: 'GET' })).json()
  const hub = await startHub({ clients, clientMetadata })
  const origin = /spaceOptions|APP_URL/.test(emitted(name)) ? `https://${spaceHost}` : local
  try {
    const args = ['--import', path.join(import.meta.dirname, 'free-port.mjs'), built(name)]
    app = await start(process.execPath, args, { env: environment(hub.url) })
    await use({ hub, origin, browser: (at = origin) => new Visitor(hub, at, send) })
  } catch (error) {
    error.message += `\n${await app?.stop()}`
    throw error
  } finally {
    await app?.stop()
    await hub.close()
  }
}

/** Loads a sample that is not a server. */
export async function load(name) {
  const script = `await import(${JSON.stringify(built(name))}); process.exit()`
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { env: environment(), timeout: 40_000 })
}
