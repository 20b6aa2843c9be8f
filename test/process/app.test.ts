import { randomBytes } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { type AppConfig, shareProcess, startApp } from '../support/process'
import { respond, silent } from '../support/raw-hub'
import { until } from '../support/until'

shareProcess()

/** Who opens the callback: anybody, or somebody who has consented at the Hub. */
type Way = 'anybody' | 'somebody who signs in'
const signer = 'somebody who signs in'

const thrown: [string, Way, AppConfig][] = [
  ['failureFlash without flash', 'anybody', { callback: { failureFlash: true } }],
  ['a callback that throws', 'anybody', { custom: 'throws' }],
  ['a callback that throws', signer, { custom: 'throws' }],
  ['a callback that rejects', signer, { custom: 'rejects' }],
]
const withSession: typeof thrown = [['a session that cannot be regenerated', signer, { session: 'broken', callback: {} }]]

describe.each<[string, AppConfig, typeof thrown]>([
  ['Express 5', {}, [...thrown, ...withSession]],
  ['Express 4', { host: 'express4' }, [...thrown, ...withSession]],
  ['node:http', { host: 'http' }, thrown],
  ['Express, by instance', { by: 'instance' }, thrown],
])('in %s', (_, host, cases) => {
  test.each(cases)('%s is an error page for %s, and no more', async (__, way, config) => {
    const { visitor, errors } = await startApp({ ...host, ...config })
    const answer = await visitor.visit(way === 'anybody' ? '/auth/huggingface/callback?code=x&state=y' : await visitor.consent())
    expect(await errors()).toEqual([expect.objectContaining({ isError: true })])
    expect(answer).toMatchObject({ status: 500 })
    // the next visitor gets an answer too
    await visitor.signIn()
  })
})

test('cookie-session without what Passport needs is an error that explains the one of Passport', async () => {
  const { visitor, errors } = await startApp({ session: 'cookie-session', callback: {} })
  expect(await visitor.signIn()).toMatchObject({ status: 500 })
  expect(await errors()).toMatchObject([{ cause: expect.stringContaining('req.session.regenerate') }])
})

test('a visitor who leaves while the Hub is silent harms nobody', async () => {
  const { hub, visitor, errors } = await startApp({ strategies: { huggingface: { timeout: 300 } } })
  const { token } = hub.answers
  hub.answers.token = silent
  const leaving = new AbortController()
  visitor.visit(await visitor.consent(), { signal: leaving.signal }).catch(() => {})
  await until(() => hub.to('token').length > 0)
  leaving.abort()
  await until(async () => (await errors()).length > 0)
  expect(await errors()).toMatchObject([{ code: 'timeout', phase: 'token' }])
  hub.answers.token = token
  expect(await visitor.signIn()).toMatchObject({ status: 200 })
})

test('the keys that one strategy has fetched serve no other', async () => {
  const { hub, visitor } = await startApp({ strategies: { huggingface: {}, other: {} } })
  expect(await visitor.signIn({}, 'other')).toMatchObject({ status: 200 })
  hub.answers.jwks = respond({}, { status: 500 })
  expect(await visitor.signIn()).toMatchObject({ status: 502, json: { phase: 'jwks' } })
  expect(await visitor.signIn({}, 'other')).toMatchObject({ status: 200 })
})

test('planted cookies of 14.5 KB do not keep a sign-in from beginning', async () => {
  const { visitor } = await startApp()
  // each is 45 bytes in a header, with its separators
  for (let planted = 0; planted < Math.floor(14_500 / 45); planted += 1) {
    const time = (Date.now() + 1000 + planted).toString(36)
    visitor.jar.set(visitor.origin, `hf-signin.${time}.${randomBytes(16).toString('base64url')}`, 'x')
  }
  const answer = await visitor.visit('/auth/huggingface')
  expect(answer).toMatchObject({ status: 302 })
  expect(String(answer.headers['set-cookie']).length).toBeLessThan(8192)
})
