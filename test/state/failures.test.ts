import { afterEach, expect, jest, test } from '@jest/globals'
import { CookieStateStore, HuggingFaceStrategy, SessionStateStore } from '../../lib'
import { callbackURL, meta, Person } from './person'

const store = new CookieStateStore({ secret: 'a secret of more than sixteen characters' })
const other = () => new Person()

afterEach(() => {
  jest.restoreAllMocks()
})

test('names the Secure cookie, where the callback came over http', async () => {
  const person = new Person()
  const handle = await person.begin(store)
  const { info } = await person.finish(store, handle, { address: callbackURL.replace('https:', 'http:') })
  expect(info).toMatchObject({ code: 'state_lost', message: expect.stringMatching(/cookie is Secure.*over http.*proxy/) })
})

test('does not blame http, where a proxy says that the person uses https', async () => {
  const handle = await new Person().begin(store)
  const { info } = await other().finish(store, handle, {
    address: callbackURL.replace('https:', 'http:'),
    headers: { 'x-forwarded-proto': 'https' },
  })
  expect(info).toMatchObject({ code: 'state_lost', message: expect.not.stringContaining('Secure') })
})

test('names both hosts, where the callback came to another one', async () => {
  const person = new Person()
  const handle = await person.begin(store, undefined, { address: 'https://www.app.example/auth' })
  const { info } = await person.finish(store, handle, {
    address: 'https://other.example/auth',
    meta: { ...meta, callbackURL: 'https://app.example/auth' },
  })
  expect(info).toMatchObject({ code: 'state_lost', message: expect.stringMatching(/sent to other\.example.*names app\.example/) })
})

test('names the begin at another host, where the callback came to the right one', async () => {
  const person = new Person()
  const handle = await person.begin(store, undefined, { address: 'https://www.app.example/auth' })
  const { info } = await person.finish(store, handle)
  expect(info).toMatchObject({ code: 'state_lost', message: expect.stringMatching(/another browser.*another host name than app\.example/) })
})

test('names another browser, where nothing else is amiss', async () => {
  const handle = await new Person().begin(store)
  expect((await other().finish(store, handle)).info).toMatchObject({
    code: 'state_lost',
    message: expect.stringContaining('another browser'),
  })
})

test('speaks of the session, where that is what was lost', async () => {
  const sessions = new SessionStateStore()
  const person = new Person()
  person.session = {}
  const handle = await person.begin(sessions)
  person.session = {}
  expect((await person.finish(sessions, handle)).info).toMatchObject({
    code: 'state_lost',
    message: expect.stringMatching(/^No session of the sign-in came back/),
  })
})

test('says what to do next, and repeats nothing that came with the callback', async () => {
  const person = new Person()
  const handle = await person.begin(store)
  const done = await person.begin(store)
  await person.finish(store, done)
  const infos = [
    (await other().finish(store, handle)).info,
    (await person.finish(store, `${handle}<script>`)).info,
    (await person.finish(store, 'a'.repeat(5000))).info,
    (await person.finish(store, done)).info,
  ]
  expect(infos.map((info) => info?.code)).toEqual(['state_lost', 'state_unknown', 'state_unknown', 'state_used'])
  for (const info of infos) {
    expect(info?.message).toMatch(/Begin the sign-in again\.$/)
    expect(info?.message).not.toMatch(/script|aaaa/)
    expect(info?.message).not.toContain(handle)
  }
})

test('a callback without a state is not one that this app asked for', async () => {
  const strategy = new HuggingFaceStrategy({ clientID: 'an-app', clientSecret: 'its secret', callbackURL }, () => true)
  expect(await new Person().visit(strategy, `${callbackURL}?code=stolen`)).toMatchObject([
    { action: 'fail', status: 403, info: { code: 'state_missing' } },
  ])
})

test('a host that cannot be told from the request takes nothing away from the reason', async () => {
  const handle = await new Person().begin(store)
  const { info } = await other().finish(store, handle, { headers: { host: 'not a host' } })
  expect(info).toMatchObject({ code: 'state_lost' })
})
