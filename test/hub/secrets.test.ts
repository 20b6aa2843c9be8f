import { Agent, type ClientRequest } from 'node:http'
import { expect, test } from '@jest/globals'
import { type Behaviour, clientSecret, type RawRequest, respond, responseBytes } from '../support/raw-hub'
import { secretsIn } from '../support/secrets'
import { errorOf, signIn, startRawHub, strategyFor, watchSignIns } from '../support/sign-in'

// after each test it looks for secrets in all that was passed to `fail` and `error`
watchSignIns()

async function signInError(endpoint: 'token' | 'userinfo', behaviour: Behaviour) {
  const hub = await startRawHub()
  hub.answers[endpoint] = behaviour
  const error = errorOf(await signIn(hub, strategyFor(hub).strategy))
  expect(error['phase']).toBe(endpoint)
  return error
}

/** How a Hub or a proxy might repeat a text. */
const echoes: Record<string, (text: string) => string> = {
  'as it is': (text) => text,
  'in percent encoding': encodeURIComponent,
  'in percent encoding with small letters': (text) => encodeURIComponent(text).replace(/%../g, (code) => code.toLowerCase()),
  'in percent encoding twice': (text) => encodeURIComponent(encodeURIComponent(text)),
  'as a form': (text) => new URLSearchParams({ text }).toString(),
  'as JSON': (text) => JSON.stringify({ text }),
  'escaped for HTML': (text) => text.replace(/[^\w ]/g, (character) => `&#${character.charCodeAt(0)};`),
  'in hex': (text) => Buffer.from(text).toString('hex'),
  'in base64': (text) => Buffer.from(text).toString('base64'),
  'with line breaks in it': (text) => text.replace(/.{9}/g, '$&\r\n'),
  'with invisible characters in it': (text) => text.replace(/.{3}/g, '$&\u200b\u00ad\ufeff'),
}

const places: Record<string, (echo: string) => Behaviour> = {
  error_description: (echo) => respond({ error: 'invalid_request', error_description: `no: ${echo}` }, { status: 400 }),
  error: (echo) => respond({ error: echo }, { status: 400 }),
  error_uri: (echo) => respond({ error: 'invalid_request', error_uri: echo }, { status: 400 }),
  'x-request-id': (echo) => respond('', { status: 500, headers: { 'x-request-id': echo.replace(/[^ -~]/g, '') } }),
  'the body': (echo) => respond(echo, { status: 500 }),
  'the body of a 200': (echo) => respond(echo),
}

const confidences: ((request: RawRequest) => string)[] = [
  () => clientSecret,
  ({ form }) => `${form.get('code')} ${form.get('code_verifier')}`,
  ({ headers }) => Buffer.from(headers['authorization']?.slice('Basic '.length) ?? '', 'base64').toString(),
  ({ head, form }) => `${head} ${form}`,
]

test.each(Object.entries(echoes))('a token endpoint that repeats its request %s gives no secret away', async (_how, echo) => {
  for (const place of Object.values(places)) {
    for (const confidence of confidences) {
      await signInError('token', (socket, request, hub) => place(echo(confidence(request)))(socket, request, hub))
    }
  }
})

test.each(Object.keys(echoes))('these tests would see a secret %s', (how) => {
  const shown = echoes[how]?.(clientSecret) ?? ''
  for (const error of [new Error(shown), Object.assign(new Error(), { request: { shown } }), new Error('x', { cause: shown })]) {
    expect(secretsIn(error, [clientSecret])).toEqual([clientSecret])
  }
})

test('a token endpoint that quotes the tokens it would have given gives none of them away', async () => {
  const quoted = respond((request, hub) => {
    const tokens = hub.tokens(request)
    return { ...tokens, error: 'server_error', error_description: `could not store ${JSON.stringify(tokens)}` }
  })
  expect((await signInError('token', quoted)).message).toContain('could not store')
})

test.each(['no header', 'X-Tokens: \u0001'])('tokens behind a header that Node does not take (%j) are in no error', async (header) => {
  const error = await signInError('token', (socket, request, hub) =>
    socket.end(`HTTP/1.1 200 OK\r\n${header}${JSON.stringify(hub.tokens(request))}\r\n\r\n`),
  )
  expect(error['code']).toBe('connection_failed')
})

test.each([400, 401, 403, 500])(
  'a userinfo endpoint that repeats the access token with status %i gives it away nowhere',
  async (status) => {
    await signInError('userinfo', (socket, { headers, head }) => {
      const body = { error: headers['authorization'], error_description: head }
      socket.write(responseBytes(body, { status, headers: { 'x-request-id': headers['authorization'] } }))
    })
  },
)

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

test.each<[string, unknown]>([
  ['has no message and reasons that are no list', Object.assign(new Error(''), { errors: 'many' })],
  ['has no message and a reason that is null', Object.assign(new Error(''), { errors: [null] })],
  ['has a code that is not text', Object.assign(new Error('x'), { code: { secret: clientSecret } })],
  [
    'has a secret in all its parts',
    Object.assign(new Error(clientSecret), { name: clientSecret, code: clientSecret, rawPacket: clientSecret }),
  ],
  ['is text', `proxy refused ${clientSecret}`],
])('an agent whose error %s is an error of the connection', async (_title, cause) => {
  class BrokenAgent extends Agent {
    addRequest(request: ClientRequest) {
      process.nextTick(() => request.emit('error', cause))
    }
  }
  const hub = await startRawHub()
  const error = errorOf(await signIn(hub, strategyFor(hub, { agent: new BrokenAgent() }).strategy))
  expect(error).toMatchObject({
    name: 'HubError',
    code: 'connection_failed',
    phase: 'token',
    cause: { message: expect.stringMatching(/./) },
  })
})
