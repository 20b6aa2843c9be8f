// What the documentation says is compiled, run and compared with the code.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startHub } from 'passport-huggingface/testing'
import { anchors, documents, firstColumn, internalLinks, prose, samples, section } from './blocks.mjs'
import { load, signIn } from './sign-in.mjs'
import { surroundings } from './surroundings.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file) => readFileSync(path.join(root, file), 'utf8')
const readme = read('README.md')
/** A fragment is compiled among the names that its section takes for granted; it begins in the third line then. */
const all = samples(root).map((sample) => {
  const around = surroundings[sample.document]?.[sample.heading]
  if (around === undefined) return sample
  const text = sample.text.replaceAll('{ …', '{ ...options')
  return {
    ...sample,
    line: sample.line - 2,
    text: `${around.trim().replaceAll('\n', '; ')}\n\n${text}`,
    isFragment: true,
    firstLine: sample.line,
  }
})

describe('samples', () => {
  let folder
  let complaints

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'passport-huggingface-docs-'))
    lendModules(path.join(folder, 'node_modules'))
    writeFileSync(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }')
    complaints = [
      ...compile((sample) => sample.extension === 'ts', 'ts', { strict: true, noUncheckedIndexedAccess: true, types: ['node'] }),
      // plain JavaScript: names, modules and options are checked. Passport's types want to know what a user is, which only TypeScript can tell them
      ...compile((sample) => sample.extension === 'mjs' && !sample.isFragment, 'mjs', {
        strict: false,
        allowJs: true,
        checkJs: true,
        types: ['node'],
      }).filter(isNoMatterOfTypes),
      ...compile((sample) => sample.extension === 'mjs' && sample.isFragment, 'ts', { strict: false, types: ['node'] }).filter(
        isNoMatterOfTypes,
      ),
    ]
  })

  after(() => rmSync(folder, { recursive: true, force: true }))

  test('the first one is a whole app', () => {
    assert.match(all.find(({ document }) => document === 'README.md')?.text ?? '', /import[\s\S]*app\.listen\(/)
  })

  for (const sample of all) {
    const title = `${sample.document}, line ${sample.firstLine ?? sample.line}`

    test(`${title}: compiles`, () => {
      // `README-line-7.ts(3,5): error …` is line 9 of README.md
      const own = complaints.filter((line) => line.startsWith(`${sample.name}.`))
      const moved = own.map((line) =>
        line.replace(/^[^(]*\((\d+)/, (_, number) => `${sample.document}(${sample.line - 1 + Number(number)}`),
      )
      assert.deepEqual(moved, [])
    })

    if (sample.isFragment) continue
    if (isServer(sample)) {
      test(`${title}: signs a person in`, { timeout: 60_000 }, async () => {
        const { file, text } = emitted(sample)
        // the page shows the person, in whatever form
        assert.match(await signIn(file, text, startHub), /\bada\b/i)
      })
    } else if (!sample.text.includes('…')) {
      // one with a … in it is not meant to run
      test(`${title}: loads`, { timeout: 60_000 }, async () => {
        const { file, text } = emitted(sample)
        await load(file, text, startHub)
      })
    }
  }

  function compile(which, extension, options) {
    const written = all.filter(which)
    if (!written.length) return []
    for (const { name, text } of written) writeFileSync(path.join(folder, `${name}.${extension}`), text)
    const compilerOptions = {
      target: 'es2023',
      lib: ['es2023', 'dom'],
      module: 'nodenext',
      moduleDetection: 'force',
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      skipLibCheck: true,
      outDir: 'built',
      ...options,
    }
    const config = path.join(folder, 'tsconfig.json')
    writeFileSync(config, JSON.stringify({ compilerOptions, files: written.map(({ name }) => `${name}.${extension}`) }))
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc')
    const { stdout, stderr, error } = spawnSync(process.execPath, [tsc, '-p', config, '--pretty', 'false'], {
      cwd: folder,
      encoding: 'utf8',
    })
    if (error || stderr) throw error ?? new Error(stderr)
    const lines = stdout.split('\n').filter((line) => /error TS/.test(line))
    const foreign = lines.filter((line) => !written.some(({ name }) => line.startsWith(`${name}.`)))
    if (foreign.length) throw new Error(foreign.join('\n'))
    return lines
  }

  /** Beside node_modules, so that it finds what it imports. */
  function emitted({ name, extension }) {
    const text = readFileSync(path.join(folder, 'built', `${name}.${extension === 'ts' ? 'js' : 'mjs'}`), 'utf8')
    const file = path.join(folder, `${name}-run.mjs`)
    writeFileSync(file, text)
    return { file, text }
  }
})

test('what fragments take for granted belongs to a section', () => {
  for (const [document, sections] of Object.entries(surroundings)) {
    const headings = all.filter((sample) => sample.document === document).map(({ heading }) => heading)
    assert.deepEqual(missing(Object.keys(sections), headings), [], document)
  }
})

describe('the README', () => {
  test('has fewer than 300 lines', () => {
    assert.ok(readme.split('\n').length < 300, `${readme.split('\n').length}`)
  })

  test('has a row for each code of a failure', () => {
    const errors = read('lib/errors.ts')
    const rows = firstColumn(section(readme, 'When a sign-in does not succeed'))
    for (const type of ['HubErrorCode', 'SignInFailureCode']) {
      const codes = union(errors, type)
      assert.ok(codes.length > 5, type)
      assert.deepEqual(missing(codes, rows), [], type)
    }
  })

  test('has a row for each option of the strategy', () => {
    const base = members(read('lib/options.ts'), 'HuggingFaceStrategyBaseOptions')
    const moved = ['authorizationURL', 'tokenURL', 'userProfileURL']
    assert.ok(base.includes('clientID') && base.includes('timeout'))
    assert.deepEqual(
      missing(
        [...base.filter((name) => !moved.includes(name)), 'profileSource', 'passReqToCallback'],
        firstColumn(section(readme, 'Configure the strategy')),
      ),
      [],
    )
    for (const name of moved) assert.ok(readme.includes(`\`${name}\``), name)
  })

  test('names each option of passport.authenticate', () => {
    for (const name of members(read('lib/options.ts'), 'HuggingFaceAuthenticateOptions')) assert.ok(readme.includes(`\`${name}\``), name)
  })

  test('has a row for each field of the profile', () => {
    const profile = read('lib/profile.ts')
    const fields = [...members(profile, 'HuggingFaceIdTokenProfile'), ...members(profile, 'HuggingFaceProfile')]
    assert.ok(fields.includes('emails') && fields.includes('orgs'))
    assert.deepEqual(missing(fields, firstColumn(section(readme, 'The profile'))), [])
    for (const name of members(profile, 'HuggingFaceOrg')) assert.ok(readme.includes(`\`${name}\``), name)
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
    // a document may tell of another project's scripts, but none does
    assert.deepEqual(missing(own, Object.keys(scripts)), [])
  })
}

test('each file of docs/ is linked from another document', () => {
  const linked = documents(root).flatMap((document) =>
    internalLinks(read(document)).map((link) => path.join(path.dirname(document), link.split('#')[0])),
  )
  assert.deepEqual(
    missing(
      readdirSync(path.join(root, 'docs')).map((file) => `docs/${file}`),
      linked,
    ),
    [],
  )
})

test('no line of prose is left unfinished', () => {
  for (const document of documents(root)) assert.doesNotMatch(prose(read(document)), /\b(?:TODO|FIXME|TBD|XXX)\b/, document)
})

function isNoMatterOfTypes(complaint) {
  return !/TS(2345|2769|7006)/.test(complaint)
}

function isServer({ text }) {
  return /\.listen\(/.test(text) && /HuggingFaceStrategy/.test(text)
}

/** The same modules as this project has, and this package among them. */
function lendModules(folder) {
  mkdirSync(folder)
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(path.join(root, 'node_modules', name), path.join(folder, name))
  }
  symlinkSync(root, path.join(folder, 'passport-huggingface'))
}

/** The strings of `export type Name = 'a' | 'b'`. */
function union(source, name) {
  const body = source.match(new RegExp(`type ${name} =([^/]*?)\\n\\n`))?.[1] ?? ''
  return [...body.matchAll(/'([^']+)'/g)].map(([, code]) => code)
}

/** The members of `export interface Name { … }`. */
function members(source, name) {
  const body = source.match(new RegExp(`interface ${name}\\b[^{]*\\{([\\s\\S]*?)\\n\\}`))?.[1] ?? ''
  return [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, member]) => member)
}

function missing(wanted, present) {
  return wanted.filter((each) => !present.includes(each))
}
