// Packs the package, installs the tarball into empty projects and uses it there: what is tested is what is published.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { builtinModules, createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { samples } from '../docs/blocks.mjs'
import { signIn } from '../docs/sign-in.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const projects = fileURLToPath(new URL('projects', import.meta.url))
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
const limit = 5 * 60_000

const publicNames = [
  'AuthorizationError',
  'CookieStateStore',
  'HubError',
  'HuggingFaceStrategy',
  'InternalOAuthError',
  'SessionStateStore',
  'Strategy',
  'TokenError',
  'clientMetadata',
  'spaceOptions',
]

let scratch
let tarball
/** An empty project with nothing but the tarball and what it depends on. */
let plain

before(
  () => {
    scratch = mkdtempSync(path.join(tmpdir(), 'passport-huggingface-'))
    run('npm', ['pack', '--silent', '--pack-destination', scratch], root)
    tarball = path.join(scratch, `${manifest.name}-${manifest.version}.tgz`)
    plain = project('plain')
  },
  { timeout: limit },
)

after(() => rmSync(scratch, { recursive: true, force: true }))

test('the tarball has the built files, the four documents, and nothing else', () => {
  const built = [...sources('lib', 'dist'), ...sources('testing', 'dist/testing')].flatMap((file) => [`${file}.d.ts`, `${file}.js`])
  const expected = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json', ...built].sort()
  const packed = run('tar', ['-tzf', tarball], scratch).trim().split('\n')
  assert.deepEqual(packed.map((file) => file.replace(/^package\//, '')).sort(), expected)
})

test('the tarball names nothing of the machine it was built on', () => {
  for (const file of files(installed())) {
    assert.doesNotMatch(readFileSync(file, 'utf8'), new RegExp(escapeRegExp(root)), file)
  }
})

test('everything that the code loads is a dependency, and every dependency is loaded', () => {
  const used = new Set()
  for (const file of files(path.join(installed(), 'dist'))) {
    const optional = file.includes(`${path.sep}testing${path.sep}`) ? Object.keys(manifest.peerDependencies) : []
    const pattern = file.endsWith('.js')
      ? /(?:require|import)\(["']([^."'][^"']*)["']\)/g
      : /(?:from|import\(|declare module)\s*["']([^."'][^"']*)["']/g
    for (const [, name] of readFileSync(file, 'utf8').matchAll(pattern)) {
      if (name.startsWith('node:')) {
        assert.ok(builtinModules.includes(name.slice('node:'.length)), `${file}: ${name}`)
        continue
      }
      const owner = name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/')
      const names = file.endsWith('.js') ? [owner] : [owner, `@types/${owner}`]
      const allowed = names.filter((each) => each in manifest.dependencies || optional.includes(each))
      assert.notEqual(allowed.length, 0, `${file} loads ${name}`)
      for (const each of allowed) used.add(each)
    }
  }
  const unused = Object.keys(manifest.dependencies).filter((name) => !used.has(name))
  assert.deepEqual(unused, [])
})

test('installed with its dependencies alone, it is small', (context) => {
  const packages = Object.keys(JSON.parse(readFileSync(path.join(plain, 'node_modules/.package-lock.json'), 'utf8')).packages)
  const size = (folder) => files(folder).reduce((sum, file) => sum + statSync(file).size, 0)
  const types = packages.filter((name) => /\/(@types\/|undici-types$)/.test(name))
  const all = size(path.join(plain, 'node_modules'))
  const ofTypes = types.reduce((sum, name) => sum + size(path.join(plain, name)), 0)
  context.diagnostic(
    `the package: ${kB(size(installed()))}; with its dependencies: ${packages.length} packages, ${kB(all)}, of which types only: ${types.length} packages, ${kB(ofTypes)}`,
  )
  assert.ok(packages.includes('node_modules/jose'))
})

test('require gives the public names', () => {
  const script = 'console.log(JSON.stringify(Object.keys(require("passport-huggingface")).sort()))'
  assert.deepEqual(JSON.parse(node(['-e', script])), publicNames)
})

test('import gives the same names, of the same classes', () => {
  const script = `
    import { createRequire } from 'node:module'
    import * as imported from 'passport-huggingface'
    import { ${publicNames.join(', ')} } from 'passport-huggingface'
    const required = createRequire(import.meta.url)('passport-huggingface')
    for (const [name, value] of Object.entries({ ${publicNames.join(', ')} })) if (value !== required[name]) throw new Error(name)
    console.log(JSON.stringify(Object.keys(imported).filter((name) => !['default', 'module.exports', '__esModule'].includes(name)).sort()))`
  assert.deepEqual(JSON.parse(node(['--input-type=module', '-e', script])), publicNames)
})

test('loading it loads no Passport, no server and no jose, and warns of nothing', () => {
  const script = `
    require('passport-huggingface')
    console.log(JSON.stringify(Object.keys(require.cache).map((file) => file.split('node_modules/').pop().split('/')[0]).sort()))`
  const loaded = new Set(JSON.parse(node(['--throw-deprecation', '-e', script])))
  for (const name of ['passport', 'express', 'jose', 'oidc-provider']) assert.ok(!loaded.has(name), name)
})

test('only the public entries can be loaded', () => {
  const script = `
    require('passport-huggingface/package.json')
    require('passport-huggingface/testing')
    try { require('passport-huggingface/dist/strategy.js') } catch (error) { console.log(error.code) }`
  assert.equal(node(['-e', script]).trim(), 'ERR_PACKAGE_PATH_NOT_EXPORTED')
})

test('without oidc-provider the local Hub says what to install', () => {
  const script = `require('passport-huggingface/testing').startHub().catch((error) => console.log(error.message))`
  assert.match(node(['-e', script]), /npm install .*oidc-provider/)
})

for (const module of ['node16', 'nodenext', 'bundler']) {
  test(`TypeScript 7 compiles a use of it under ${module}, declarations of dependencies included`, () => {
    compile(path.join(root, 'node_modules/typescript'), plain, module)
  })
}

test('its types need nothing that its own dependencies do not bring', { timeout: limit }, () => {
  // each package sees only what it names itself, as with pnpm
  const isolated = project('isolated', ['@types/node@20'], ['--install-strategy=linked'])
  for (const module of ['node16', 'bundler']) compile(path.join(root, 'node_modules/typescript'), isolated, module)
})

test('a Jest with no settings loads it and begins a sign-in, today and in version 29', { timeout: limit }, () => {
  const folder = project('jest', ['express@5', 'passport@0.7', 'jest@29'])
  cpSync(path.join(projects, 'jest'), folder, { recursive: true })
  run(process.execPath, [path.join(folder, 'node_modules/jest/bin/jest.js')], folder)
  run(process.execPath, [path.join(root, 'node_modules/jest/bin/jest.js'), '--rootDir', folder], folder)
})

test('a Nest 11 app in CommonJS with decorators compiles under TypeScript 5 and runs', { timeout: limit }, () => {
  const nest = ['common@11', 'core@11', 'passport@11', 'platform-express@11'].map((name) => `@nestjs/${name}`)
  const folder = project('nest', [...nest, 'passport@0.7', 'reflect-metadata@0.2', 'rxjs@7', 'typescript@5'])
  cpSync(path.join(projects, 'nest'), folder, { recursive: true })
  run(process.execPath, [path.join(folder, 'node_modules/typescript/bin/tsc'), '-p', '.'], folder)
  assert.match(run(process.execPath, ['dist/app.js'], folder), /^302 https:\/\/huggingface\.co\/oauth\/authorize\?/)
  for (const module of ['node16', 'nodenext', 'bundler']) compile(path.join(folder, 'node_modules/typescript'), folder, module)
})

test("the README's first sample, pasted into an empty project, signs a person in", { timeout: limit }, async () => {
  const folder = project('readme', ['express@5', 'passport@0.7', 'oidc-provider@9'])
  const sample = samples(root).find(({ document }) => document === 'README.md')
  writeFileSync(path.join(folder, 'app.ts'), sample.text)
  run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '--module', 'nodenext', '--strict', 'app.ts'], folder)
  const { startHub } = createRequire(path.join(folder, 'package.json'))('passport-huggingface/testing')
  const compiled = path.join(folder, 'app.js')
  assert.match(await signIn(compiled, readFileSync(compiled, 'utf8'), startHub), /Ada Moreno/)
  // newer Node.js takes TypeScript as it is
  if (process.features.typescript) assert.match(await signIn(path.join(folder, 'app.ts'), sample.text, startHub), /Ada Moreno/)
})

test('publint finds nothing, strictly', () => {
  run(process.execPath, [bin('publint'), 'run', tarball, '--strict'], scratch)
})

test('attw finds no wrong types', () => {
  run(process.execPath, [bin('@arethetypeswrong/cli', 'attw'), tarball, '--no-color', '--no-emoji'], scratch)
})

/** A new project that the tarball is installed into, with other packages beside it. */
function project(name, others = [], flags = []) {
  const folder = path.join(scratch, name)
  mkdirSync(folder)
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name, version: '1.0.0', private: true }))
  run('npm', ['install', tarball, ...others, '--no-audit', '--no-fund', '--prefer-offline', ...flags], folder)
  return folder
}

