// What the documentation says is compiled, run and compared with the code.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startHub } from 'passport-huggingface/testing'
import { anchors, documents, firstColumn, internalLinks, prose, samples, section } from './blocks.mjs'
import { guides, loader } from './guides.mjs'
import { load, signIn, startApp } from './sign-in.mjs'
import { surrounded, surroundings } from './surroundings.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file) => readFileSync(path.join(root, file), 'utf8')
const readme = read('README.md')
const all = samples(root).map(surrounded)
const [first] = all.filter(({ document }) => document === 'README.md')
const limit = { timeout: 90_000 }

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

/** The app that some guides import. They say what it is, and are run with it. */
const imported = ['docs-other-hosts', 'docs-testing/jest', 'docs-testing/vitest', 'docs-testing/node-test']

/** Each guide is a small project in a folder of its own. All see the same modules as this project. */
const folder = mkdtempSync(path.join(tmpdir(), 'passport-huggingface-docs-'))
after(() => rmSync(folder, { recursive: true, force: true }))
lendModules()
write('package.json', '{ "private": true, "type": "module" }')
for (const page of imported) write(`${page}/app.js`, 'export const app = undefined')
for (const { page, file, text } of all) if (file) write(`${page}/${file}`, text)

describe('samples', () => {
  let complaints

  before(() => {
    const lenient = { strict: false, noImplicitAny: false }
    complaints = [
      ...compile((sample) => sample.language === 'ts', 'ts', { strict: true, noUncheckedIndexedAccess: true }),
      // Passport's types have to be told what a user is, which only TypeScript can do
      ...compile((sample) => sample.language === 'js' && sample.isFragment, 'ts', lenient),
      ...compile((sample) => sample.language === 'js' && !sample.isFragment, 'js', { ...lenient, allowJs: true, checkJs: true }),
    ]
  })

  for (const sample of all) {
    const title = `${sample.document}, line ${sample.isFragment ? sample.line + 2 : sample.line}`

    test(`${title}: compiles`, () => {
      // `README-line-7.ts(3,5): error …` is line 9 of README.md
      const own = complaints.filter((line) => line.startsWith(`${nameOf(sample)}.`))
      assert.deepEqual(
        own.map((line) => line.replace(/^[^(]*\((\d+)/, (_, number) => `${sample.document}(${sample.line - 1 + Number(number)}`)),
        [],
      )
    })

    if (sample.isFragment || sample.file || sample === first || sample.text.includes('@huggingface/')) continue
    const file = path.join(folder, `${sample.name}-run.js`)
    if (/\.listen\(/.test(sample.text)) {
      test(`${title}: signs a person in`, limit, async () => {
        assert.match(await signIn(file, emitted(sample), startHub), /\bada\b/i)
      })
    } else {
      test(`${title}: loads`, limit, () => load(file, emitted(sample), startHub))
    }
  }
})

describe("the README's first sample, pasted into an empty project", () => {
  for (const type of ['module', 'commonjs']) {
    test(`compiles, signs a person in, keeps them signed in and signs them out: ${type}`, limit, async () => {
      write(`${type}/package.json`, JSON.stringify({ type }))
      write(`${type}/app.ts`, first.text)
      const compilerOptions = { strict: true, module: 'nodenext', target: 'es2022', types: ['node'] }
      write(`${type}/tsconfig.json`, JSON.stringify({ compilerOptions }))
      assert.equal(tsc(type), '')
      const text = readFileSync(path.join(folder, type, 'app.js'), 'utf8')
      const app = await startApp(path.join(folder, type, 'app.js'), text, startHub)
      try {
        const ada = app.browser()
        assert.match((await ada.visit('/auth/huggingface', 'ada')).body, /Ada Moreno/)
        assert.match((await ada.get('/')).body, /Ada Moreno/)
        assert.match((await ada.visit('/sign-out', '', {}, 'POST')).body, /alt="Sign in with Hugging Face"/)
        app.hub.faults = { token: { status: 503 } }
        const broken = await ada.visit('/auth/huggingface', 'ada')
        assert.deepEqual([broken.status, broken.body], [502, 'Something went wrong. Please try again later.'])
      } finally {
        await app.close()
      }
    })
  }
})

describe('guides', () => {
  for (const [page, guide] of Object.entries(guides)) {
    test(page, limit, () => {
      const here = path.join(folder, page)
      const samplesHere = all.filter((sample) => sample.page === page)
      const files = Object.fromEntries(samplesHere.filter(({ file }) => file).map(({ file, text }) => [file, text]))
      const load = loader(here)
      const require = createRequire(path.join(folder, 'package.json'))
      const put = (name, text) => write(`${page}/${name}`, text)
      const built = (name) => readFileSync(path.join(folder, 'built', page, name), 'utf8')
      return guide({ folder: here, files, built, all: samplesHere, load, require, write: put, readme: emitted(first), startHub })
    })
  }

  test('each one that is a project is run', () => {
    const projects = new Set(all.filter(({ file }) => file).map(({ page }) => page))
    assert.deepEqual(missing([...projects], Object.keys(guides)), [])
  })
})

describe('safePath, the check of returnTo', () => {
  const evil = ['/\t/evil.example', '//evil.example', '/\\evil.example', 'https://evil.example', '\\/evil.example', '/.//evil.example']
  const more = [
    '/..//evil.example',
    '/x/..//evil',
    '/\n/evil',
    '/%2e//evil',
    '/./\\evil',
    '\t//evil',
    'javascript:alert(1)',
    '',
    '/\\',
    '///',
    '//base.invalid/x',
    '/.//base.invalid',
  ]
  const parts = [
    '/',
    '\\',
    '.',
    '..',
    '\t',
    '\n',
    '\r',
    ' ',
    '@',
    ':',
    '?',
    '#',
    '%2e',
    '%2f',
    '%5c',
    'evil.example',
    'http:',
    '\u3002',
    '\u2044',
    '\0',
    '[',
  ]
  const checked = async () => (await loader(path.join(folder, 'docs-accounts'))('return-to.js')).safePath
  const origin = 'https://app.example'
  const target = (location) => new URL(location, `${origin}/auth/huggingface/callback`)

  test('refuses what leads elsewhere', async () => {
    const safePath = await checked()
    for (const returnTo of [...evil, undefined, null, 1, {}, ['/x'], 'models'])
      assert.equal(safePath(returnTo), '/', JSON.stringify(returnTo))
    for (const returnTo of [...evil, ...more]) assert.equal(target(safePath(returnTo)).origin, origin, JSON.stringify(returnTo))
  })

  test('keeps paths', async () => {
    const safePath = await checked()
    const paths = [
      '/',
      '/models',
      '/models?sort=new&q=a%20b#top',
      '/a/b/../c',
      '/search?next=https://x.example//',
      '/@ada',
      '/x:y',
      '/a//b',
    ]
    for (const returnTo of paths) assert.equal(target(safePath(returnTo)).href, target(returnTo).href)
  })

  test('refuses whatever can be put together', async () => {
    const safePath = await checked()
    // a fixed sequence, so that a failure can be repeated
    let seed = 1
    const next = (below) => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    for (let round = 0; round < 50_000; round++) {
      const returnTo = `/${Array.from({ length: 1 + next(7) }, () => parts[next(parts.length)]).join('')}`
      const location = safePath(returnTo)
      assert.equal(target(location).origin, origin, JSON.stringify(returnTo))
      assert.match(location, /^\/(?![/\\])/, JSON.stringify(returnTo))
    }
  })

  test('is written down once', () => {
    const elsewhere = all.filter(({ text, file }) => file !== 'return-to.js' && /returnTo\b.*(startsWith|match|test\()/.test(text))
    assert.deepEqual(elsewhere, [])
  })
})

describe('the README', () => {
  test('has at most 250 lines', () => {
    assert.ok(readme.trimEnd().split('\n').length <= 250)
  })

  test('has a row for each code of a failure', () => {
    const errors = read('lib/errors.ts')
    const rows = firstColumn(section(readme, 'When it does not work'))
    const codes = ['HubErrorCode', 'SignInFailureCode'].flatMap((type) => union(errors, type))
    assert.ok(codes.includes('timeout') && codes.includes('invalid_host'))
    const others = ['HubError', 'info.code']
    assert.deepEqual([missing(codes, rows), missing(rows, [...codes, ...others])], [[], []])
  })

  test('has a row for each option of the strategy', () => {
    const options = [...members(read('lib/options.ts'), 'CommonOptions'), 'passReqToCallback']
    const moved = ['authorizationURL', 'tokenURL', 'userProfileURL']
    assert.ok(options.includes('clientID') && options.includes('restart'))
    const rows = firstColumn(section(readme, 'Options'))
    assert.deepEqual([missing(options, [...rows, ...moved]), missing(rows, options)], [[], []])
    for (const name of moved) assert.ok(readme.includes(`\`${name}\``), name)
  })

  test('names each option of passport.authenticate', () => {
    for (const name of members(read('lib/options.ts'), 'HuggingFaceAuthenticateOptions')) assert.ok(readme.includes(`\`${name}\``), name)
  })

  test('has a row for each field of the profile', () => {
    const fields = members(read('lib/profile.ts'), 'HuggingFaceProfile')
    assert.ok(fields.includes('emails') && fields.includes('orgs'))
    assert.deepEqual(missing(fields, firstColumn(section(readme, 'The profile'))), [])
    for (const name of members(read('lib/profile.ts'), 'HuggingFaceOrg')) assert.ok(readme.includes(`\`${name}\``), name)
  })

  test('names the versions of the frameworks that are installed', () => {
    const cells = section(readme, 'Routes and frameworks').matchAll(/`([@\w/.:-]+)` (\d+\.\d+\.\d+)/g)
    const named = [...cells].map(([, name, version]) => [name, version])
    assert.ok(named.length > 8)
    const version = (name) => JSON.parse(readFileSync(path.join(folder, 'node_modules', name, 'package.json'), 'utf8')).version
    assert.deepEqual(
      named,
      named.map(([name]) => [name, version(name)]),
    )
  })

  test('links to no file, since it is read on the registry too, and names files of the package', () => {
    assert.deepEqual(
      internalLinks(readme).filter((link) => !link.startsWith('#')),
      [],
    )
    const named = [...readme.matchAll(/`((?:docs\/)?[\w-]+\.md)`/g)].map(([, file]) => file)
    assert.deepEqual(
      named.filter((file) => !existsSync(path.join(root, file)) && !existsSync(path.join(root, 'docs', file))),
      [],
    )
    const { files } = JSON.parse(read('package.json'))
    assert.deepEqual(missing(['docs', 'SECURITY.md'], files), [])
  })

  test('names each guide', () => {
    for (const file of readdirSync(path.join(root, 'docs'))) assert.ok(file === 'README.md' || readme.includes(file), file)
  })
})

for (const document of documents(root)) {
  test(`${document}: its links lead somewhere`, () => {
    const broken = internalLinks(read(document)).filter((link) => {
      const [target, anchor] = link.split('#')
      const file = target ? path.join(path.dirname(document), target) : document
      return !existsSync(path.join(root, file)) || (anchor && !anchors(read(file)).includes(anchor))
    })
    assert.deepEqual(broken, [])
  })

  test(`${document}: the scripts that it names exist`, () => {
    const { scripts } = JSON.parse(read('package.json'))
    const own = [...read(document).matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)].map(([, script, usual]) => script ?? usual)
    assert.deepEqual(missing(own, Object.keys(scripts)), [])
  })

  test(`${document}: no line is left unfinished, and no sentence has two colons`, () => {
    const text = prose(read(document))
    assert.doesNotMatch(text, /\b(?:TODO|FIXME|TBD|XXX)\b/)
    const sentences = text
      .replace(/`[^`]*`|\]\([^)]*\)|<[^>]*>/g, 'x')
      .split(/\n\n|\n[|-]|\n\d\.|[.!?|]\s/)
      .filter((sentence) => (sentence.match(/:\s/g) ?? []).length > 1)
    assert.deepEqual(sentences, [])
  })
}

test('the guides are in the index, and none has more than 150 lines', () => {
  const pages = readdirSync(path.join(root, 'docs')).filter((file) => file !== 'README.md')
  assert.deepEqual(missing(pages, internalLinks(read('docs/README.md'))), [])
  assert.deepEqual(
    pages.filter((file) => read(`docs/${file}`).trimEnd().split('\n').length > 150),
    [],
  )
})

test('what fragments leave out belongs to a section', () => {
  for (const [document, sections] of Object.entries(surroundings)) {
    const headings = all.filter((sample) => sample.document === document && sample.isFragment).map(({ heading }) => heading)
    assert.deepEqual(missing(Object.keys(sections), headings), [], document)
  }
})

function write(file, text) {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
  writeFileSync(path.join(folder, file), text)
}

function emitted({ name }) {
  return readFileSync(path.join(folder, 'built', `${name}.js`), 'utf8')
}

function nameOf({ page, file, name }) {
  return file ? `${page}/${file.replace(/\.\w+$/, '')}` : name
}

/** The complaints about the samples of a kind. Emits them as JavaScript into the folder `built`. */
function compile(which, extension, options) {
  const written = all.filter(which)
  for (const sample of written) if (!sample.file) write(`${sample.name}.${extension}`, sample.text)
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2023', 'dom', 'dom.iterable'],
    module: 'nodenext',
    moduleDetection: 'force',
    types: ['node'],
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    skipLibCheck: true,
    rootDir: '.',
    outDir: 'built',
    ...options,
  }
  const declarations = options.strict ? [] : Object.keys(ambient)
  for (const file of declarations) write(file, ambient[file])
  const files = [...declarations, ...written.map((sample) => `${nameOf(sample)}.${extension}`)]
  write('tsconfig.json', JSON.stringify({ compilerOptions, files }))
  const lines = tsc('.')
    .split('\n')
    .filter((line) => /error TS/.test(line))
  const foreign = lines.filter((line) => !written.some((sample) => line.startsWith(`${nameOf(sample)}.`)))
  if (foreign.length) throw new Error(foreign.join('\n'))
  return lines
}

function tsc(project) {
  const args = [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', project, '--pretty', 'false']
  const { stdout, stderr, error } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
  if (error || stderr) throw error ?? new Error(stderr)
  return stdout
}

/** The same modules as this project has, and this package among them. */
function lendModules() {
  const modules = path.join(folder, 'node_modules')
  mkdirSync(modules)
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name))
  }
  symlinkSync(root, path.join(modules, 'passport-huggingface'))
}

/** The strings of `export type Name = 'a' | 'b'`. */
function union(source, name) {
  const body = source.match(new RegExp(`type ${name} =([^/]*?)\\n\\n`))?.[1] ?? ''
  return [...body.matchAll(/'([^']+)'/g)].map(([, code]) => code)
}

/** The members of `interface Name { … }`. */
function members(source, name) {
  const body = source.match(new RegExp(`interface ${name}\\b[^{]*\\{([\\s\\S]*?)\\n\\}`))?.[1] ?? ''
  return [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, member]) => member)
}

function missing(wanted, present) {
  return wanted.filter((each) => !present.includes(each))
}
