import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, test } from '@jest/globals'
import nock from 'nock'
import { AuthorizationError, HubError, HuggingFaceStrategy, InternalOAuthError, TokenError } from '../../lib/index'
import { clientID, clientSecret, type Endpoint, type RawHub, respond } from '../support/raw-hub'
import { authenticate, begin, callbackURL, errorOf, signIn, startRawHub, strategyFor, watchSignIns } from '../support/sign-in'

watchSignIns()

let hub: RawHub
beforeEach(async () => {
  hub = await startRawHub()
})

type Query = Record<string, unknown>

/** A sign-in whose callback has this query, parsed as Express would. An undefined value is left out. */
async function comeBack(strategy: HuggingFaceStrategy, query: Query) {
  const { url, cookie } = await begin(strategy)
  const state = url.searchParams.get('state')
  return authenticate(strategy, { url: '/cb', cookie, query: { code: hub.secret('opaque/'), state, ...query } })
}

describe('the code', () => {
  test('is exchanged with the verifier of the challenge, and the credentials form-encoded', async () => {
    const { strategy, verified } = strategyFor(hub)
    const { url, cookie } = await begin(strategy)
    const { code_challenge: challenge, state } = Object.fromEntries(url.searchParams)
    const query = new URLSearchParams({ code: 'opaque/+ code', state: String(state), iss: hub.url })
    expect(await authenticate(strategy, { url: `/cb?${query}`, cookie })).toMatchObject({ action: 'success' })
    expect(verified).toMatchObject([{ provider: 'huggingface', username: 'ada' }])
    const [request] = hub.to('token')
    const form = Object.fromEntries(request?.form ?? [])
    expect(form).toEqual({
      grant_type: 'authorization_code',
      code: 'opaque/+ code',
      redirect_uri: callbackURL,
      code_verifier: expect.any(String),
    })
    expect(createHash('sha256').update(String(form['code_verifier'])).digest('base64url')).toBe(challenge)
    const encoded = [clientID, clientSecret].map((each) => new URLSearchParams({ each }).toString().slice('each='.length))
    expect(request?.headers['authorization']).toBe(`Basic ${Buffer.from(encoded.join(':')).toString('base64')}`)
  })

  test('of a public app is exchanged with the client ID in the form, and no secret', async () => {
    const { strategy } = strategyFor(hub, { clientSecret: undefined, stateSecret: 's'.repeat(32), hubURL: `${hub.url}/` })
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
    const [request] = hub.to('token')
    expect(request?.form.get('client_id')).toBe(clientID)
    expect(request?.form.has('client_secret')).toBe(false)
    expect(request?.headers).not.toHaveProperty('authorization')
  })

  test('and the token go where the app says', async () => {
    const [tokens, userinfo] = [await startRawHub(), await startRawHub()]
    const options = { scope: 'profile', tokenURL: `${tokens.url}/oauth/token`, userProfileURL: `${userinfo.url}/oauth/userinfo` }
    expect(await signIn(hub, strategyFor(hub, options).strategy)).toMatchObject({ action: 'success' })
    expect([tokens.requests, userinfo.requests].map((requests) => requests.length)).toEqual([1, 1])
  })

  test('goes to huggingface.co if the app names no hub', async () => {
    nock.disableNetConnect()
    const huggingFace = nock('https://huggingface.co')
    huggingFace.get('/oauth/jwks').reply(200, { keys: [] })
    huggingFace.post('/oauth/token').reply(200, { access_token: 'opaque' })
    huggingFace.get('/oauth/userinfo').matchHeader('authorization', 'Bearer opaque').reply(200, { sub: '7' })
    const strategy = new HuggingFaceStrategy({ clientID, clientSecret, callbackURL }, async (_token, _refresh, { id }) => id)
    try {
      expect(await comeBack(strategy, { iss: 'https://huggingface.co' })).toMatchObject({ action: 'success', args: ['7', {}] })
    } finally {
      nock.cleanAll()
      nock.enableNetConnect()
      // Jest's workers share Node's http with the next file
      nock.restore()
    }
  })
})