/** Compiles a use of the package with every declaration it leads to. */
function compile(typescript, folder, module) {
  const name = `types-${path.basename(path.dirname(path.dirname(typescript)))}-${module}`
  cpSync(path.join(projects, 'typescript'), path.join(folder, name), { recursive: true })
  const options = {
    ...(module === 'bundler' ? { module: 'esnext', moduleResolution: module } : { module }),
    target: 'es2022',
    lib: ['es2022'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  }
  writeFileSync(path.join(folder, name, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['app.ts', 'module.mts'] }))
  run(process.execPath, [path.join(typescript, 'bin/tsc'), '-p', name], folder)
}

function node(args) {
  return run(process.execPath, args, plain)
}

/** Standard output; where the command fails, the error has all that it wrote. */
function run(command, args, cwd) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: limit })
  } catch (error) {
    throw new Error(`${path.basename(command)} ${args.join(' ')}\n${error.stdout}${error.stderr}`, { cause: error.code })
  }
}

function installed() {
  return path.join(plain, 'node_modules', manifest.name)
}

function sources(folder, built) {
  const all = readdirSync(path.join(root, folder), { recursive: true }).map((file) => file.split(path.sep).join('/'))
  return all.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts')).map((file) => `${built}/${file.slice(0, -'.ts'.length)}`)
}

function files(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
}

/** Where a development dependency has its command. */
function bin(name, command = name) {
  const { bin } = JSON.parse(readFileSync(path.join(root, 'node_modules', name, 'package.json'), 'utf8'))
  return path.join(root, 'node_modules', name, typeof bin === 'string' ? bin : bin[command])
}

function kB(bytes) {
  return `${Math.round(bytes / 1000)} kB`
}

function escapeRegExp(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
