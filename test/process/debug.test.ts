import { expect, test } from '@jest/globals'
import { printed, shareProcess, startApp } from '../support/process'
import { respond } from '../support/raw-hub'
import { secretsIn } from '../support/secrets'

shareProcess({ NODE_DEBUG: 'passport-huggingface' })

/** The lines since it was last asked, without Node's prefix. */
const lines = () =>
  printed()
    .replace(/^PASSPORT-HUGGINGFACE \d+: /gm, '')
    .trim()
    .split('\n')

test('NODE_DEBUG=passport-huggingface prints one line for each leg, without a secret', async () => {
  const { hub, visitor: person } = await startApp()
  printed()
  await person.signIn()
  await person.visit('/auth/huggingface/callback?code=opaque-code-of-somebody&state=x')
  hub.answers.token = respond({ error: 'invalid_grant', error_description: 'it has expired' }, { status: 400 })
  await person.signIn()
  const told = lines()
  const expected = [/^begun: /, /^ended: success$/, /^ended: fail state_unknown /, /^begun: /, /^ended: error TokenError invalid_grant/]
  expect(told).toEqual(expected.map((line) => expect.stringMatching(line)))
  expect(secretsIn(told.join(), [...hub.secrets, 'opaque-code-of-somebody'])).toEqual([])
})

test('NODE_DEBUG=passport-huggingface says why a sign-in begins again, and what is not configured', async () => {
  const strategies = { huggingface: { restart: true }, public: { clientSecret: undefined } }
  const { visitor: person } = await startApp({ strategies })
  printed()
  await person.visit('/auth/huggingface/callback?code=opaque&state=x')
  await person.visit('/auth/public')
  const expected = [
    /^begins again: The state was not issued by this app\.$/,
    /^begun: /,
    /^ended: error Error HuggingFaceStrategy: there is no secret/,
  ]
  expect(lines()).toEqual(expected.map((line) => expect.stringMatching(line)))
})
