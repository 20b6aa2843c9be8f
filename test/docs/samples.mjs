// The samples of the documentation: found, completed by what they leave out, and compiled.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { lendModules, root } from '../support/modules.mjs'

export const read = (file) => readFileSync(path.join(root, file), 'utf8')

const markdown = (folder) => readdirSync(path.join(root, folder)).filter((file) => file.endsWith('.md'))

/** The Markdown files that users and contributors read. */
export const documents = [...markdown('.'), ...markdown('docs').map((file) => `docs/${file}`)].sort()

const express = `
import express from 'express'
import passport from 'passport'
const app: any = express()
`

/** What fragments leave out, by document and heading. */
export const surroundings = {
  'docs/frameworks.md': { 'Express with cookie-session': express, Fastify: `const app: any = 0; const passport: any = 0;` },
  'docs/nestjs.md': { 'With the Fastify adapter': "import type { FastifyReply, FastifyRequest } from 'fastify'; const app: any = 0;" },
  'docs/linking.md': {
    'Link with passReqToCallback': `
import 'express-session'
declare module 'express-session' { interface SessionData { linkTo?: string } }
const users: any = 0
const app: any = 0
`,
  },
}

/** What plain JavaScript cannot say: untyped modules, Jest's globals, and what a user is in the guides. */
const ambient = {
  'modules.d.ts': ['koa', 'koa-passport', 'cookie-session', '@huggingface/hub', '@huggingface/inference']
    .map((name) => `declare module '${name}'`)
    .join('\n'),
  'globals.d.ts': `
    declare const test: (name: string, run: () => Promise<void>) => void
    declare namespace Express {
      interface User { [field: string]: any }
      interface AuthInfo { state?: any }
      interface Request { account?: any }
    }`,
}

/** The TypeScript and JavaScript samples of all documents. Those that begin with a comment such as `// server.js` are files of a small project. */
export const samples = documents.flatMap((document) => {
  const page = document.replace(/\.md$/, '').replaceAll('/', '-')
  const text = read(document)
  return [...text.matchAll(/^```(ts|js)\n([\s\S]*?)^```$/gm)].map(({ 1: language, 2: code, index }) => {
    const before = text.slice(0, index).replace(/^```[\s\S]*?^```/gm, '')
    const heading = [...before.matchAll(/^#+\s+(.+)$/gm)].at(-1)?.[1]
    const line = text.slice(0, index).split('\n').length + 1
    const file = code.match(/^\/\/ ([\w./-]+\.(?:js|ts))\n/)?.[1]
    const around = surroundings[document]?.[heading]
    const isFragment = around !== undefined && !file && !code.includes('.listen(')
    // a fragment begins in the third line then
    const whole = isFragment ? `${around.trim().replaceAll('\n', '; ')}\n\n${code}` : code
    const name = file ? `${page}/${file.replace(/\.\w+$/, '')}` : `${page}-line-${line}`
    return { document, page, language, heading, line, file, isFragment, name, text: whole, firstLine: isFragment ? line - 2 : line }
  })
})

/** Each guide is a small project in a folder of its own. All see the same modules as this project. */
export const folder = mkdtempSync(path.join(tmpdir(), 'passport-huggingface-docs-'))

export function write(file, text) {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
  writeFileSync(path.join(folder, file), text)
}

/** What TypeScript has made of a file. */
export const emitted = (name) => readFileSync(path.join(folder, 'built', `${name}.js`), 'utf8')

export function tsc(project) {
  const args = [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', project, '--pretty', 'false']
  const { stdout, stderr, error } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
  if (error || stderr) throw error ?? new Error(stderr)
  return stdout
}

/** Compiles all samples into the folder `built`. Returns the complaints. */
export function compileAll() {
  lendModules(folder)
  write('package.json', '{ "private": true, "type": "module" }')
  // the app that some guides import: they say what it is, and are run with it
  for (const page of ['docs-other-hosts', ...['jest', 'vitest', 'node-test'].map((runner) => `docs-testing/${runner}`)]) {
    write(`${page}/app.js`, 'export const app = undefined')
  }
  for (const { page, file, text } of samples) if (file) write(`${page}/${file}`, text)
  const lenient = { strict: false, noImplicitAny: false }
  return [
    ...compile((sample) => sample.language === 'ts', 'ts', { strict: true, noUncheckedIndexedAccess: true }),
    // Passport's types have to be told what a user is, which only TypeScript can do
    ...compile((sample) => sample.language === 'js' && sample.isFragment, 'ts', lenient),
    ...compile((sample) => sample.language === 'js' && !sample.isFragment, 'js', { ...lenient, allowJs: true, checkJs: true }),
  ]
}

function compile(which, extension, options) {
  const written = samples.filter(which)
  for (const { file, name, text } of written) if (!file) write(`${name}.${extension}`, text)
  const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true }
  const output = { module: 'nodenext', moduleDetection: 'force', rootDir: '.', outDir: 'built' }
  const libraries = { target: 'es2023', lib: ['es2023', 'dom', 'dom.iterable'], types: ['node'], skipLibCheck: true }
  const declarations = options.strict ? [] : Object.keys(ambient)
  for (const file of declarations) write(file, ambient[file])
  const files = [...declarations, ...written.map(({ name }) => `${name}.${extension}`)]
  write('tsconfig.json', JSON.stringify({ compilerOptions: { ...decorators, ...output, ...libraries, ...options }, files }))
  const lines = tsc('.')
    .split('\n')
    .filter((line) => /error TS/.test(line))
  const foreign = lines.filter((line) => !written.some(({ name }) => line.startsWith(`${name}.`)))
  if (foreign.length) throw new Error(foreign.join('\n'))
  return lines
}
