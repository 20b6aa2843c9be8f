import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Browser } from '../support/browser'
import { stateOf } from '../support/person'
import { type Behaviour, clientID, clientSecret, type Endpoint, RawHub, respond, write } from '../support/raw-hub'
import { secretsIn } from '../support/secrets'
import { until } from '../support/until'

let hub: RawHub
let honest: RawHub['answers']
beforeAll(async () => {
  hub = await RawHub.start({ keepAlive: true })
  honest = { ...hub.answers }
})
afterAll(() => hub.close())

/** The app in a process, and a browser in front of it. */
async function startApp(settings: Record<string, string> = {}) {
  const { start } = await import('../support/program.mjs')
  const client = { HF_HUB_URL: hub.url, HF_CLIENT_ID: clientID, HF_CLIENT_SECRET: clientSecret }
  const env = { ...process.env, NODE_OPTIONS: '', ...client, ...settings }
  const { line, stop } = await start(process.execPath, [join(__dirname, '../support/app.mjs')], { env })
  return { browser: new Browser(line), stop }
}

test.each<[Endpoint, string, Behaviour]>([
  ['token', 'responds', (...asked) => honest.token(...asked)],
  ['token', 'hangs up', write('', 'RST')],
  ['userinfo', 'responds', (...asked) => honest.userinfo(...asked)],
  ['userinfo', 'hangs up', write('', 'RST')],
])('nothing happens if a visitor leaves during the %s request over a kept connection, and the Hub %s then', async (endpoint, _, then) => {
  const { browser, stop } = await startApp()
  const begin = async () => `/auth/huggingface/callback?code=opaque&state=${stateOf(await browser.begin())}`
  expect(await browser.visit(await begin())).toMatchObject({ status: 200 })
  const waiting = hub.hold(endpoint)
  const leaving = new AbortController()
  const visit = browser.visit(await begin(), { signal: leaving.signal })
  await until(() => waiting.length === 1)
  leaving.abort()
  await expect(visit).rejects.toThrow('aborted')
  waiting[0]?.(then)
  Object.assign(hub.answers, honest)
  expect(await browser.visit(await begin())).toMatchObject({ status: 200 })
  expect(await stop()).toBe('')
})

test('NODE_DEBUG=passport-huggingface prints why each leg ended as it did, without a secret', async () => {
  const { browser, stop } = await startApp({ NODE_DEBUG: 'passport-huggingface' })
  const code = 'opaque-code-of-somebody'
  const comeBack = (query: string) => browser.visit(`/auth/huggingface/callback?${query}`)
  const signIn = async () => comeBack(`code=${code}&state=${stateOf(await browser.begin())}`)
  await signIn()
  hub.answers.token = respond({ error: 'invalid_grant', error_description: 'it has expired' }, { status: 400 })
  await signIn()
  await comeBack(`code=${code}&state=x`)
  await comeBack('error=access_denied&state=x')
  // without Node's prefix
  const printed: string = (await stop()).replace(/^PASSPORT-HUGGINGFACE \d+: /gm, '')
  const beginnings = [
    'begun: ',
    'ended: success',
    'begun: ',
    'ended: error TokenError invalid_grant',
    'begins again: The state was not issued by this app.',
    'begun: ',
    'ended: fail state_unknown ',
  ]
  expect(printed.trim().split('\n')).toEqual(beginnings.map((text) => expect.stringMatching(`^${text}`)))
  expect(secretsIn(printed, [...hub.secrets, code])).toEqual([])
})
