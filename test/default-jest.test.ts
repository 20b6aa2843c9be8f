import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** An app's own suite, in Jest as it comes: without --experimental-vm-modules. */
const suite = (root: string) => `
const { HuggingFaceStrategy } = require(${JSON.stringify(join(root, 'dist'))})
const { startHub } = require(${JSON.stringify(join(root, 'dist', 'testing'))})

const cookies = []
const res = { getHeader: () => cookies, setHeader: (name, value) => name === 'Set-Cookie' && cookies.push(value.at(-1)) }
const run = (strategy, request) =>
  new Promise((resolve) => {
    const outcome = (action) => (value) => resolve({ action, value })
    const actions = { redirect: outcome('redirect'), error: outcome('error'), fail: outcome('fail'), success: outcome('success') }
    Object.assign(Object.create(strategy), actions).authenticate({ headers: {}, query: {}, res, ...request }, {})
  })

test('a sign-in begins, and its end says what Jest needs', async () => {
  const options = { clientID: 'x', clientSecret: 'y', callbackURL: 'http://localhost/cb', hubURL: 'http://127.0.0.1:1', scope: 'openid' }
  const strategy = new HuggingFaceStrategy(options, async () => 'somebody')
  const begun = await run(strategy, {})
  expect(begun.action).toBe('redirect')
  strategy._oauth2.getOAuthAccessToken = (code, params, done) => done(null, 'at', 'rt', { id_token: 'a.b.c' })
  strategy._oauth2.get = (url, token, done) => done(null, '{"sub":"1"}')
  const query = { code: 'c', state: new URL(begun.value).searchParams.get('state') }
  const ended = await run(strategy, { query, headers: { cookie: cookies.map((line) => line.split(';')[0]).join('; ') } })
  expect(ended.action).toBe('error')
  expect(ended.value.message).toMatch(/NODE_OPTIONS=--experimental-vm-modules/)
})

test('the local Hub says what Jest needs', async () => {
  await expect(startHub()).rejects.toThrow(/NODE_OPTIONS=--experimental-vm-modules/)
})
`

test('an app that tests itself in Jest as it comes can begin sign-ins, and is told what else it needs', async () => {
  const root = join(__dirname, '..')
  const folder = await mkdtemp(join(tmpdir(), 'default-jest-'))
  await writeFile(join(folder, 'package.json'), '{}')
  await writeFile(join(folder, 'app.test.js'), suite(root))
  const { NODE_OPTIONS: _, ...env } = process.env
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js')
  const { stderr } = await promisify(execFile)(process.execPath, [jest, '--rootDir', folder, '--ci'], { env, cwd: folder }).catch(
    (failed) => failed,
  )
  expect(stderr).toContain('Tests:       2 passed, 2 total')
  await rm(folder, { recursive: true })
}, 30_000)
