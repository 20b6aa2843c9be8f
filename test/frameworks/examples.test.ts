import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { type Hub, startHub } from '../../testing'
import { Browser } from '../support/browser'
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
      HF_HUB_URL: hub.url,
      HF_CLIENT_ID: clientID,
      HF_CLIENT_SECRET: clientSecret,
      SESSION_SECRET: secret,
      COOKIE_SECRET: secret,
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
  test('signs a person in and out, and tells one who denies', async () => {
    const browser = await start(args)
    const home = async () => (await browser.visit('/')).text
    expect(await home()).toContain('href="/auth/huggingface"')

    const denied = await browser.visit(await hub.signIn(await browser.begin(), 'bo', { deny: true }))
    expect(denied).toMatchObject({ status: 403, text: expect.stringContaining('You did not allow the sign-in.') })
    expect(await home()).toContain('href="/auth/huggingface"')

    const callback = await hub.signIn(await browser.begin(), 'ada')
    expect(await browser.visit(callback)).toMatchObject({ status: 302, location: '/' })
    expect(await home()).toContain('Hello, ada!')
    // Nothing is left of the pending sign-ins.
    expect(browser.jar.header(browser.origin)).not.toContain('hf-signin.')

    expect((await browser.visit('/sign-out')).status).toBe(404)
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '0' }
    expect(await browser.visit('/sign-out', { method: 'POST', headers })).toMatchObject({ status: 302, location: '/' })
    expect(await home()).toContain('href="/auth/huggingface"')
  }, 30_000)

  test('keeps the sign-ins of two tabs', async () => {
    const browser = await start(args)
    const tabs = [await browser.begin(), await browser.begin()]
    for (const tab of tabs.reverse()) {
      expect(await browser.visit(await hub.signIn(tab, 'ada'))).toMatchObject({ status: 302, location: '/' })
    }
  }, 30_000)
})

test('the Express example returns to a page of its own, never to another site', async () => {
  const browser = await start(['examples/express/server.mjs'])
  const returned = async (returnTo: string) => {
    const authorizationURL = await browser.begin(`/auth/huggingface?${new URLSearchParams({ returnTo })}`)
    return (await browser.visit(await hub.signIn(authorizationURL, 'ada'))).location
  }
  expect(await returned('/profile?tab=orgs#top')).toBe('/profile?tab=orgs#top')
  for (const other of ['https://evil.example', '//evil.example', '/\\evil.example', '/\t/evil.example', '/.//evil.example', '//']) {
    expect([other, await returned(other)]).toEqual([other, '/profile'])
  }
}, 30_000)
