// What the documentation says is compiled, run and compared with the code.
import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { root } from '../support/modules.js'
import { built, compileAll, folder, load, withApp } from './app.mjs'
import { guides } from './guides.mjs'
import { documents, read, samples } from './samples.mjs'

const limit = { timeout: 90_000 }
const sideBySide = { concurrency: 2 }
const readme = read('README.md')
// its samples are tests of the README's app, and test/package runs them from the tarball
const testing = 'docs-testing'
const complaints = compileAll()
after(() => rmSync(folder, { recursive: true, force: true }))

test('all samples compile', () => assert.deepEqual(complaints, []))

describe('samples', sideBySide, () => {
  for (const { document, line, name, code, file, isFragment } of samples) {
    if (isFragment || file || name === samples[0].name || code.includes('@huggingface/')) continue
    const isApp = code.includes('.listen(')
    test(`${document}, line ${line}: ${isApp ? 'signs a person in' : 'loads'}`, limit, () => {
      if (!isApp) return load(name)
      return withApp(name, async ({ browser }) => {
        const { status, text } = await browser().signIn()
        assert.equal(status, 200)
        assert.match(text, /\bada\b/i)
      })
    })
  }
})

describe('guides', sideBySide, () => {
  for (const [page, guide] of Object.entries(guides)) test(page, limit, guide)

  test('each one that is a project is run', () => {
    const projects = samples.filter(({ file }) => file).map(({ page }) => page)
    assert.deepEqual(missing(projects, [...Object.keys(guides), testing]), [])
  })
})

test('safePath, the check of returnTo, takes only paths, and stays on the site whatever is put together', async () => {
  const { safePath } = await import(built('docs-accounts/return-to'))
  for (const returnTo of [undefined, null, 1, {}, ['/x'], 'models', 'https://evil.example']) assert.equal(safePath(returnTo), '/')
  const origin = 'https://app.example'
  const words = ['..', '%2e', '%2f', '%5c', 'evil.example', 'http:', 'javascript:', 'base.invalid']
  const part = fc.constantFrom(...'/\\.\t\n\r @:?#\u3002\u2044\0[', ...words)
  const staysOnSite = (start, parts) => {
    const location = safePath(start + parts.join(''))
    assert.equal(new URL(location, `${origin}/auth/huggingface/callback`).origin, origin)
    assert.match(location, /^\/(?![/\\])/)
  }
  fc.assert(fc.property(fc.constantFrom('', '/'), fc.array(part, { maxLength: 7 }), staysOnSite), { numRuns: 20_000 })
})

describe('the README', () => {
  const codes = ['HubErrorCode', 'SignInFailureCode'].flatMap((type) => union('lib/errors.ts', type))
  const options = [...members('lib/options.ts', 'CommonOptions'), 'passReqToCallback']
  const fields = members('lib/profile.ts', 'HuggingFaceProfile')
  const moved = ['authorizationURL', 'tokenURL', 'userProfileURL']

  test('has a row for each code, each option and each field of the profile, no others, and names what has none', () => {
    assert.ok(fields.includes('orgs'))
    assert.deepEqual(rowsUnder('When it does not work'), new Set([...codes, 'HubError', 'info.code']))
    assert.deepEqual(rowsUnder('Options'), new Set(missing(options, moved)))
    assert.deepEqual(missing(fields, [...rowsUnder('The profile')]), [])
    const names = [...moved, ...members('lib/options.ts', 'HuggingFaceAuthenticateOptions'), ...members('lib/profile.ts', 'HuggingFaceOrg')]
    const coded = names.map((name) => `\`${name}\``)
    assert.deepEqual(missing(coded, readme), [])
  })

  test('names the versions of the frameworks that are installed', () => {
    const cells = section('Routes and frameworks').matchAll(/`([@\w/.:-]+)` (\d+\.\d+\.\d+)/g)
    const named = [...cells].map(([, name, version]) => [name, version])
    assert.ok(named.length > 8)
    for (const [name, version] of named) assert.equal(version, JSON.parse(read(`node_modules/${name}/package.json`)).version, name)
  })

  test('links to no file, since it is read on the registry too, and names files of the package', () => {
    assert.ok(internalLinks(readme).every((link) => link.startsWith('#')))
    const named = [...readme.matchAll(/`((?:docs\/)?[\w-]+\.md)`/g)].map(([, file]) => file)
    assert.deepEqual([missing(named, [...documents, ...guidePages]), missing(guidePages, named)], [[], []])
    assert.deepEqual(missing(['docs', 'SECURITY.md'], JSON.parse(read('package.json')).files), [])
  })
})

