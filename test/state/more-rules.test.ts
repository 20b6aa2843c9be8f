import { HuggingFaceStrategy, SessionStateStore } from '../../lib'
import { attempt, begin } from '../support/attempt'

const options = { clientID: 'the-client', clientSecret: 'the-secret', callbackURL: 'https://app.example/auth/huggingface/callback' }
const strategy = new HuggingFaceStrategy(options, async () => 'somebody')

test('a cookie of an https sign-in does not open under the plain name, also where the request looks like http', async () => {
  const begun = await begin(strategy)
  expect(begun.cookie).toMatch(/^__Host-hf-signin\./)
  const planted = begun.cookie.replace('__Host-', '')
  const query = { code: 'c', state: begun.state }
  const request = { headers: { host: 'app.example', cookie: planted }, query, protocol: 'http' }
  expect(await attempt(strategy, request)).toMatchObject({ action: 'fail', info: { code: 'state_unknown' } })
})

test('the mark of sign-ins that are done does not grow', async () => {
  let used = ''
  for (let n = 0; n < 8; n++) {
    const begun = await begin(strategy)
    const set: string[] = []
    const res = {
      getHeader: () => set,
      setHeader: (name: string, value: string[]) => name === 'Set-Cookie' && set.splice(0, set.length, ...value),
    }
    const headers = { host: 'app.example', cookie: `${begun.cookie}; ${used}` }
    await attempt(strategy, { res, headers, query: { error: 'access_denied', state: begun.state } })
    used = set.find((line) => line.startsWith('__Host-hf-signin.used='))?.split(';')[0] ?? ''
    expect(used).toContain(begun.state)
  }
  expect(used.split('~')).toHaveLength(5)
})

test('a store of three parameters is told about the sign-in, and each sign-in has a verifier of its own', async () => {
  const told: unknown[][] = []
  let count = 0
  const store = {
    store(...args: [unknown, unknown, (error: null, handle: string) => void]) {
      told.push(args)
      args[2](null, `handle-${++count}`)
    },
    verify() {},
  }
  // the number of parameters is what passport-oauth2's contract goes by
  Object.defineProperty(store.store, 'length', { value: 3 })
  const withStore = new HuggingFaceStrategy({ ...options, store }, async () => 'somebody')
  const [one, two] = [await begin(withStore), await begin(withStore)]
  expect(told[0]?.slice(0, 2)).toEqual([
    expect.objectContaining({ method: 'GET' }),
    expect.objectContaining({ clientID: 'the-client', callbackURL: options.callbackURL }),
  ])
  expect(one.state).toBe('handle-1')
  expect(one.parameters['code_challenge']).not.toBe(two.parameters['code_challenge'])
})

test('sign-ins in a session are kept under a key that can be relied on', async () => {
  const session: Record<string, unknown> = {}
  await begin(new HuggingFaceStrategy({ ...options, store: new SessionStateStore() }, async () => 'somebody'), {}, { session })
  expect(Object.keys(session)).toEqual(['huggingface:sign-ins'])
})
