// Compiles the samples of the documentation, and runs them with a local Hub in place of the Hub.
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { startHub } from 'passport-huggingface/testing'
import { Browser, toPort } from '../support/browser.js'
import { lendModules, root } from '../support/modules.js'
import { start } from '../support/program.mjs'
import { samples } from './samples.mjs'

/** Each guide is a small project in a folder of its own. All see the same modules as this project. */
export const folder = mkdtempSync(path.join(tmpdir(), 'passport-huggingface-docs-'))

function write(file, text) {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
  writeFileSync(path.join(folder, file), text)
}

const untyped = ['koa', 'koa-passport', 'cookie-session', '@huggingface/hub', '@huggingface/inference']
const declarations = {
  // what fragments leave out
  'fragments.d.ts': `
    declare const app: any
    type FastifyReply = import('fastify').FastifyReply
    type FastifyRequest = import('fastify').FastifyRequest`,
  // what plain JavaScript cannot say, and what a user is in the guides
  'untyped.d.ts': `
    ${untyped.map((name) => `declare module '${name}'`).join('\n')}
    declare const passport: any, users: any
    declare namespace Express {
      interface User { [field: string]: any }
      interface AuthInfo { state?: any }
      interface Request { account?: any }
    }`,
  'session.d.ts': "import 'express-session'; declare module 'express-session' { interface SessionData { linkTo?: string } }",
}

/** Compiles all samples into the folder `built`, so that they sign people in on a local Hub. Returns the complaints. */
export function compileAll() {
  lendModules(folder)
  write('package.json', '{ "private": true, "type": "module" }')
  for (const [file, text] of Object.entries(declarations)) write(file, text)
  // a guide imports an app without saying which
  write('docs-other-hosts/app.js', 'export const app = undefined')
  const lenient = { strict: false, noImplicitAny: false, allowJs: true, checkJs: true }
  return [
    ...compile('ts', ['fragments.d.ts'], { strict: true, noUncheckedIndexedAccess: true }),
    ...compile('js', Object.keys(declarations), lenient),
  ]
}

function compile(language, files, options) {
  const written = samples.filter((sample) => sample.language === language && sample.page !== 'docs-testing')
  for (const { name, code } of written) {
    const text = code.includes('hubURL')
      ? code
      : code.replace(/(new HuggingFaceStrategy|super)\(\s*\{/g, '$& hubURL: process.env.HF_HUB_URL,')
    write(`${name}.${language}`, text)
  }
  const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true }
  const output = { module: 'nodenext', moduleDetection: 'force', rootDir: '.', outDir: 'built' }
  const libraries = { target: 'es2023', lib: ['es2023', 'dom', 'dom.iterable'], types: ['node'], skipLibCheck: true }
  const compilerOptions = { ...decorators, ...output, ...libraries, ...options }
  write('tsconfig.json', JSON.stringify({ compilerOptions, files: [...files, ...written.map(({ name }) => `${name}.${language}`)] }))
  const args = [path.join(root, 'node_modules/typescript/bin/tsc'), '--pretty', 'false']
  const { stdout, stderr, error } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
  if (error || stderr) throw error ?? new Error(stderr)
  return stdout.split('\n').filter((line) => line !== '')
}

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
  const send = (url, init) => toPort(Number(app.line))(url, init)
  // an unregistered app's own document is fetched where the app really is
  const clientMetadata = async (id) => (await send(id, { method: 'GET' })).json()
  const hub = await startHub({ clients, clientMetadata })
  const origin = /spaceOptions|APP_URL/.test(emitted(name)) ? `https://${spaceHost}` : local
  try {
    const args = ['--import', path.join(import.meta.dirname, 'free-port.mjs'), built(name)]
    app = await start(process.execPath, args, { env: environment(hub.url) })
    await use({ hub, origin, browser: (at = origin) => new Browser(at, send, hub) })
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
