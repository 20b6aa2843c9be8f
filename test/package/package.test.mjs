// Packs the package, installs the tarball into two projects and uses it there: what is tested is what is published.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { samples } from '../docs/samples.mjs'
import { root } from '../support/modules.js'

const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
const limit = 5 * 60_000
const publicNames =
  `AuthorizationError CookieStateStore HubError HuggingFaceStrategy InternalOAuthError SessionStateStore Strategy TokenError
  spaceOptions`.split(/\s+/)
/** The oldest and the newest of each major version, and how they look for modules. */
const typescripts = { '5.0': ['nodenext', 'bundler'], 5.9: ['nodenext'], 7: ['nodenext', 'bundler'] }
const compilers = Object.keys(typescripts).map((version) => `typescript-${version}@npm:typescript@${version}`)
const others = `express@5 express-session passport@0.7 @types/node@20 @types/express @types/express-session oidc-provider@9
  @nestjs/common@11 @nestjs/passport@11 reflect-metadata@0.2 rxjs@7 supertest jest@29 vitest@4 ${compilers.join(' ')}`

const scratch = mkdtempSync(path.join(tmpdir(), 'passport-huggingface-'))
const tarball = path.join(scratch, `${manifest.name}-${manifest.version}.tgz`)
/** Has nothing but the tarball. Each package sees only what it names itself, as with pnpm. */
const alone = path.join(scratch, 'alone')
/** Has what apps have. */
const shared = path.join(scratch, 'shared')
const installed = path.join(alone, 'node_modules', manifest.name)

before(
  async () => {
    await run('npm', ['pack', '--silent', '--pack-destination', scratch], root)
    await Promise.all([install(alone, ['--install-strategy=linked', '@types/node@20']), install(shared, others.split(/\s+/))])
  },
  { timeout: limit },
)

after(() => rmSync(scratch, { recursive: true, force: true }))

test('the tarball has built files and documents, and nothing else', async () => {
  const expected = /^package\/(dist\/[\w/-]+\.(d\.ts|js)|docs\/[\w-]+\.md|(CHANGELOG|README|SECURITY)\.md|LICENSE|package\.json)$/
  for (const file of (await run('tar', ['-tzf', tarball], scratch)).trim().split('\n')) assert.match(file, expected)
})

test('the tarball names nothing of the machine it was built on', () => {
  for (const file of files(installed)) assert.ok(!readFileSync(file, 'utf8').includes(root), file)
})

test('everything that the code loads is a dependency, and every dependency is loaded', async () => {
  const built = files(path.join(installed, 'dist'))
  const code = built.map((file) => readFileSync(file, 'utf8')).join()
  for (const name of Object.keys(manifest.dependencies)) assert.match(code, new RegExp(`["']${name.replace('@types/', '')}["']`))
  // the command would start
  const modules = built.filter((file) => /(?<!cli)\.js$/.test(file))
  await run(process.execPath, ['-e', `${JSON.stringify(modules)}.forEach((file) => require(file))`], alone)
})

test('require and import give the public names, of the same classes', async () => {
  const script = `
    import assert from 'node:assert/strict'
    import { createRequire } from 'node:module'
    import * as imported from 'passport-huggingface'
    import { ${publicNames.join(', ')} } from 'passport-huggingface'
    const names = ${JSON.stringify(publicNames)}
    const required = createRequire(import.meta.url)('passport-huggingface')
    assert.deepEqual({ ...required }, { ${publicNames.join(', ')} })
    assert.deepEqual(Object.keys(imported).filter((name) => !['default', 'module.exports', '__esModule'].includes(name)).sort(), names)`
  await run(process.execPath, ['--input-type=module', '-e', script], alone)
})

test('loading it loads no Passport and no server, and warns of nothing', async () => {
  const script = `
    require('passport-huggingface')
    console.log(JSON.stringify(Object.keys(require.cache).map((file) => file.split('node_modules/').pop().split('/')[0])))`
  const loaded = JSON.parse(await run(process.execPath, ['--throw-deprecation', '-e', script], shared))
  for (const name of ['passport', 'express', 'oidc-provider']) assert.ok(!loaded.includes(name), name)
  assert.ok(loaded.includes(manifest.name))
})

test('only the public entries can be loaded', async () => {
  const script = `
    require('passport-huggingface/package.json')
    require('passport-huggingface/testing')
    try { require('passport-huggingface/dist/strategy.js') } catch (error) { console.log(error.code) }`
  assert.equal((await run(process.execPath, ['-e', script], alone)).trim(), 'ERR_PACKAGE_PATH_NOT_EXPORTED')
})

