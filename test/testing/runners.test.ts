import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'

const root = join(__dirname, '../..')
const testing = join(root, 'dist/testing')
const cli = join(testing, 'cli.js')
const { NODE_OPTIONS: _, ...env } = process.env

/** Resolves with what a script prints until it ends. */
async function run(cwd: string, file: string, ...args: string[]): Promise<{ code?: number; stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [file, ...args], { env, cwd }).catch((failed) => failed)
}

const files = {
  'package.json': '{}',
  'jest.config.js': `module.exports = { globalSetup: './setup.js', globalTeardown: './teardown.js' }`,
  'setup.js': `module.exports = async () => {
    globalThis.hub = await require(${JSON.stringify(testing)}).startHub()
    process.env.HUB = globalThis.hub.url
  }`,
  'teardown.js': 'module.exports = () => globalThis.hub.close()',
  'app.test.js': `const { signIn, startHub } = require(${JSON.stringify(testing)})
    test('sign in', async () => {
      const url = process.env.HUB + '/oauth/authorize?client_id=local-app&response_type=code&redirect_uri=' +
        'http://localhost/auth/huggingface/callback&code_challenge_method=S256&code_challenge=' + 'a'.repeat(43)
      expect(await signIn(url, 'ada')).toMatch('http://localhost/auth/huggingface/callback?code=')
    })
    test('start', () => expect(startHub()).rejects.toThrow("Jest's globalSetup"))`,
}

test('default Jest signs in on a Hub that globalSetup started, and says where to start one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'testing-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const { stderr } = await run(folder, join(root, 'node_modules/jest/bin/jest.js'), '--ci', '--runInBand')
  expect(stderr).toContain('Tests:       2 passed, 2 total')
  await rm(folder, { recursive: true })
}, 30_000)

test('npx passport-huggingface prints what goes into a .env file, and takes a free port if its own is taken', async () => {
  const server = createServer().on('error', () => {})
  await Promise.race([once(server.listen(4567, '127.0.0.1'), 'listening'), once(server, 'error')])
  const refused = run(root, cli, '--port', '4567')
  const child = spawn(process.execPath, [cli], { env })
  const lines: string[] = []
  for await (const line of createInterface(child.stdout)) {
    lines.push(line)
    if (line.startsWith('# Press')) break
  }
  child.kill()
  expect(lines.slice(0, 3)).toEqual([
    expect.stringMatching(/^HF_HUB_URL=http:\/\/127\.0\.0\.1:(?!4567)\d+$/),
    'HF_CLIENT_ID=local-app',
    'HF_CLIENT_SECRET=local-app-secret',
  ])
  expect(await refused).toMatchObject({ code: 1, stderr: expect.stringContaining('EADDRINUSE') })
  server.close()
})

test('npx passport-huggingface --help says what it does', async () => {
  expect((await run(root, cli, '--help')).stdout).toContain('Usage: npx passport-huggingface')
})
