import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals'
import { type Hub, startHub } from '../../testing'
import { Browser } from '../support/browser'
import { type Example, startExample } from '../support/example'
import { lendModules, root } from '../support/modules'

jest.setTimeout(30_000)

const scratch = mkdtempSync(join(tmpdir(), 'nest-'))
let hub: Hub
let example: Example | undefined
beforeAll(async () => {
  hub = await startHub()
})
afterEach(() => example?.stop())
afterAll(async () => {
  rmSync(scratch, { recursive: true })
  await hub.close()
})

/** A browser at an example that has the local Hub in place of the real one. */
async function start(file: string): Promise<Browser> {
  const { clientID, clientSecret = '' } = hub.clients[0]
  const secret = '0123456789abcdef'.repeat(4)
  const secrets = { HF_CLIENT_SECRET: clientSecret, SESSION_SECRET: secret, COOKIE_SECRET: secret, TOKEN_SECRET: secret }
  example = await startExample(file, { HF_HUB_URL: hub.url, HF_CLIENT_ID: clientID, ...secrets })
  return new Browser(example.url)
}

/** Compiles the example for NestJS as its users do, to a folder that has this version. */
function compileNest(version: 11 | 12): string {
  const folder = join(scratch, String(version))
  execFileSync('npx', ['tsc', '-p', 'examples/nest', '--outDir', folder], { cwd: root })
  lendModules(folder)
  const packages = join(folder, 'node_modules/@nestjs')
  rmSync(packages)
  symlinkSync(join(root, version === 11 ? 'test/apps/nest-11' : '', 'node_modules/@nestjs'), packages)
  return join(folder, 'main.mjs')
}

test.each([
  ['express-no-session', () => 'examples/express-no-session/server.mjs'],
  ['koa', () => 'examples/koa/server.mjs'],
  ['fastify', () => 'examples/fastify/server.mjs'],
  ['nest, by NestJS 11', () => compileNest(11)],
  ['nest, by NestJS 12', () => compileNest(12)],
])('the example %s signs a person in and out, in two tabs, and tells one who denies', async (_, fileOf) => {
  const browser = await start(fileOf())
  const home = async () => (await browser.visit('/')).text
  expect(await home()).toContain('href="/auth/huggingface"')

  const denied = await browser.visit(await hub.signIn(await browser.begin(), 'bo', { deny: true }))
  expect(denied).toMatchObject({ status: 403, text: expect.stringContaining('You did not allow the sign-in.') })
  expect(await home()).toContain('href="/auth/huggingface"')

  const tabs = [await browser.begin(), await browser.begin()]
  for (const tab of tabs.reverse()) {
    expect(await browser.visit(await hub.signIn(tab, 'ada'))).toMatchObject({ status: 302, location: '/' })
    expect(await home()).toContain('Hello, ada!')
  }
  // nothing is left of the pending sign-ins
  expect(browser.jar.header(browser.origin)).not.toContain('hf-signin.')

  expect((await browser.visit('/sign-out')).status).toBe(404)
  expect(await browser.visit('/sign-out', { form: {} })).toMatchObject({ status: 302, location: '/' })
  expect(await home()).toContain('href="/auth/huggingface"')
})

test('the Express example returns to a page of its own, never to another site', async () => {
  const browser = await start('examples/express/server.mjs')
  const returned = async (returnTo: string) => {
    const authorizationURL = await browser.begin(`/auth/huggingface?${new URLSearchParams({ returnTo })}`)
    return (await browser.visit(await hub.signIn(authorizationURL, 'ada'))).location
  }
  // who is not signed in yet
  expect((await browser.visit('/profile?tab=orgs')).text).toContain(`?${new URLSearchParams({ returnTo: '/profile?tab=orgs' })}"`)
  expect(await returned('/profile?tab=orgs#top')).toBe('/profile?tab=orgs#top')
  for (const other of ['https://evil.example', '//evil.example', '/\\evil.example', '/\t/evil.example', '/.//evil.example', '//']) {
    expect([other, await returned(other)]).toEqual([other, '/profile'])
  }
})
