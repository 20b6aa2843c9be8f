import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { signIn } from '../../testing'

const root = join(__dirname, '../..')
const testing = join(root, 'dist/testing')
const { NODE_OPTIONS: _, ...env } = process.env

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testing-'))
})
afterAll(() => rm(folder, { recursive: true }))

interface Outcome {
  readonly code?: number
  readonly stdout: string
  readonly stderr: string
}

async function run(file: string, ...args: string[]): Promise<Outcome> {
  const done = promisify(execFile)(process.execPath, [file, ...args], { env, cwd: folder })
  return done.catch((failed: Outcome) => failed)
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
      const url = process.env.HUB + '/oauth/authorize?client_id=local-app&state=s&redirect_uri=' +
        'http://localhost/auth/huggingface/callback&code_challenge_method=S256&code_challenge=' + 'a'.repeat(43)
      expect(await signIn(url, 'ada')).toMatch('http://localhost/auth/huggingface/callback?code=')
      await expect(signIn(url, 'nobody')).rejects.toThrow(TypeError)
    })
    test('start', () => expect(startHub()).rejects.toThrow("Jest's globalSetup"))`,
}

test('default Jest signs in on a Hub that globalSetup started', async () => {
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text)
  }
  const { stderr } = await run(join(root, 'node_modules/jest/bin/jest.js'), '--ci')
  expect(stderr).toContain('Tests:       2 passed, 2 total')
}, 30_000)

describe('npx passport-huggingface', () => {
  const cli = join(testing, 'cli.js')

  /** What the command prints until it waits. */
  async function withHub(args: string[], use: (env: Record<string, string>) => unknown) {
    const child = spawn(process.execPath, [cli, ...args], { env })
    try {
      const printed: Record<string, string> = {}
      for await (const line of createInterface(child.stdout)) {
        const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? []
        if (name !== undefined && value !== undefined) {
          printed[name] = value
        }
        if (line.startsWith('# Press')) {
          break
        }
      }
      await use(printed)
    } finally {
      child.kill()
      await once(child, 'exit')
    }
  }

  test('starts a Hub and prints what goes into a .env file', async () => {
    await withHub(['--port', '0'], async (printed) => {
      const { HF_HUB_URL: url, HF_CLIENT_ID: clientID, ...others } = printed
      expect(others).toEqual({ HF_CLIENT_SECRET: 'local-app-secret' })
      const query = new URLSearchParams({
        client_id: clientID ?? '',
        redirect_uri: 'http://localhost:3000/auth/huggingface/callback',
        code_challenge: 'a'.repeat(43),
        code_challenge_method: 'S256',
      })
      expect(await signIn(`${url}/oauth/authorize?${query}`, 'ada')).toContain('code=')
    })
  })

  test('takes a free port if 4567 is taken, but not if another one was asked for', async () => {
    const server = createServer()
      .on('error', () => {})
      .listen(4567, '127.0.0.1')
    await Promise.race([once(server, 'listening'), once(server, 'error')])
    await withHub([], ({ HF_HUB_URL: url }) => expect(url).not.toContain(':4567'))
    expect(await run(cli, '--port', '4567')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('EADDRINUSE'),
    })
    server.close()
  })

  test('has a help text', async () => {
    expect((await run(cli, '--help')).stdout).toContain('Usage: npx passport-huggingface')
  })

  test('says what to install if oidc-provider is missing', async () => {
    await cp(testing, join(folder, 'testing'), { recursive: true })
    expect(await run(join(folder, 'testing/cli.js'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('npm install --save-dev oidc-provider'),
    })
  })
})
