import { expect, test } from '@jest/globals'
import { printed, shareProcess, startApp } from '../support/process'
import { respond } from '../support/raw-hub'
import { secretsIn } from '../support/secrets'

shareProcess({ NODE_DEBUG: 'passport-huggingface' })

test('NODE_DEBUG=passport-huggingface prints why each leg ended as it did, without a secret', async () => {
  const strategies = { huggingface: {}, restarting: { restart: true }, public: { clientSecret: undefined } }
  const { hub, visitor: person } = await startApp({ strategies })
  printed()
  await person.signIn()
  await person.visit('/auth/huggingface/callback?code=opaque-code-of-somebody&state=x')
  hub.answers.token = respond({ error: 'invalid_grant', error_description: 'it has expired' }, { status: 400 })
  await person.signIn()
  await person.visit('/auth/restarting/callback?code=opaque-code-of-somebody&state=x')
  await person.visit('/auth/public')
  // without Node's prefix
  const lines = printed()
    .trim()
    .split('\n')
    .map((line) => line.replace(/^PASSPORT-HUGGINGFACE \d+: /, ''))
  expect(lines).toEqual(
    [
      /^begun: /,
      /^ended: success$/,
      /^ended: fail state_unknown /,
      /^begun: /,
      /^ended: error TokenError invalid_grant/,
      /^begins again: The state was not issued by this app\.$/,
      /^begun: /,
      /^ended: error Error HuggingFaceStrategy: there is no secret/,
    ].map((line) => expect.stringMatching(line)),
  )
  expect(secretsIn(lines.join(), [...hub.secrets, 'opaque-code-of-somebody'])).toEqual([])
})
