import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals'
import { type Hub, startHub } from '../../testing'
import { Browser } from '../support/browser'
import { type Example, startExample } from '../support/example'

jest.setTimeout(30_000)

let hub: Hub
let example: Example | undefined
beforeAll(async () => {
  hub = await startHub()
})
afterEach(() => example?.stop())
afterAll(() => hub.close())

/** A browser at an example that has the local Hub in place of the real one. */
async function start(...args: string[]): Promise<Browser> {
  const { clientID, clientSecret = '' } = hub.clients[0]
  const secret = '0123456789abcdef'.repeat(4)
  const secrets = { HF_CLIENT_SECRET: clientSecret, SESSION_SECRET: secret, COOKIE_SECRET: secret, TOKEN_SECRET: secret }
  example = await startExample(args, { HF_HUB_URL: hub.url, HF_CLIENT_ID: clientID, ...secrets })
  return new Browser(example.url)
}

test.each([
  ['express-no-session', 'examples/express-no-session/server.mjs'],
  ['koa', 'examples/koa/server.mjs'],
  ['fastify', 'examples/fastify/server.mjs'],
  ['nest, by NestJS 11', '--import', './test/frameworks/typescript.mjs?nest-11', 'examples/nest/main.mts'],
  ['nest, by NestJS 12', '--import', './test/frameworks/typescript.mjs', 'examples/nest/main.mts'],
])('the example %s signs a person in and out, in two tabs, and tells one who denies', async (_, ...args) => {
  const browser = await start(...args)
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
  expect(await returned('/profile?tab=orgs#top')).toBe('/profile?tab=orgs#top')
  for (const other of ['https://evil.example', '//evil.example', '/\\evil.example', '/\t/evil.example', '/.//evil.example', '//']) {
    expect([other, await returned(other)]).toEqual([other, '/profile'])
  }
})
