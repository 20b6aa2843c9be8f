// Packs the package, installs the tarball into two projects and uses it there: what is tested is what is published.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { root } from '../support/modules.mjs'

const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
const limit = 5 * 60_000
const publicNames =
  `AuthorizationError CookieStateStore HubError HuggingFaceStrategy InternalOAuthError SessionStateStore Strategy TokenError
  spaceOptions`.split(/\s+/)
/** The oldest and the newest of each major version, and how they look for modules. */
const typescripts = { '5.0': ['nodenext', 'bundler'], 5.9: ['nodenext'], 7: ['nodenext', 'bundler'] }
const nest = ['common@11', 'core@11', 'passport@11', 'platform-express@11'].map((name) => `@nestjs/${name}`)
const others = `express@5 passport@0.7 @types/node@20 oidc-provider@9 jest@29 ts-jest@29 typescript@5 @types/jest@29
  reflect-metadata@0.2 rxjs@7 ${nest.join(' ')} ${Object.keys(typescripts)
    .map((version) => `typescript-${version}@npm:typescript@${version}`)
    .join(' ')}`

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

test('the tarball has the built files, the documents, and nothing else', async () => {
  const built = [...sources('lib', 'dist'), ...sources('testing', 'dist/testing')].flatMap((file) => [`${file}.d.ts`, `${file}.js`])
  const guides = readdirSync(path.join(root, 'docs')).map((file) => `docs/${file}`)
  const expected = ['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json', ...guides, ...built].sort()
  const packed = (await run('tar', ['-tzf', tarball], scratch)).trim().split('\n')
  assert.deepEqual(packed.map((file) => file.replace(/^package\//, '')).sort(), expected)
})

test('the tarball names nothing of the machine it was built on', () => {
  for (const file of files(installed)) assert.ok(!readFileSync(file, 'utf8').includes(root), file)
})

test('everything that the code loads is a dependency, and every dependency is loaded', () => {
  const dependencies = ['@types/passport', '@types/passport-oauth2', 'cookie', 'oauth', 'passport-oauth2']
  assert.deepEqual(Object.keys(manifest.dependencies).sort(), dependencies)
  const used = new Set()
  for (const file of files(path.join(installed, 'dist'))) {
    const optional = file.includes(`${path.sep}testing${path.sep}`) ? Object.keys(manifest.peerDependencies) : []
    const isCode = file.endsWith('.js')
    const loading = isCode ? /(?:require|import)\(["']([^."'][^"']*)["']\)/g : /(?:from|import\(|declare module)\s*["']([^."'][^"']*)["']/g
    for (const [, name] of readFileSync(file, 'utf8').matchAll(loading)) {
      const [, owner] = /^((?:@[^/]+\/)?[^/]+)/.exec(name)
      const providers = [owner, ...(isCode ? [] : [`@types/${owner}`])].filter((each) => [...dependencies, ...optional].includes(each))
      assert.ok(providers.length > 0 || (name.startsWith('node:') && builtinModules.includes(name.slice(5))), `${file} loads ${name}`)
      for (const each of providers) used.add(each)
    }
  }
  assert.deepEqual(
    dependencies.filter((name) => !used.has(name)),
    [],
  )
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
  before(() => {
    const typed = files(path.join(root, 'test/types')).filter((file) => /(expect|test-d)\.ts$/.test(file) && !file.includes('nest'))
    for (const type of ['commonjs', 'module']) {
      mkdirSync(path.join(shared, type))
      writeFileSync(path.join(shared, type, 'package.json'), JSON.stringify({ type }))
      for (const file of typed) cpSync(file, path.join(shared, type, path.basename(file)))
    }
    cpSync(path.join(import.meta.dirname, 'projects'), shared, { recursive: true })
    cpSync(path.join(shared, 'jest/sign-in.test.js'), path.join(shared, 'jest/typed.test.ts'))
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

  for (const [version, owner] of Object.entries({ 29: shared, 30: root })) {
    test(`somebody signs in in Jest ${version} without settings, by babel-jest and ts-jest`, { timeout: limit }, () =>
      run(process.execPath, [path.join(owner, 'node_modules/jest/bin/jest.js'), '--rootDir', '.'], path.join(shared, 'jest')),
    )
  }

  test('a Nest 11 app in CommonJS with decorators compiles by TypeScript 5 and runs', { timeout: limit }, async () => {
    const folder = path.join(shared, 'nest')
    await run(process.execPath, [path.join(shared, 'node_modules/typescript/bin/tsc'), '-p', '.'], folder)
    assert.match(await run(process.execPath, ['dist/app.js'], folder), /^302 https:\/\/huggingface\.co\/oauth\/authorize\?/)
  })

  test('publint finds nothing, strictly', () => run('npx', ['publint', 'run', tarball, '--strict'], root))

  test('attw finds no wrong types', () => run('npx', ['attw', tarball, '--no-color', '--no-emoji'], root))
})

async function install(folder, packages) {
  mkdirSync(folder)
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: path.basename(folder), version: '1.0.0', private: true }))
  await run('npm', ['install', tarball, ...packages, '--no-audit', '--no-fund', '--prefer-offline'], folder)
}

/** Compiles TypeScript in a project, with every declaration that it leads to. */
async function compile(folder, version, module, include) {
  const strictly = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, noEmit: true }
  const resolution = module === 'bundler' ? { module: 'esnext', moduleResolution: module } : { module }
  const compilerOptions = { ...strictly, ...resolution, target: 'es2022', lib: ['es2022'], types: ['node'] }
  const config = `tsconfig.${version}.${module}.json`
  writeFileSync(path.join(folder, config), JSON.stringify({ compilerOptions, include }))
  await run(process.execPath, [path.join(shared, `node_modules/typescript-${version}/bin/tsc`), '-p', config], folder)
}

/** Standard output; if the command fails, the error has all that it wrote. */
function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, timeout: limit }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${path.basename(command)} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error.code }))
      else resolve(stdout)
    })
  })
}

function sources(folder, built) {
  const all = readdirSync(path.join(root, folder), { recursive: true }).map((file) => file.split(path.sep).join('/'))
  return all.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts')).map((file) => `${built}/${file.slice(0, -'.ts'.length)}`)
}

function files(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
}
