import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Browser } from '../support/browser'
import { stateOf } from '../support/person'
import { clientID, clientSecret, RawHub, respond } from '../support/raw-hub'
import { secretsIn } from '../support/secrets'

let hub: RawHub
beforeAll(async () => {
  hub = await RawHub.start()
})
afterAll(() => hub.close())

test('NODE_DEBUG=passport-huggingface prints why each leg ended as it did, without a secret', async () => {
  const { start } = await import('../support/program.mjs')
  const env = { ...process.env, NODE_OPTIONS: '', NODE_DEBUG: 'passport-huggingface' }
  const client = { HF_HUB_URL: hub.url, HF_CLIENT_ID: clientID, HF_CLIENT_SECRET: clientSecret }
  const { line, stop } = await start(process.execPath, [join(__dirname, '../support/app.mjs')], { env: { ...env, ...client } })
  const browser = new Browser(line)
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
