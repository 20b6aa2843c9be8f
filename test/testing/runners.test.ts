import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { root } from '../support/modules'

const cli = join(root, 'dist/testing/cli.js')
const { NODE_OPTIONS: _, ...env } = process.env

/** Resolves with what a script prints until it ends. */
async function run(cwd: string, file: string, ...args: string[]): Promise<{ code?: number; stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [file, ...args], { env, cwd, timeout: 25_000 }).catch((failed) => failed)
}

test('default Jest says where to start a Hub', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'testing-'))
  await writeFile(join(folder, 'package.json'), '{}')
  const start = `require(${JSON.stringify(join(root, 'dist/testing'))}).startHub()`
  await writeFile(join(folder, 'app.test.js'), `test('start', () => expect(${start}).rejects.toThrow("Jest's globalSetup"))`)
  const { stderr } = await run(folder, join(root, 'node_modules/jest/bin/jest.js'), '--ci')
  expect(stderr).toContain('1 passed, 1 total')
  await rm(folder, { recursive: true })
}, 30_000)

test('npx passport-huggingface says how to use it, prints a .env file, and takes a free port if its own is taken', async () => {
  const server = createServer()
  // another run of this test may have the port for a moment
  while (!server.listening) await once(server.listen(4567, '127.0.0.1'), 'listening').catch(() => sleep(100))
  const [refused, helped] = [run(root, cli, '--port', '4567'), run(root, cli, '--help')]
  const child = spawn(process.execPath, [cli], { env })
  const [printed] = await once(child.stdout, 'data')
  child.kill()
  const [, port] = /^HF_HUB_URL=http:..127\.0\.0\.1:(\d+)\nHF_CLIENT_ID=local-app\nHF_CLIENT_SECRET=local-app-secret\n/.exec(printed) ?? []
  expect(Number(port)).toBeGreaterThan(0)
  expect(port).not.toBe('4567')
  expect(await refused).toMatchObject({ code: 1, stderr: expect.stringContaining('EADDRINUSE') })
  expect((await helped).stdout).toContain('Usage: npx passport-huggingface')
  server.close()
}, 30_000)
