import { createHash } from 'node:crypto'
import { expect, test } from '@jest/globals'
import nock from 'nock'
import { clientID, clientSecret, respond } from '../support/raw-hub'
import {
  authenticate,
  begin,
  callbackURL,
  errorOf,
  newCode,
  signIn,
  start,
  startRawHub,
  strategyFor,
  watchSignIns,
} from '../support/sign-in'
import { until } from '../support/until'

watchSignIns()

// each encoding writes these differently
const awkward = 'oauth_app_secret_1/2+3="4"&5%6\\7<8>9é *'

test.each([
  ['a secret', { clientSecret: awkward }, {}],
  ['no secret', { clientSecret: undefined, stateSecret: clientSecret }, { client_id: clientID }],
])('an app with %s exchanges the code with the verifier of its challenge', async (_, options, more) => {
  const hub = await startRawHub()
  const { strategy } = strategyFor(hub, { hubURL: `${hub.url}//`, ...options })
  const { url, comeBack } = await begin(strategy)
  expect(await comeBack({ code: 'opaque/+ code', iss: hub.url })).toMatchObject({ action: 'success' })
  const [request] = hub.to('token')
  const form = Object.fromEntries(request?.form ?? [])
  const verifier = expect.stringMatching(/^[\w-]{43}$/)
  const usual = { grant_type: 'authorization_code', code: 'opaque/+ code', redirect_uri: callbackURL, code_verifier: verifier }
  expect(form).toEqual({ ...usual, ...more })
  const challenge = createHash('sha256').update(String(form['code_verifier'])).digest('base64url')
  expect(challenge).toBe(url.searchParams.get('code_challenge'))
  // RFC 6749 2.3.1: form-encoded before Basic
  const credentials = `${clientID}:oauth_app_secret_1%2F2%2B3%3D%224%22%265%256%5C7%3C8%3E9%C3%A9+*`
  expect(request?.headers['authorization']).toBe(options.clientSecret && `Basic ${btoa(credentials)}`)
  expect(request?.headers['content-type']).toBe('application/x-www-form-urlencoded')
})

test("each request says what it accepts and who asks, and the app's headers do not replace its credentials", async () => {
  const { hub, strategy } = await start()
  await signIn(strategy)
  const usual = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'passport-huggingface' }
  expect(hub.requests.map(({ headers }) => headers)).toEqual(Array(3).fill(expect.objectContaining(usual)))
  const [userinfo] = hub.to('userinfo')
  expect(userinfo?.headers['authorization']).toBe(`Bearer ${hub.granted[0]?.['access_token']}`)
  expect(userinfo?.line).toBe('GET /oauth/userinfo')
  const customHeaders = { 'X-App': 'mine', 'USER-AGENT': 'mine/1', Accept: 'text/x', AUTHORIZATION: 'Custom' }
  const custom = await start({ customHeaders })
  await signIn(custom.strategy)
  const changed = { ...usual, accept: 'text/x', 'user-agent': 'mine/1', 'x-app': 'mine' }
  expect(custom.hub.requests.map(({ endpoint, headers }) => [endpoint, headers['authorization']?.split(' ')[0], headers])).toEqual([
    ['jwks', 'Custom', expect.objectContaining(changed)],
    ['token', 'Basic', expect.objectContaining(changed)],
    ['userinfo', 'Bearer', expect.objectContaining(changed)],
  ])
})

// what the Hub says, in its own words
const token = { access_token: `hf_oauth_${'x'.repeat(500)}`, token_type: 'bearer', expires_in: 28799, scope: 'profile' }
const userinfo = { sub: '62f264b9f3c90f4b6514a269', name: 'Ada', preferred_username: 'ada', isPro: false, orgs: [] }

test('a person signs in at huggingface.co if the app names no hub', async () => {
  nock.disableNetConnect()
  const huggingFace = nock('https://huggingface.co')
  huggingFace.get('/oauth/jwks').reply(200, { keys: [] })
  huggingFace.post('/oauth/token').reply(200, token)
  huggingFace.get('/oauth/userinfo').matchHeader('authorization', `Bearer ${token.access_token}`).reply(200, userinfo)
  try {
    const { url, comeBack } = await begin(strategyFor({ url: '' }, { hubURL: undefined, scope: undefined }).strategy)
    expect(url.origin + url.pathname).toBe('https://huggingface.co/oauth/authorize')
    expect(await comeBack({ iss: 'https://huggingface.co' })).toMatchObject({ action: 'success', args: [{ id: userinfo.sub }, {}] })
  } finally {
    nock.cleanAll()
    nock.enableNetConnect()
    // Jest's workers share Node's http with the next file
    nock.restore()
  }
})

test('code and token go where the app says', async () => {
  const [tokens, userinfo] = [await startRawHub(), await startRawHub()]
  const addresses = { tokenURL: `${tokens.url}/oauth/token`, userProfileURL: `${userinfo.url}/oauth/userinfo` }
  const { strategy } = await start({ scope: 'profile', ...addresses })
  expect(await signIn(strategy)).toMatchObject({ action: 'success' })
  expect([tokens, userinfo].map(({ requests }) => requests.length)).toEqual([1, 1])
})

test.each([
  ['openid', 1],
  ['profile', 0],
])('a server that has no keys fetches them beside the tokens, for the scope %s: %i times', async (scope, times) => {
  const hub = await startRawHub()
  const [one, other] = [strategyFor(hub, { scope }), strategyFor(hub, { scope })]
  const { state, cookie } = await begin(one.strategy)
  await until(() => hub.to('jwks').length === 1)
  const tokens = hub.hold('token')
  const outcome = authenticate(other.strategy, { cookie, query: { code: newCode(), state } })
  await until(() => tokens.length === 1 && hub.to('jwks').length === 1 + times)
  tokens[0]?.()
  expect(await outcome).toMatchObject({ action: 'success' })
  expect(hub.to('jwks')).toHaveLength(1 + times)
})

test('a sign-in that is over leaves no timer behind', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const before = timers()
  const { hub, strategy } = await start({ timeout: 60_000 }, { warm: true })
  expect(await signIn(strategy)).toMatchObject({ action: 'success' })
  hub.answers.userinfo = respond('', { status: 500 })
  errorOf(await signIn(strategy))
  // other timers of the process come and go
  await until(() => timers() <= before)
})
