// What the documentation says is compiled, run and compared with the code.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { root } from '../support/modules.mjs'
import { load as loads, withApp } from './app.mjs'
import { guides, load } from './guides.mjs'
import { compileAll, documents, emitted, folder, read, samples, surroundings, tsc, write } from './samples.mjs'

const limit = { timeout: 90_000 }
const sideBySide = { concurrency: 2 }
const readme = read('README.md')
const [first] = samples
const complaints = compileAll()
after(() => rmSync(folder, { recursive: true, force: true }))

describe('samples', sideBySide, () => {
  for (const sample of samples) {
    const { document, line, name, text, file, isFragment, firstLine } = sample
    const isApp = /\.listen\(/.test(text)
    const isRun = !isFragment && !file && sample !== first && !text.includes('@huggingface/')

    test(`${document}, line ${line}: compiles${isRun ? (isApp ? ' and signs a person in' : ' and loads') : ''}`, limit, async () => {
      // `README-line-7.ts(3,5): error …` is line 9 of README.md
      const own = complaints.filter((complaint) => complaint.startsWith(`${name}.`))
      const located = own.map((complaint) => complaint.replace(/^[^(]*\((\d+)/, (_, row) => `${document}(${firstLine - 1 + Number(row)}`))
      assert.deepEqual(located, [])
      if (!isRun) return
      const script = { [`${name}-run.js`]: emitted(name) }
      if (!isApp) return loads(`${name}-run.js`, emitted(name))
      await withApp(script, async ({ browser }) => {
        const page = await browser().signIn()
        assert.equal(page.status, 200)
        assert.match(page.body, /\bada\b/i)
      })
    })
  }
})

describe("the README's first sample, pasted into an empty project", sideBySide, () => {
  for (const type of ['module', 'commonjs']) {
    test(`compiles, signs a person in, keeps them signed in and signs them out: ${type}`, limit, async () => {
      write(`${type}/package.json`, JSON.stringify({ type }))
      write(`${type}/app.ts`, first.text)
      const compilerOptions = { strict: true, module: 'nodenext', target: 'es2022', types: ['node'] }
      write(`${type}/tsconfig.json`, JSON.stringify({ compilerOptions }))
      assert.equal(tsc(type), '')
      const compiled = readFileSync(path.join(folder, type, 'app.js'), 'utf8')
      await withApp({ [`${type}/app.js`]: compiled }, async ({ hub, browser }) => {
        const ada = browser()
        assert.match((await ada.signIn()).body, /Ada Moreno/)
        assert.match((await ada.get('/')).body, /Ada Moreno/)
        assert.match((await ada.visit('/sign-out', '', {}, 'POST')).body, /alt="Sign in with Hugging Face"/)
        hub.faults = { token: { status: 503 } }
        const broken = await ada.signIn()
        assert.deepEqual([broken.status, broken.body], [502, 'Something went wrong. Please try again later.'])
      })
    })
  }
})

describe('guides', sideBySide, () => {
  for (const [page, guide] of Object.entries(guides)) test(page, limit, guide)

  test('each one that is a project is run', () => {
    const projects = samples.filter(({ file }) => file).map(({ page }) => page)
    assert.deepEqual(missing(projects, Object.keys(guides)), [])
  })
})

describe('safePath, the check of returnTo', () => {
  const checked = async () => (await load('docs-accounts/return-to.js')).safePath
  const origin = 'https://app.example'
  const target = (location) => new URL(location, `${origin}/auth/huggingface/callback`)

  test('refuses what leads elsewhere', async () => {
    const safePath = await checked()
    const evil = ['/\t/evil.example', '//evil.example', '/\\evil.example', 'https://evil.example', '\\/evil.example', '/.//evil.example']
    for (const returnTo of [...evil, undefined, null, 1, {}, ['/x'], 'models']) assert.equal(safePath(returnTo), '/')
  })

  test('keeps paths', async () => {
    const safePath = await checked()
    const paths = '/ /models /models?sort=new&q=a%20b#top /a/b/../c /search?next=https://x.example// /@ada /x:y /a//b'
    for (const returnTo of paths.split(' ')) assert.equal(target(safePath(returnTo)).href, target(returnTo).href)
  })

  test('stays on the site whatever is put together', async () => {
    const safePath = await checked()
    const words = ['..', '%2e', '%2f', '%5c', 'evil.example', 'http:', 'javascript:', 'base.invalid']
    const parts = [...'/\\.\t\n\r @:?#\u3002\u2044\0[', ...words]
    // a fixed sequence, so that a failure can be repeated
    let seed = 1
    const next = (below) => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    for (let round = 0; round < 50_000; round++) {
      const returnTo = (round % 2 ? '/' : '') + Array.from({ length: next(8) }, () => parts[next(parts.length)]).join('')
      const location = safePath(returnTo)
      assert.equal(target(location).origin, origin, JSON.stringify(returnTo))
      assert.match(location, /^\/(?![/\\])/, JSON.stringify(returnTo))
    }
  })

  test('is written down once', () => {
    const elsewhere = samples.filter(({ text, file }) => file !== 'return-to.js' && /returnTo\b.*(startsWith|match|test\()/.test(text))
    assert.deepEqual(elsewhere, [])
  })
})

describe('the README', () => {
  const codes = ['HubErrorCode', 'SignInFailureCode'].flatMap((type) => union('lib/errors.ts', type))
  const options = [...members('lib/options.ts', 'CommonOptions'), 'passReqToCallback']
  const fields = members('lib/profile.ts', 'HuggingFaceProfile')
  const moved = ['authorizationURL', 'tokenURL', 'userProfileURL']

  test('has a row for each code, each option and each field of the profile, and no others', () => {
    for (const known of ['timeout', 'invalid_host', 'clientID', 'restart', 'emails', 'orgs']) {
      assert.ok([...codes, ...options, ...fields].includes(known), known)
    }
    const rows = ['When it does not work', 'Options', 'The profile'].map(rowsUnder)
    assert.deepEqual([missing(codes, rows[0]), missing(rows[0], [...codes, 'HubError', 'info.code'])], [[], []])
    assert.deepEqual([missing(options, [...rows[1], ...moved]), missing(rows[1], options)], [[], []])
    assert.deepEqual(missing(fields, rows[2]), [])
  })

  test('names what has no row', () => {
    const authenticate = members('lib/options.ts', 'HuggingFaceAuthenticateOptions')
    const names = [...moved, ...authenticate, ...members('lib/profile.ts', 'HuggingFaceOrg')]
    assert.deepEqual(
      names.filter((name) => !readme.includes(`\`${name}\``)),
      [],
    )
  })

  test('names the versions of the frameworks that are installed', () => {
    const cells = section('Routes and frameworks').matchAll(/`([@\w/.:-]+)` (\d+\.\d+\.\d+)/g)
    const named = [...cells].map(([, name, version]) => [name, version])
    assert.ok(named.length > 8)
    for (const [name, version] of named) assert.equal(version, JSON.parse(read(`node_modules/${name}/package.json`)).version, name)
  })

  test('links to no file, since it is read on the registry too, and names files of the package', () => {
    assert.deepEqual(
      internalLinks(readme).filter((link) => !link.startsWith('#')),
      [],
    )
    const named = [...readme.matchAll(/`((?:docs\/)?[\w-]+\.md)`/g)].map(([, file]) => file)
    assert.deepEqual(missing(named, [...documents, ...guidePages]), [])
    assert.deepEqual(missing(['docs', 'SECURITY.md'], JSON.parse(read('package.json')).files), [])
  })

  test('and the index name each guide', () => {
    const listed = internalLinks(read('docs/README.md'))
    assert.deepEqual([missing(guidePages, listed), guidePages.filter((file) => !readme.includes(file))], [[], []])
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
  })

  test(`${document}: is finished, and no sentence has two colons`, () => {
    // also a block without an end
    assert.doesNotMatch(text, /\b(?:TODO|FIXME|TBD|XXX)\b|^```/m)
    const sentences = text
      .replace(/`[^`]*`|\]\([^)]*\)|<[^>]*>/g, 'x')
      .split(/\n\n|\n[|-]|\n\d\.|[.!?|]\s/)
      .filter((sentence) => (sentence.match(/:\s/g) ?? []).length > 1)
    assert.deepEqual(sentences, [])
  })
}

test('no guide has more than 150 lines, and the README at most 250', () => {
  const longest = (file) => (file === 'README.md' ? 250 : 150)
  const long = ['README.md', ...guidePages.map((file) => `docs/${file}`)].filter(
    (file) => read(file).trimEnd().split('\n').length > longest(file),
  )
  assert.deepEqual(long, [])
})

test('what fragments leave out belongs to a section', () => {
  for (const [document, sections] of Object.entries(surroundings)) {
    const headings = samples.filter((sample) => sample.document === document && sample.isFragment).map(({ heading }) => heading)
    assert.deepEqual(missing(Object.keys(sections), headings), [], document)
  }
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
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code))
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
