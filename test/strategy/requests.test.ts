import { execFileSync } from 'node:child_process'
import https from 'node:https'
import path from 'node:path'
import { expect, jest, test } from '@jest/globals'
import { certificate } from '../support/certificate'
import { printed, shareProcess, startApp } from '../support/process'
import { respond } from '../support/raw-hub'
import { secretsIn } from '../support/secrets'
import { begin, errorOf, finallyDo, finish, signIn, startRawHub, strategyFor, watchSignIns } from '../support/sign-in'

watchSignIns()
shareProcess(async () => ({ NODE_DEBUG: 'passport-huggingface' }))

test('the Hub has five seconds for a response, unless the app says otherwise', async () => {
  const hub = await startRawHub()
  const { strategy } = strategyFor(hub, { scope: 'profile', timeout: undefined })
  const { url, cookie } = await begin(strategy)
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] })
  const asked = new Promise((resolve) => {
    hub.answers.token = resolve
  })
  const settled = jest.fn()
  const request = finish(hub, strategy, url, cookie).finally(settled)
  await asked
  await jest.advanceTimersByTimeAsync(4999)
  expect(settled).not.toHaveBeenCalled()
  await jest.advanceTimersByTimeAsync(1)
  expect(errorOf(await request)).toMatchObject({ code: 'timeout' })
  jest.useRealTimers()
})

test("a certificate authority that the app has given Node's own agent is trusted", async () => {
  const tls = await certificate()
  const hub = await startRawHub({ tls })
  const { options } = https.globalAgent
  options.ca = tls.cert
  finallyDo(() => {
    delete options.ca
  })
  expect(await signIn(hub, strategyFor(hub).strategy)).toMatchObject({ action: 'success' })
})

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

test('loading the package and making a strategy starts nothing and calls nothing deprecated', () => {
  const script = `
    const state = () => JSON.stringify([process.eventNames(), Reflect.ownKeys(globalThis).map(String), process.getActiveResourcesInfo()])
    const before = state()
    const { HuggingFaceStrategy } = require('./dist')
    new HuggingFaceStrategy({ clientID: 'x', clientSecret: 'y', callbackURL: 'https://app.example/cb' }, () => {})
    console.log(before === state())`
  const flags = ['--pending-deprecation', '--throw-deprecation', '-e', script]
  const cwd = path.join(__dirname, '..', '..')
  expect(execFileSync(process.execPath, flags, { cwd, encoding: 'utf8' })).toBe('true\n')
})
