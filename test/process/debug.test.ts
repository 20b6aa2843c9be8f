import { expect, test } from '@jest/globals'
import { printed, shareProcess, startApp } from '../support/process'
import { respond } from '../support/raw-hub'
import { secretsIn } from '../support/secrets'

shareProcess(async () => ({ NODE_DEBUG: 'passport-huggingface' }))

test('NODE_DEBUG=passport-huggingface prints one line for each leg, without a secret', async () => {
  const { hub, visitor: person } = await startApp()
  printed()
  await person.signIn()
  await person.visit('/auth/huggingface/callback?code=opaque-code-of-somebody&state=x')
  hub.answers.token = respond({ error: 'invalid_grant', error_description: 'it has expired' }, { status: 400 })
  await person.signIn()
  const lines = printed()
    .replace(/^PASSPORT-HUGGINGFACE \d+: /gm, '')
    .trim()
  const expected = [/^begun: /, /^ended: success$/, /^ended: fail state_unknown /, /^begun: /, /^ended: error TokenError invalid_grant/]
  expect(lines.split('\n')).toEqual(expected.map((line) => expect.stringMatching(line)))
  expect(secretsIn(lines, [...hub.secrets, 'opaque-code-of-somebody'])).toEqual([])
})
