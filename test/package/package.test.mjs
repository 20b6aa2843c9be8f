// Packs the package, installs the tarball into empty projects and uses it there: what is tested is what is published.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

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

test('the tarball has the built files, the documents, and nothing else', () => {
  const built = [...sources('lib', 'dist'), ...sources('testing', 'dist/testing')].flatMap((file) => [`${file}.d.ts`, `${file}.js`])
  const guides = readdirSync(path.join(root, 'docs')).map((file) => `docs/${file}`)
  const expected = ['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json', ...guides, ...built].sort()
  const packed = run('tar', ['-tzf', tarball], scratch).trim().split('\n')
  assert.deepEqual(packed.map((file) => file.replace(/^package\//, '')).sort(), expected)
})

test('the tarball names nothing of the machine it was built on', () => {
  for (const file of files(installed())) {
    assert.doesNotMatch(readFileSync(file, 'utf8'), new RegExp(escapeRegExp(root)), file)
  }
})

test('everything that the code loads is a dependency, and every dependency is loaded', () => {
  const dependencies = ['@types/passport', '@types/passport-oauth2', 'cookie', 'oauth', 'passport-oauth2']
  assert.deepEqual(Object.keys(manifest.dependencies).sort(), dependencies)
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

test('loading it loads no Passport and no server, and warns of nothing', () => {
  const script = `
    require('passport-huggingface')
    console.log(JSON.stringify(Object.keys(require.cache).map((file) => file.split('node_modules/').pop().split('/')[0]).sort()))`
  const loaded = new Set(JSON.parse(node(['--throw-deprecation', '-e', script])))
  for (const name of ['passport', 'express', 'oidc-provider']) assert.ok(!loaded.has(name), name)
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

const versions = ['5.0', '5.4', '5.9', '7']

test('its types compile with all declarations that they need, in every TypeScript', { timeout: limit }, () => {
  const others = [
    'express@5',
    'passport@0.7',
    '@types/node@20',
    ...versions.map((version) => `typescript-${version}@npm:typescript@${version}`),
  ]
  const folder = project('types', others)
  const samples = files(path.join(root, 'test/types')).filter((file) => /(expect|test-d)\.ts$/.test(file) && !file.includes('nest'))
  for (const type of ['commonjs', 'module']) {
    mkdirSync(path.join(folder, type))
    writeFileSync(path.join(folder, type, 'package.json'), JSON.stringify({ type }))
    for (const file of samples) cpSync(file, path.join(folder, type, path.basename(file)))
  }
  for (const version of versions) for (const module of ['nodenext', 'bundler']) compile(folder, version, module)
})

test('its types need nothing that its own dependencies do not bring', { timeout: limit }, () => {
  // each package sees only what it names itself, as with pnpm
  const folder = project('isolated', ['@types/node@20', 'typescript-7@npm:typescript@7'], ['--install-strategy=linked'])
  mkdirSync(path.join(folder, 'commonjs'))
  const app = `import { HuggingFaceStrategy } from 'passport-huggingface'
    import { startHub } from 'passport-huggingface/testing'
    new HuggingFaceStrategy({ clientID: 'x' }, async (_accessToken, _refreshToken, profile) => ({ id: profile.id }))
    // @ts-expect-error: a port is a number. If these types were lost, anything would be accepted.
    startHub({ port: '3000' })
    // @ts-expect-error: it is spelled clientID
    new HuggingFaceStrategy({ clientId: 'x' }, async () => false)`
  writeFileSync(path.join(folder, 'commonjs', 'app.ts'), app)
  compile(folder, '7', 'nodenext')
})

test('a Jest without settings signs somebody in, by babel-jest and ts-jest', { timeout: limit }, () => {
  const others = [
    'express@5',
    'passport@0.7',
    'oidc-provider@9',
    'jest@29',
    'ts-jest@29',
    'typescript@5',
    '@types/jest@29',
    '@types/node@20',
  ]
  const folder = project('jest', others)
  cpSync(path.join(projects, 'jest'), folder, { recursive: true })
  cpSync(path.join(folder, 'sign-in.test.js'), path.join(folder, 'typed.test.ts'))
  for (const owner of [folder, root])
    run(process.execPath, [path.join(owner, 'node_modules/jest/bin/jest.js'), '--rootDir', folder], folder)
})

test('a Nest 11 app in CommonJS with decorators compiles under TypeScript 5 and runs', { timeout: limit }, () => {
  const nest = ['common@11', 'core@11', 'passport@11', 'platform-express@11'].map((name) => `@nestjs/${name}`)
  const folder = project('nest', [...nest, 'passport@0.7', 'reflect-metadata@0.2', 'rxjs@7', 'typescript@5'])
  cpSync(path.join(projects, 'nest'), folder, { recursive: true })
  run(process.execPath, [path.join(folder, 'node_modules/typescript/bin/tsc'), '-p', '.'], folder)
  assert.match(run(process.execPath, ['dist/app.js'], folder), /^302 https:\/\/huggingface\.co\/oauth\/authorize\?/)
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

/** Compiles the TypeScript in the folders of a project, with every declaration that it leads to. */
function compile(folder, version, module) {
  const strictly = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, noEmit: true }
  const resolution = module === 'bundler' ? { module: 'esnext', moduleResolution: module } : { module }
  const compilerOptions = { ...strictly, ...resolution, target: 'es2022', lib: ['es2022'], types: ['node'] }
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['commonjs', 'module'] }))
  run(process.execPath, [path.join(folder, 'node_modules', `typescript-${version}`, 'bin/tsc'), '-p', '.'], folder)
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

function escapeRegExp(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
