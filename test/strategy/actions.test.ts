import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { expect, jest, test } from '@jest/globals'
import { strategyFor, watchSignIns } from '../support/sign-in'

watchSignIns()

/** Begins a sign-in in an app that does this when it is told to redirect. */
function beginWith(redirect: () => unknown, fields: object) {
  const req = new IncomingMessage(new Socket())
  Object.assign(req, { res: new ServerResponse(req), url: '/', ...fields })
  const { strategy } = strategyFor({ url: 'http://127.0.0.1:1' })
  return new Promise((error) => {
    Object.assign(Object.create(strategy), { redirect, error }).authenticate(req)
  })
}

const thrown = new Error('the session store is down')
const throwing = () => {
  throw thrown
}

const unreadable = { message: Object.create(null) }
test.each<[string, () => unknown, unknown]>([
  ['throws', throwing, thrown],
  ['rejects', async () => throwing(), thrown],
  ['rejects with no error', () => Promise.reject(unreadable), unreadable],
])("an app that %s while Passport's action is taken gets that in its error handler", async (_, redirect, expected) => {
  expect(await new Promise((next) => beginWith(redirect, { next }))).toBe(expected)
  // without next, by Passport's own way
  expect(await beginWith(redirect, { next: undefined })).toBe(expected)
})

test('a session that Passport cannot use is explained', async () => {
  const cause = new TypeError('req.session.regenerate is not a function')
  const error = await beginWith(() => Promise.reject(cause), {})
  expect(error).toMatchObject({ message: expect.stringContaining('cookie-session'), cause })
})

test('an error handler that throws is a warning, and not the end of the process', async () => {
  const warned = new Promise((resolve) => {
    jest.spyOn(process, 'emitWarning').mockImplementation(resolve)
  })
  beginWith(throwing, { next: throwing })
  expect(await warned).toContain('the session store is down')
})