test('without oidc-provider the local Hub says what to install', async () => {
  const script = `require('passport-huggingface/testing').startHub().catch((error) => console.log(error.message))`
  assert.match(await run(process.execPath, ['-e', script], alone), /npm install .*oidc-provider/)
})

describe('in a project', { concurrency: 2 }, () => {
  before(async () => {
    const typed = files(path.join(root, 'test/types')).filter((file) => /(expect|test-d)\.ts$/.test(file))
    for (const type of ['commonjs', 'module']) {
      write(`${type}/package.json`, JSON.stringify({ type }))
      for (const file of typed) cpSync(file, path.join(shared, type, path.basename(file)))
    }
    // the guide's tests, and the README's app with `app` exported, as the guide has it
    const app = samples[0].code.replace('const app =', 'export const app =').replace('app.listen(3000)', '')
    for (const [runner, type] of Object.entries({ jest: 'commonjs', vitest: 'module', 'node-test': 'module' })) {
      write(`${runner}/package.json`, JSON.stringify({ type }))
      write(`${runner}/app.ts`, app)
    }
    for (const { page, file, code } of samples) if (page === 'docs-testing') write(`${file}.js`, code)
    const apps = ['jest/app.ts', 'vitest/app.ts', 'node-test/app.ts']
    await compile(shared, '7', 'nodenext', apps)
  })

  for (const [version, modules] of Object.entries(typescripts)) {
    for (const module of modules) {
      test(`its types compile by TypeScript ${version}, with all declarations that they need: ${module}`, { timeout: limit }, () =>
        compile(shared, version, module, ['commonjs', 'module']),
      )
    }
  }

  test('its types need nothing that its own dependencies do not bring', { timeout: limit }, async () => {
    const app = `import { HuggingFaceStrategy } from 'passport-huggingface'
      import { startHub } from 'passport-huggingface/testing'
      new HuggingFaceStrategy({ clientID: 'x' }, async (_accessToken, _refreshToken, profile) => ({ id: profile.id }))
      // @ts-expect-error: a port is a number. If these types were lost, anything would be accepted.
      startHub({ port: '3000' })
      // @ts-expect-error: it is spelled clientID
      new HuggingFaceStrategy({ clientId: 'x' }, async () => false)`
    writeFileSync(path.join(alone, 'app.ts'), app)
    await compile(alone, '7', 'nodenext', ['app.ts'])
  })

  for (const [name, folder, ...args] of [
    ['Jest 29', 'jest', path.join(shared, 'node_modules/jest/bin/jest.js'), '--rootDir', '.'],
    ['Jest 30', 'jest', path.join(root, 'node_modules/jest/bin/jest.js'), '--rootDir', '.'],
    ['Vitest', 'vitest', path.join(shared, 'node_modules/vitest/vitest.mjs'), 'run'],
    ['node:test', 'node-test', '--test', 'app.test.js'],
  ]) {
    test(`the README's app compiles, and the guide's tests of it pass in ${name} without settings`, { timeout: limit }, () =>
      run(process.execPath, args, path.join(shared, folder)),
    )
  }

  test('publint finds nothing, strictly', () => run('npx', ['publint', 'run', tarball, '--strict'], root))

  test('attw finds no wrong types', () => run('npx', ['attw', tarball, '--no-color', '--no-emoji'], root))
})

function write(file, text) {
  mkdirSync(path.dirname(path.join(shared, file)), { recursive: true })
  writeFileSync(path.join(shared, file), text)
}

async function install(folder, packages) {
  mkdirSync(folder)
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: path.basename(folder), version: '1.0.0', private: true }))
  await run('npm', ['install', tarball, ...packages, '--no-audit', '--no-fund', '--prefer-offline'], folder)
}

/** Compiles TypeScript in a project, with every declaration that it leads to. */
async function compile(folder, version, module, include) {
  const strictly = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false }
  const resolution = module === 'bundler' ? { module: 'esnext', moduleResolution: module } : { module }
  const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true }
  const compilerOptions = { ...strictly, ...decorators, ...resolution, target: 'es2022', lib: ['es2022'], types: ['node'] }
  const config = `tsconfig.${version}.${module}.json`
  writeFileSync(path.join(folder, config), JSON.stringify({ compilerOptions, include }))
  await run(process.execPath, [path.join(shared, `node_modules/typescript-${version}/bin/tsc`), '-p', config], folder)
}

/** Standard output; if the command fails, the error has all that it wrote. */
async function run(command, args, cwd) {
  const { stdout } = await promisify(execFile)(command, args, { cwd, timeout: limit }).catch((error) => {
    error.message += error.stdout
    throw error
  })
  return stdout
}

function files(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
}
