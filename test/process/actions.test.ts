import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, jest, test } from '@jest/globals'
import { type AppConfig, startApp, startHub, Visitor } from '../support/process'

jest.setTimeout(20_000)

/** Who opens the callback: anybody, or somebody who has consented at the Hub. */
type Way = 'anybody' | 'somebody who signs in'

async function visit(way: Way, config: AppConfig, stays = false) {
  const hub = await startHub({ keepAlive: true })
  const app = await startApp(hub, config)
  const visitor = new Visitor(app)
  const { token } = hub.answers
  // slower than the app's own time limit
  if (config.answersAfter) hub.answers.token = (...asked) => setTimeout(token, 150, ...asked)
  const anybodys = '/auth/huggingface/callback?code=x&state=y'
  const answer = await visitor.get(way === 'anybody' ? anybodys : await visitor.begin(), { stays })
  const { errors } = await app.log()
  return { hub, app, visitor, answer, errors }
}

const signer = 'somebody who signs in'
const thrown: [string, Way, AppConfig][] = [
  ['failureFlash without flash', 'anybody', { callback: { failureFlash: true } }],
  ['failureMessage without a session', 'anybody', { callback: { failureMessage: true } }],
  ['a callback that throws', 'anybody', { custom: 'throws' }],
  ['a callback that throws', signer, { custom: 'throws' }],
  ['a callback that rejects', signer, { custom: 'rejects' }],
]
const thrownInExpress: [string, Way, AppConfig][] = [
  ...thrown,
  ['a page that cannot be rendered', 'anybody', { custom: 'renders' }],
  ['a page that cannot be rendered', signer, { custom: 'renders' }],
  ['a session that cannot be regenerated', signer, { session: 'broken', callback: {} }],
  ['a refusal that cannot flash', signer, { verify: 'refuses', callback: { failureFlash: true } }],
]

async function expectOneError(way: Way, config: AppConfig) {
  const { hub, answer, errors, visitor } = await visit(way, config)
  expect(errors).toHaveLength(1)
  expect(errors[0]).toMatchObject({ isError: true })
  expect(answer).toMatchObject({ status: 500, answers: 1 })
  // the next visitor is as well off as the first one was
  const before = hub.requests.length
  expect(await visitor.get(await visitor.begin())).toMatchObject({ answers: 1 })
  expect(hub.requests.length).toBeGreaterThan(before)
}

describe.each([
  ['express', thrownInExpress],
  ['express4', thrownInExpress],
  ['http', thrown],
] as const)('in %s', (host, cases) => {
  test.each([...cases])('%s is an error page for %s, and no more', (_, way, config) => expectOneError(way, { host, ...config }))
})

test.each(thrown)('by instance, %s is an error page for %s', (_, way, config) => expectOneError(way, { by: 'instance', ...config }))

test.each<[string, AppConfig]>([
  ['successRedirect', { callback: { successRedirect: '/in' } }],
  ['failureRedirect', { verify: 'refuses', callback: { failureRedirect: '/out' } }],
])('a %s after the app has answered goes to the error handler', async (_, config) => {
  const { answer, errors, app, visitor } = await visit(signer, { ...config, answersAfter: 50 }, true)
  expect(answer).toMatchObject({ status: 503, answers: 1 })
  await sleep(100)
  expect(errors).toMatchObject([{ code: 'ERR_HTTP_HEADERS_SENT' }])
  expect(await app.alive()).toBe(true)
  expect(await visitor.signIn()).toMatchObject({ status: 503 })
})

test('a Hub that fails after the app has answered goes to the error handler', async () => {
  const hub = await startHub({ keepAlive: true })
  const app = await startApp(hub, { answersAfter: 50, callback: {} })
  const visitor = new Visitor(app)
  hub.answers.token = (socket) => setTimeout(() => socket.destroy(), 100)
  const answer = await visitor.get(await visitor.begin(), { stays: true })
  expect(answer).toMatchObject({ status: 503, answers: 1 })
  expect((await app.log()).errors).toMatchObject([{ phase: 'token' }])
})

test('cookie-session without the shim is an error that names it', async () => {
  const config: AppConfig = { session: 'cookie-session', callback: {} }
  const { answer, errors } = await visit(signer, config)
  expect(answer).toMatchObject({ status: 500, answers: 1 })
  expect(errors).toMatchObject([{ message: expect.stringMatching(/cookie-session/) }])
})

describe('verify', () => {
  test('that takes done for the profile signs nobody in', async () => {
    const { answer, errors } = await visit(signer, { verify: 'trap' })
    expect(answer).toMatchObject({ status: 500, answers: 1 })
    expect(errors).toMatchObject([{ name: 'TypeError' }])
  })

  test.each(['no parameter', 'one parameter', 'two parameters'])('of %s that returns a user signs in', async (verify) => {
    const { answer } = await visit(signer, { verify })
    expect(answer).toMatchObject({ status: 200, body: { user: { id: 'somebody' } } })
  })
})

describe("a stub's refusal reaches the app as an error:", () => {
  test.each([
    [400, '{"error":"invalid_grant"}', { name: 'TokenError', code: 'invalid_grant' }],
    [500, 'x', { name: 'HubError', code: 'unexpected_status', hubStatus: 500, phase: 'token' }],
  ])('status %i', async (statusCode, data, error) => {
    const { answer, errors } = await visit(signer, { stub: { statusCode, data } })
    expect(errors).toEqual([expect.objectContaining({ ...error, isError: true })])
    expect(answer).toMatchObject({ answers: 1 })
  })
})