test("each request says what it accepts and who asks, and the app's headers do not replace ours", async () => {
  await signIn(hub, strategyFor(hub, { customHeaders: { 'X-Tenant': 'one', AUTHORIZATION: 'Custom', Accept: 'text/x' } }).strategy)
  const sent = hub.requests.map(({ endpoint, headers }) => [endpoint, headers['authorization']?.split(' ')[0], headers])
  const usual = { accept: 'text/x', 'accept-encoding': 'identity', 'user-agent': 'passport-huggingface', 'x-tenant': 'one' }
  expect(sent).toEqual([
    ['jwks', 'Custom', expect.objectContaining(usual)],
    ['token', 'Basic', expect.objectContaining(usual)],
    ['userinfo', 'Bearer', expect.objectContaining(usual)],
  ])
  hub.requests.length = 0
  await signIn(hub, strategyFor(hub).strategy)
  expect(hub.requests.map(({ headers }) => headers['accept'])).toEqual(Array(3).fill('application/json'))
})

describe('a callback', () => {
  test.each<[string, Query, string, number]>([
    ['a repeated code', { code: ['a', 'b'] }, 'invalid_callback', 400],
    ['a code that is an object', { code: { x: '1' } }, 'invalid_callback', 400],
    ['an empty code', { code: '' }, 'invalid_callback', 400],
    ['a very long code', { code: 'x'.repeat(5000) }, 'invalid_callback', 400],
    ['a code in brackets', { code: undefined, 'code[]': 'x' }, 'invalid_callback', 400],
    ['a code and an error', { error: 'access_denied' }, 'invalid_callback', 400],
    ['an error that is an object', { code: undefined, error: { x: '1' } }, 'invalid_callback', 400],
    ['an error in brackets', { code: undefined, 'error[x]': '1' }, 'invalid_callback', 400],
    ['a repeated state', { state: ['a', 'b'] }, 'invalid_callback', 400],
    ['no state', { state: undefined }, 'state_missing', 403],
    ['a repeated iss', { iss: ['x', 'y'] }, 'invalid_callback', 400],
    ['another iss', { iss: 'https://evil.example' }, 'issuer_mismatch', 403],
    ['an error with a state that is not ours', { code: undefined, error: 'access_denied', state: 'x' }, 'state_unknown', 403],
  ])('with %s fails, sends nothing and spoils nothing', async (_, query, code, status) => {
    const { strategy } = strategyFor(hub)
    const { url, cookie } = await begin(strategy)
    const good = { code: 'opaque', state: url.searchParams.get('state') }
    const sent = Object.fromEntries(Object.entries({ ...good, ...query }).filter(([, value]) => value !== undefined))
    const outcome = await authenticate(strategy, { url: '/cb', cookie, query: sent })
    expect(outcome).toMatchObject({ action: 'fail', args: [{ code, message: expect.any(String) }, status], cookie: '' })
    expect(hub.to('token')).toEqual([])
    expect(await authenticate(strategy, { url: '/cb', cookie, query: good })).toMatchObject({ action: 'success' })
  })

  test('from an issuer that differs by a slash fails', async () => {
    const outcome = await comeBack(strategyFor(hub).strategy, { iss: `${hub.url}/` })
    expect(outcome).toMatchObject({ action: 'fail', args: [{ code: 'issuer_mismatch' }, 403] })
  })

  test('that nobody has parsed is read from its address', async () => {
    const { strategy } = strategyFor(hub)
    const { url, cookie } = await begin(strategy)
    const target = `/cb?code=opaque&state=${url.searchParams.get('state')}`
    const twice = await authenticate(strategy, { url: `${target}&code=again`, cookie })
    expect(twice).toMatchObject({ action: 'fail', args: [{ code: 'invalid_callback' }, 400] })
    expect(await authenticate(strategy, { url: '/', originalUrl: target, cookie })).toMatchObject({ action: 'success' })
  })

  test.each([{ query: { state: 'california', codes: '1' } }, { query: null, url: undefined as unknown as string }])(
    '%j is not one, so a sign-in begins',
    async (request) => {
      expect(await authenticate(strategyFor(hub).strategy, { url: '/', ...request })).toMatchObject({ action: 'redirect' })
    },
  )
})