const guidePages = documents.filter((file) => /^docs\/(?!README)/.test(file)).map((file) => path.basename(file))
const { scripts } = JSON.parse(read('package.json'))

for (const document of documents) {
  const text = prose(read(document))

  test(`${document}: what it links to and the scripts that it names exist`, () => {
    const broken = internalLinks(text).filter((link) => {
      const [target, anchor] = link.split('#')
      const file = target ? path.join(path.dirname(document), target) : document
      return !existsSync(path.join(root, file)) || (anchor && !anchors(read(file)).includes(anchor))
    })
    const named = [...read(document).matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)].map(([, script, usual]) => script ?? usual)
    assert.deepEqual([broken, missing(named, Object.keys(scripts))], [[], []])
    assert.doesNotMatch(text, /^```/m, 'a block has no end')
  })
}

test('the index names each guide, which has no more than 150 lines, and the README has at most 250', () => {
  assert.deepEqual(missing(guidePages, internalLinks(read('docs/README.md'))), [])
  const linesOf = (file) => read(file).trimEnd().split('\n').length
  assert.ok(linesOf('README.md') <= 250)
  for (const file of guidePages) assert.ok(linesOf(`docs/${file}`) <= 150, file)
})

/** Text without blocks, for links and headings. */
function prose(markdown) {
  return markdown.replace(/^```[\s\S]*?^```/gm, '')
}

/** The targets of links and images that are not addresses elsewhere. */
function internalLinks(markdown) {
  const targets = [...prose(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target)
  return targets.filter((target) => !/^[a-z][a-z+.-]*:/i.test(target))
}

/** The anchors that a document's headings have on GitHub and npm. */
function anchors(markdown) {
  const headings = [...prose(markdown).matchAll(/^#+\s+(.+)$/gm)].map(([, heading]) => heading.trim().toLowerCase())
  return headings.map((heading) => heading.replace(/[^\p{Letter}\p{Number}\s_-]/gu, '').replaceAll(' ', '-'))
}

/** The README's text under a heading of the second level. */
function section(heading) {
  const [, text] = `${readme}\n## `.match(new RegExp(`\n## ${heading}\n([\\s\\S]*?)\n## `)) ?? []
  if (text === undefined) throw new Error(`there is no heading: ${heading}`)
  return text
}

/** What is in backquotes in the first column of the README's tables under a heading. */
function rowsUnder(heading) {
  const cells = [...prose(section(heading)).matchAll(/^\|([^|]*)/gm)].map(([, cell]) => cell)
  return new Set(cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code)))
}

/** The strings of `export type Name = 'a' | 'b'`. */
function union(file, name) {
  const body = read(file).match(new RegExp(`type ${name} =([^/]*?)\\n\\n`))?.[1] ?? ''
  return [...body.matchAll(/'([^']+)'/g)].map(([, code]) => code)
}

/** The members of `interface Name { … }`. */
function members(file, name) {
  const body = read(file).match(new RegExp(`interface ${name}\\b[^{]*\\{([\\s\\S]*?)\\n\\}`))?.[1] ?? ''
  return [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, member]) => member)
}

function missing(wanted, present) {
  return wanted.filter((each) => !present.includes(each))
}
