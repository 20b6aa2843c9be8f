import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { type Hub, startHub } from '../../testing'
import { Browser } from './browser'
import { freePort } from './express'

const root = join(__dirname, '../..')
const examples: Record<string, string[]> = {
  'express-no-session': ['examples/express-no-session/server.mjs'],
  koa: ['examples/koa/server.mjs'],
  fastify: ['examples/fastify/server.mjs'],
  nest: ['--import', './test/frameworks/typescript.mjs', 'examples/nest/main.mts'],
}

let hub: Hub
let running: ChildProcess | undefined

beforeAll(async () => {
  if (!existsSync(join(root, 'dist/index.js'))) throw new Error('the examples run what was built: `npm run build` first')
  hub = await startHub()
})
afterEach(async () => {
  if (running?.exitCode === null && running.kill()) await once(running, 'exit')
})
afterAll(() => hub.close())

/** Starts an example as a person would, with the local Hub in place of the real one. */
async function start(args: string[]): Promise<Browser> {
  const port = await freePort()
  const { clientID, clientSecret = '' } = hub.clients[0]
  const secret = '0123456789abcdef'.repeat(4)
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: {
      PATH: process.env['PATH'],
      PORT: String(port),
      HF_ENDPOINT: hub.url,
      HF_CLIENT_ID: clientID,
      HF_CLIENT_SECRET: clientSecret,
      SESSION_SECRET: secret,
      SESSION_KEY: secret,
      TOKEN_SECRET: secret,
    },
  })
  running = child
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk))
  const browser = new Browser(port, `http://localhost:${port}`)
  for (let attempt = 0; attempt < 200 && child.exitCode === null; attempt++) {
    const home = await browser.visit('/').catch(() => undefined)
    if (home) return browser
    await sleep(50)
  }
  throw new Error(`the example does not start: ${output}`)
}

describe.each(Object.entries(examples))('the example %s', (_, args) => {
  test('signs a person in and keeps them signed in; one who denies is told', async () => {
    const browser = await start(args)
    expect((await browser.visit('/')).text).toContain('href="/auth/huggingface"')

    let denied = await browser.visit(await hub.signIn(await browser.begin(), 'bo', { deny: true }))
    if (denied.location) denied = await browser.visit(denied.location)
    expect(denied.status).toBe(403)
    expect((await browser.visit('/')).text).toContain('href="/auth/huggingface"')

    const callback = await hub.signIn(await browser.begin(), 'ada')
    expect(await browser.visit(callback)).toMatchObject({ status: 302, location: '/' })
    expect(await browser.visit('/')).toMatchObject({ status: 200, json: { username: 'ada' } })
  }, 30_000)
})
