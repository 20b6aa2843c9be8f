// The samples of the documentation, compiled.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { lendModules, root } from '../support/modules.mjs'
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
  const lines = stdout.split('\n').filter((line) => /error TS/.test(line))
  const foreign = lines.filter((line) => !written.some(({ name }) => line.startsWith(`${name}.`)))
  if (foreign.length) throw new Error(foreign.join('\n'))
  return lines
}
