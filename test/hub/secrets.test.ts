import { Agent, type ClientRequest } from 'node:http'
import { expect, test } from '@jest/globals'
import { type Behaviour, clientSecret, type RawRequest, respond } from '../support/raw-hub'
import { echoes, secretsIn } from '../support/secrets'
import { errorOf, signIn, startRawHub, strategyFor, watchSignIns } from '../support/sign-in'

// after each test it looks for secrets in all that was passed to `fail` and `error`
watchSignIns()

const places: ((echo: string) => Behaviour)[] = [
  (echo) => respond({ error: 'invalid_request', error_description: `no: ${echo}` }, { status: 400 }),
  (echo) => respond({ error: echo }, { status: 400 }),
  (echo) => respond({ error: 'invalid_request', error_uri: echo }, { status: 400 }),
  (echo) => respond('', { status: 500, headers: { 'x-request-id': echo.replace(/[^ -~]/g, '') } }),
  (echo) => respond(echo, { status: 500 }),
  (echo) => respond(echo),
]

const confidences: ((request: RawRequest) => string)[] = [
  () => clientSecret,
  ({ form }) => `${form.get('code')} ${form.get('code_verifier')}`,
  ({ headers }) => headers['authorization'] ?? '',
  ({ headers }) => Buffer.from(headers['authorization']?.slice('Basic '.length) ?? '', 'base64').toString(),
  ({ headers, form }) => `${JSON.stringify(headers)} ${form}`,
]

test.each(Object.entries(echoes))('a Hub that repeats requests %s gives no secret away', async (_how, echo) => {
  const hub = await startRawHub()
  const { strategy } = strategyFor(hub)
  for (const phase of ['token', 'userinfo'] as const) {
    const usual = hub.answers[phase]
    for (const [place, confidence] of places.flatMap((each) => confidences.map((one) => [each, one] as const))) {
      hub.answers[phase] = (socket, request) => place(echo(confidence(request)))(socket, request, hub)
      expect(errorOf(await signIn(strategy))).toMatchObject({ phase })
    }
    hub.answers[phase] = usual
  }
})

test('these tests would see a secret, however it is written and wherever it stands', () => {
  for (const shown of Object.values(echoes).map((echo) => echo(clientSecret))) {
    for (const error of [new Error(shown), Object.assign(new Error(), { request: { shown } }), new Error('x', { cause: shown })]) {
      expect(secretsIn(error, [clientSecret])).toEqual([clientSecret])
    }
  }
})

test.each(['\ud800', 'x\udfff', 'x\r\nX-Injected: 1', '\0'])(
  'a token that cannot be sent (%j) is an error, and not thrown',
  async (token) => {
    const hub = await startRawHub()
    hub.answers.token = respond({ error: 'invalid_grant' }, { status: 400 })
    const { strategy } = strategyFor(hub)
    await expect(strategy.refreshAccessToken(token)).rejects.toMatchObject({ code: 'invalid_grant' })
    await expect(strategy.fetchProfile(token)).rejects.toMatchObject({ code: 'connection_failed', phase: 'userinfo' })
  },
)

const everywhere = { name: clientSecret, code: clientSecret, rawPacket: clientSecret }
test.each<[string, unknown, unknown?]>([
  ['has no message and reasons that are no list', Object.assign(new Error(''), { errors: 'many' })],
  ['has no message and a reason that is null', Object.assign(new Error(''), { errors: [null] })],
  ['has only a code', Object.assign(new Error(''), { code: 'EMINE' }), 'EMINE'],
  ['has a code that is not text', Object.assign(new Error('mine'), { code: { secret: clientSecret } }), 'mine'],
  ['has a secret in all its parts', Object.assign(new Error(clientSecret), everywhere)],
  ['is text', `proxy refused ${clientSecret}`],
])('an agent whose error %s is an error of the connection', async (_title, cause, message = expect.stringMatching(/./)) => {
  class BrokenAgent extends Agent {
    addRequest(request: ClientRequest) {
      process.nextTick(() => request.emit('error', cause))
    }
  }
  const hub = await startRawHub()
  const error = errorOf(await signIn(strategyFor(hub, { agent: new BrokenAgent() }).strategy))
  const expected = { name: 'HubError', code: 'connection_failed', phase: 'token' }
  expect(error).toMatchObject({ ...expected, cause: { message } })
})