describe('an error that comes back from the Hub', () => {
  test.each(['access_denied', 'login_required', 'consent_required', 'interaction_required', 'account_selection_required'])(
    '%s is the choice of the person: a failure',
    async (error) => {
      const outcome = await comeBack(strategyFor(hub).strategy, { code: undefined, error, error_description: 'The user\u0007 said no' })
      expect(outcome).toMatchObject({
        action: 'fail',
        args: [{ code: error, message: expect.any(String), detail: 'The user said no' }, 403],
      })
    },
  )

  test.each<[string, string, number]>([
    ['server_error', 'server_error', 502],
    ['temporarily_unavailable', 'temporarily_unavailable', 503],
    ['invalid_scope', 'invalid_scope', 500],
    ['constructor', 'constructor', 500],
    ['Not a code!', 'server_error', 502],
  ])('%s is an AuthorizationError %s with status %i', async (said, code, status) => {
    const more = { error_description: 'it burns', error_uri: 'https://hub.example/docs' }
    const error = errorOf(await comeBack(strategyFor(hub).strategy, { code: undefined, error: said, ...more }))
    expect(error).toBeInstanceOf(AuthorizationError)
    expect(error).toMatchObject({ code, uri: more.error_uri, status, statusCode: status, expose: false })
  })

  test('does not show the state that it repeats', async () => {
    const { strategy } = strategyFor(hub)
    const { url, cookie } = await begin(strategy)
    const state = String(url.searchParams.get('state'))
    hub.secrets.add(state)
    const query = { error: 'server_error', error_description: `no ${state}`, error_uri: `https://hub.example/${state}`, state }
    expect(await authenticate(strategy, { url: '/cb', cookie, query })).toMatchObject({ action: 'error' })
  })
})

describe('a sign-in that the Hub lets down', () => {
  test.each<[Endpoint, number, object]>([
    ['token', 503, { code: 'unexpected_status', hubStatus: 503 }],
    ['jwks', 500, { code: 'unexpected_status', hubStatus: 500 }],
    ['userinfo', 401, { code: 'unauthorized', hubStatus: 401 }],
  ])('by its %s endpoint, with status %i, ends in a HubError', async (phase, status, expected) => {
    hub.answers[phase] = respond('<html>', { status, headers: { 'x-request-id': 'Root=1-2', 'retry-after': 7 } })
    const error = errorOf(await signIn(hub, strategyFor(hub).strategy))
    expect([error instanceof HubError, error instanceof InternalOAuthError]).toEqual([true, true])
    const details = { requestId: 'Root=1-2', retryAfter: 7 }
    expect(error).toMatchObject({ name: 'HubError', phase, status: 502, statusCode: 502, expose: false, ...details, ...expected })
  })

  test.each([400, 401, 200])('by an error code of OAuth with status %i ends in a TokenError', async (status) => {
    const body = { error: 'invalid_grant', error_description: 'it has expired', error_uri: 'https://hub.example/docs' }
    hub.answers.token = respond(body, { status, headers: { 'x-request-id': 'Root=1-2' } })
    const error = errorOf(await signIn(hub, strategyFor(hub).strategy))
    expect(error).toBeInstanceOf(TokenError)
    const uri = 'https://hub.example/docs'
    expect(error).toMatchObject({ code: 'invalid_grant', uri, status: 502, hubStatus: status, requestId: 'Root=1-2', phase: 'token' })
  })

  test('by saying nothing ends in a 504', async () => {
    hub.answers.token = () => {}
    const error = errorOf(await signIn(hub, strategyFor(hub, { timeout: 100 }).strategy))
    expect(error).toMatchObject({ code: 'timeout', phase: 'token', status: 504, statusCode: 504 })
  })
})
