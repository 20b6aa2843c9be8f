import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import nock from 'nock'
import OAuth2Strategy from 'passport-oauth2'
import { AuthorizationError, HubError, HuggingFaceStrategy, InternalOAuthError, Strategy, TokenError } from '../lib'
import { attempt, begin, signIn } from './support/attempt'

const options = { clientID: 'the-client', clientSecret: 's3cret+/ ', callbackURL: 'https://app.example/auth/huggingface/callback' }
const tokens = {
  access_token: 'hf_oauth_token',
  token_type: 'bearer',
  expires_in: 28799,
  scope: 'profile',
  refresh_token: 'hf_oauth__refresh_1',
}
const ada = { sub: '62f264b9f3c90f4b6514a269', preferred_username: 'ada', name: 'Ada Moreno', isPro: false, orgs: [] }

const hub = (address = 'https://huggingface.co') => nock(address)

/** The form that the next token request sends. */
function keptForm(): Record<string, unknown> {
  const form = {}
  hub()
    .post('/oauth/token', (given) => Boolean(Object.assign(form, given)))
    .reply(200, tokens)
  return form
}

/** The connection is prepared while the person is at the Hub; these tests look at what follows. */
beforeEach(() => {
  nock.disableNetConnect()
})
afterEach(() => {
  nock.cleanAll()
  nock.enableNetConnect()
})
// Jest's workers share Node's http with the next file
afterAll(() => nock.restore())

describe('HuggingFaceStrategy', () => {
  test('is an OAuth2Strategy with the name huggingface, also exported as Strategy', () => {
    const strategy = new HuggingFaceStrategy(options, () => undefined)
    expect(strategy).toBeInstanceOf(OAuth2Strategy)
    expect(strategy.name).toBe('huggingface')
    expect(Strategy).toBe(HuggingFaceStrategy)
  })

  describe('begins a sign-in', () => {
    const strategy = new HuggingFaceStrategy(options, () => undefined)

    test('at the Hub, with PKCE and state that the app did not have to ask for', async () => {
      const { url, parameters } = await begin(strategy)
      expect(url.origin + url.pathname).toBe('https://huggingface.co/oauth/authorize')
      expect(parameters).toEqual({
        response_type: 'code',
        client_id: 'the-client',
        redirect_uri: options.callbackURL,
        scope: 'profile',
        state: expect.stringMatching(/^[\w.-]{20,}$/),
        code_challenge: expect.stringMatching(/^[\w-]{43}$/),
        code_challenge_method: 'S256',
      })
    })

    test('with a state and a challenge of its own each time', async () => {
      const [one, two] = [await begin(strategy), await begin(strategy)]
      expect(one.state).not.toBe(two.state)
      expect(one.parameters['code_challenge']).not.toBe(two.parameters['code_challenge'])
    })

    test('with a nonce where an ID token is asked for, and only there', async () => {
      const { parameters } = await begin(strategy, { scope: 'openid' })
      expect(parameters['nonce']).toBe(parameters['code_challenge'])
      expect((await begin(strategy)).parameters).not.toHaveProperty('nonce')
    })

    test('with the prompt and the organizations of this request', async () => {
      const { url } = await begin(strategy, { prompt: 'consent', orgIds: ['org-1', 'org-2'] })
      expect(url.searchParams.get('prompt')).toBe('consent')
      expect(url.searchParams.getAll('orgIds')).toEqual(['org-1', 'org-2'])
      expect((await begin(strategy, { orgIds: 'org-1' })).url.searchParams.getAll('orgIds')).toEqual(['org-1'])
    })

    test('without a redirect URI where the app names none', async () => {
      const { callbackURL, ...rest } = options
      const { parameters } = await begin(new HuggingFaceStrategy(rest, () => undefined), {}, { headers: { host: 'app.example' } })
      expect(parameters).not.toHaveProperty('redirect_uri')
    })

    test('with what a subclass adds, but nothing that would weaken it', async () => {
      class Subclass extends HuggingFaceStrategy {
        override authorizationParams() {
          return {
            login_hint: 'ada',
            nothing: undefined,
            state: 'mine',
            code_challenge: 'x',
            code_challenge_method: 'plain',
            response_type: 'token',
            client_id: 'y',
            redirect_uri: 'z',
          }
        }
      }
      const { parameters } = await begin(new Subclass(options, () => undefined))
      expect(parameters).toMatchObject({
        login_hint: 'ada',
        code_challenge_method: 'S256',
        response_type: 'code',
        client_id: 'the-client',
        redirect_uri: options.callbackURL,
      })
      expect(parameters).not.toHaveProperty('nothing')
      expect(parameters['state']).not.toBe('mine')
      expect(parameters['code_challenge']).not.toBe('x')
    })

    test('and lets nobody keep the redirect, which holds a state for one use', async () => {
      const headers: Record<string, unknown> = {}
      const res = {
        getHeader: (name: string) => headers[name],
        setHeader: (name: string, value: unknown) => Object.assign(headers, { [name]: value }),
      }
      await attempt(strategy, { res })
      expect(headers['Cache-Control']).toBe('no-store')
    })

    test('at an authorizationURL with a query of its own', async () => {
      const { url } = await begin(
        new HuggingFaceStrategy({ ...options, authorizationURL: 'https://login.example/a?tenant=1&prompt=none' }, () => undefined),
        { prompt: 'consent' },
      )
      expect(url.href).toMatch(/^https:\/\/login\.example\/a\?tenant=1&/)
      expect(url.searchParams.getAll('prompt')).toEqual(['consent'])
    })
  })

  describe('redeems the code', () => {
    test('with the verifier of the challenge, and the credentials form-encoded in Basic', async () => {
      let body = ''
      let authorization = ''
      hub()
        .post('/oauth/token')
        .reply(200, function (_uri, given) {
          body = new URLSearchParams(given as never).toString()
          authorization = String(this.req.headers['authorization'])
          return tokens
        })
      hub().get('/oauth/userinfo').reply(200, ada)
      const strategy = new HuggingFaceStrategy(options, (_a, _r, profile, done) => done(null, profile))
      const begun = await begin(strategy)
      const outcome = await attempt(strategy, { headers: { cookie: begun.cookie }, query: { code: 'the-code', state: begun.state } })
      expect(outcome).toMatchObject({ action: 'success', user: { id: ada.sub } })
      const form = Object.fromEntries(new URLSearchParams(body))
      expect(form).toEqual({
        grant_type: 'authorization_code',
        code: 'the-code',
        redirect_uri: options.callbackURL,
        code_verifier: expect.any(String),
      })
      expect(
        createHash('sha256')
          .update(form['code_verifier'] ?? '')
          .digest('base64url'),
      ).toBe(begun.parameters['code_challenge'])
      expect(Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()).toBe('the-client:s3cret%2B%2F+')
    })

    test('as a public client with client_id in the body, no secret and no Basic', async () => {
      let form = {}
      hub('https://public.example')
        .post('/oauth/token', (given) => {
          form = given
          return true
        })
        .matchHeader('authorization', (value) => value === undefined)
        .reply(200, tokens)
      hub('https://public.example').get('/oauth/userinfo').reply(200, ada)
      const strategy = new HuggingFaceStrategy(
        { clientID: 'the-client', callbackURL: options.callbackURL, hubURL: 'https://public.example/', stateSecret: 'seal' },
        async () => 'somebody',
      )
      expect(await signIn(strategy)).toMatchObject({ action: 'success', user: 'somebody' })
      expect(form).toMatchObject({ client_id: 'the-client', code: 'the-code' })
      expect(form).not.toHaveProperty('client_secret')
    })

    test('at a tokenURL and a userProfileURL elsewhere, with headers of the app that cannot replace ours', async () => {
      hub('https://token.example')
        .post('/t')
        .matchHeader('x-tenant', 'one')
        .matchHeader('authorization', /^Basic /)
        .reply(200, tokens)
      hub('https://info.example')
        .get('/u')
        .matchHeader('authorization', 'Bearer hf_oauth_token')
        .matchHeader('x-tenant', 'one')
        .reply(200, ada)
      const customHeaders = { 'X-Tenant': 'one', AUTHORIZATION: 'Custom' }
      const strategy = new HuggingFaceStrategy(
        { ...options, customHeaders, tokenURL: 'https://token.example/t', userProfileURL: 'https://info.example/u' },
        async () => 'somebody',
      )
      expect(await signIn(strategy)).toMatchObject({ action: 'success' })
    })

    test('with what a subclass adds to the token request, but nothing that would weaken it', async () => {
      class Subclass extends HuggingFaceStrategy {
        override tokenParams() {
          return { audience: 'x', code_verifier: 'mine', grant_type: 'password' }
        }
      }
      const form = keptForm()
      hub().get('/oauth/userinfo').reply(200, ada)
      await signIn(new Subclass(options, async () => 'somebody'))
      expect(form).toMatchObject({ audience: 'x', grant_type: 'authorization_code' })
      expect(form).not.toMatchObject({ code_verifier: 'mine' })
    })
  })

  describe('calls verify', () => {
    const reply = (granted: object = tokens) => {
      hub().post('/oauth/token').reply(200, granted)
      hub().get('/oauth/userinfo').reply(200, ada)
    }

    test('with 4 arguments, and hands its info on', async () => {
      reply()
      const strategy = new HuggingFaceStrategy(options, (accessToken, refreshToken, profile, done) => {
        done(null, { accessToken, refreshToken, id: profile.id }, { message: 'hello' })
      })
      expect(await signIn(strategy)).toEqual({
        action: 'success',
        user: { accessToken: 'hf_oauth_token', refreshToken: 'hf_oauth__refresh_1', id: ada.sub },
        info: { message: 'hello' },
      })
    })

    test('with 5 arguments, params after the refresh token', async () => {
      reply()
      const strategy = new HuggingFaceStrategy(options, (_accessToken, _refreshToken, params, profile, done) =>
        done(null, { params, id: profile.id }),
      )
      expect(await signIn(strategy)).toMatchObject({
        user: { id: ada.sub, params: { expires_in: 28799, scope: 'profile', token_type: 'bearer' } },
      })
    })

    test('with the request first', async () => {
      reply()
      const four = new HuggingFaceStrategy({ ...options, passReqToCallback: true }, (req, _a, _r, profile, done) =>
        done(null, [req.method, profile.id]),
      )
      expect(await signIn(four)).toMatchObject({ user: ['GET', ada.sub] })
      reply()
      const five = new HuggingFaceStrategy({ ...options, passReqToCallback: true }, (req, _a, _r, params, profile, done) =>
        done(null, [req.method, params.scope, profile.id]),
      )
      expect(await signIn(five)).toMatchObject({ user: ['GET', 'profile', ada.sub] })
    })

    test('and awaits the user that it returns', async () => {
      reply()
      expect(await signIn(new HuggingFaceStrategy(options, async (_a, _r, profile) => profile.username))).toMatchObject({
        action: 'success',
        user: 'ada',
      })
      reply()
      expect(await signIn(new HuggingFaceStrategy(options, (_a, _r, profile) => profile.username))).toMatchObject({
        action: 'success',
        user: 'ada',
      })
    })

    test('and waits for done where an async verify returns nothing', async () => {
      reply()
      const strategy = new HuggingFaceStrategy(options, async (_a, _r, _profile, done) => void setTimeout(done, 5, null, 'later'))
      expect(await signIn(strategy)).toMatchObject({ action: 'success', user: 'later' })
    })

    test.each<[string, () => unknown]>([
      ['false', () => false],
      ['null', () => null],
      ['undefined, with no room for done', () => undefined],
    ])('and fails the sign-in for a user that is %s', async (_, user) => {
      reply()
      expect(await signIn(new HuggingFaceStrategy(options, async (_a, _r, _p) => user()))).toMatchObject({
        action: 'fail',
        status: 401,
        info: { code: 'refused', message: 'This app does not let this account in.' },
      })
    })

    test('and hands on why it said no', async () => {
      reply()
      expect(
        await signIn(new HuggingFaceStrategy(options, (_a, _r, _p, done) => done(null, false, { message: 'not on the list' }))),
      ).toEqual({
        action: 'fail',
        info: { message: 'not on the list' },
        status: undefined,
      })
    })

    test.each<[string, (done: (error: unknown) => void) => unknown]>([
      [
        'throws',
        () => {
          throw new Error('database down')
        },
      ],
      ['rejects', () => Promise.reject(new Error('database down'))],
      ['calls back with an error', (done) => done(new Error('database down'))],
    ])('and where it %s, that is the error', async (_, fail) => {
      reply()
      const outcome = await signIn(new HuggingFaceStrategy(options, (_a, _r, _p, done) => fail(done)))
      expect(outcome).toMatchObject({ action: 'error', error: { message: 'database down' } })
    })

    test('and takes a rejection without a reason for an error all the same', async () => {
      reply()
      expect(await signIn(new HuggingFaceStrategy(options, () => Promise.reject()))).toMatchObject({
        action: 'error',
        error: { message: 'the sign-in failed, and what failed gave no reason' },
      })
    })

    test('and counts its first answer only', async () => {
      reply()
      const strategy = new HuggingFaceStrategy(options, async (_a, _r, _p, done) => {
        done(null, 'first')
        done(null, 'second')
        return 'third'
      })
      expect(await signIn(strategy)).toMatchObject({ action: 'success', user: 'first' })
    })

    test('without a refresh token where the Hub gives none', async () => {
      const { refresh_token, ...granted } = tokens
      reply(granted)
      expect(await signIn(new HuggingFaceStrategy(options, (_a, refreshToken, _p, done) => done(null, { refreshToken })))).toEqual({
        action: 'success',
        user: { refreshToken: undefined },
        info: {},
      })
    })

    test.each<[string, object]>([
      ['is true', { skipUserProfile: true }],
      ['says so', { skipUserProfile: () => true }],
      ['says so later', { skipUserProfile: (_token: string, done: (error: unknown, skip: boolean) => void) => done(null, true) }],
    ])('without a profile where skipUserProfile %s', async (_, skip) => {
      hub().post('/oauth/token').reply(200, tokens)
      const strategy = new HuggingFaceStrategy({ ...options, ...skip }, (_a, _r, profile, done) => done(null, { profile }))
      expect(await signIn(strategy)).toMatchObject({ action: 'success', user: { profile: undefined } })
    })
  })

  describe("hands back the app's own state", () => {
    test.each<[string, unknown]>([
      ['a string', 'returnTo'],
      ['an object', { returnTo: '/models', n: [1, null] }],
      ['false', false],
    ])('that is %s', async (_, state) => {
      hub().post('/oauth/token').reply(200, tokens)
      hub().get('/oauth/userinfo').reply(200, ada)
      const strategy = new HuggingFaceStrategy(options, (_a, _r, _p, done) => done(null, 'somebody', { scope: 'x' }))
      expect(await signIn(strategy, { options: { state } })).toEqual({ action: 'success', user: 'somebody', info: { scope: 'x', state } })
    })
  })

  describe('answers a callback', () => {
    const strategy = new HuggingFaceStrategy(options, async () => 'somebody')

    test('of somebody who denied with a fail and the words of the Hub', async () => {
      expect(
        await signIn(strategy, {
          query: { code: undefined, error: 'access_denied', error_description: 'The user denied\u0007 the request' },
        }),
      ).toEqual({
        action: 'fail',
        status: 403,
        info: { code: 'access_denied', message: 'The user denied the request' },
      })
    })

    test.each(['access_denied', 'login_required', 'consent_required', 'interaction_required', 'account_selection_required'])(
      'of somebody who has to act (%s) with a fail and a message',
      async (error) => {
        expect(await signIn(strategy, { query: { code: undefined, error } })).toMatchObject({
          action: 'fail',
          status: 403,
          info: { code: error, message: expect.stringMatching(/person/) },
        })
      },
    )

    test.each<[object, object]>([
      [
        { error: 'server_error', error_description: 'database down', error_uri: 'https://huggingface.co/docs' },
        { code: 'server_error', message: 'database down', status: 502, uri: 'https://huggingface.co/docs' },
      ],
      [{ error: 'temporarily_unavailable' }, { code: 'temporarily_unavailable', status: 503 }],
      [
        { error: 'invalid_scope', error_description: '' },
        { code: 'invalid_scope', message: expect.stringContaining('invalid_scope'), status: 500 },
      ],
      [{ error: 'constructor' }, { code: 'constructor' }],
      [{ error: '\u0007' }, { code: 'server_error' }],
    ])('that says %j with an AuthorizationError', async (query, expected) => {
      const outcome = await signIn(strategy, { query: { code: undefined, ...query } })
      expect(outcome).toMatchObject({ action: 'error', error: expected })
      expect(outcome.action === 'error' && outcome.error).toBeInstanceOf(AuthorizationError)
    })

    test('without the state that the Hub may repeat in what it says', async () => {
      const begun = await begin(strategy)
      const said = (error: string) => ({
        error,
        error_description: `no ${begun.state}`,
        error_uri: `https://hub.example/${begun.state}`,
        state: begun.state,
      })
      const outcome = await attempt(strategy, { headers: { cookie: begun.cookie }, query: said('server_error') })
      expect(outcome).toMatchObject({ action: 'error', error: { message: 'no ***', uri: 'https://hub.example/***' } })
    })

    test.each<[string, object, string, number]>([
      ['a repeated code', { code: ['a', 'b'] }, 'invalid_callback', 400],
      ['a code that is an object', { code: { x: '1' } }, 'invalid_callback', 400],
      ['an empty code', { code: '' }, 'invalid_callback', 400],
      ['a code without end', { code: 'x'.repeat(5000) }, 'invalid_callback', 400],
      ['a code in brackets', { code: undefined, 'code[]': 'x' }, 'invalid_callback', 400],
      ['a code and an error', { error: 'access_denied' }, 'invalid_callback', 400],
      ['an error that is an object', { code: undefined, error: { x: '1' } }, 'invalid_callback', 400],
      ['a repeated state', { state: ['a', 'b'] }, 'invalid_callback', 400],
      ['no state', { state: undefined }, 'state_missing', 403],
      ['a repeated iss', { iss: ['https://huggingface.co', 'https://evil.example'] }, 'invalid_callback', 400],
      ['another iss', { iss: 'https://evil.example' }, 'issuer_mismatch', 403],
      ['an iss that differs by a slash', { iss: 'https://huggingface.co/' }, 'issuer_mismatch', 403],
      ['a state that is none of ours', { state: 'x' }, 'state_unknown', 403],
      ['an error with a state that is none of ours', { code: undefined, error: 'access_denied', state: 'x' }, 'state_unknown', 403],
    ])('with %s with a fail, and asks the Hub nothing', async (_, query, code, status) => {
      const asked = jest.fn()
      nock.emitter.on('no match', asked)
      const begun = await begin(strategy)
      asked.mockClear()
      expect(
        await attempt(strategy, { headers: { cookie: begun.cookie }, query: { code: 'c', state: begun.state, ...query } }),
      ).toMatchObject({ action: 'fail', status, info: { code, message: expect.any(String) } })
      expect(asked).not.toHaveBeenCalled()
      nock.emitter.off('no match', asked)
    })

    test.each<[string, object]>([
      ['HEAD', { method: 'HEAD' }],
      ['a prefetch', { headers: { 'sec-purpose': 'prefetch;prerender' } }],
      ['an older prefetch', { headers: { purpose: 'prefetch' } }],
    ])('that is %s without using anything up', async (_, request) => {
      const begun = await begin(strategy)
      const query = { code: 'the-code', state: begun.state }
      const headers = { ...(request as { headers?: object }).headers, cookie: begun.cookie }
      expect(await attempt(strategy, { ...request, headers, query })).toMatchObject({
        action: 'fail',
        status: 425,
        info: { code: 'prefetched' },
      })
      hub().post('/oauth/token').reply(200, tokens)
      hub().get('/oauth/userinfo').reply(200, ada)
      expect(await attempt(strategy, { headers: { cookie: begun.cookie }, query })).toMatchObject({ action: 'success' })
    })

    test('whose query nobody has parsed, from its address', async () => {
      hub().post('/oauth/token').reply(200, tokens)
      hub().get('/oauth/userinfo').reply(200, ada)
      const begun = await begin(strategy)
      const request = { query: undefined, headers: { cookie: begun.cookie } }
      expect(await attempt(strategy, { ...request, url: `/cb?code=the-code&state=${begun.state}&code=again` })).toMatchObject({
        action: 'fail',
        info: { code: 'invalid_callback' },
      })
      expect(
        await attempt(strategy, { ...request, url: '/', originalUrl: `/cb?code=the-code&state=${begun.state}&iss=https://huggingface.co` }),
      ).toMatchObject({ action: 'success' })
    })

    test('and begins a sign-in for an address that is none', async () => {
      expect(await attempt(strategy, { query: { state: 'california', codes: '1' } })).toMatchObject({ action: 'redirect' })
      expect(await attempt(strategy, { query: null, url: undefined })).toMatchObject({ action: 'redirect' })
    })
  })

  describe('says what went wrong at the Hub', () => {
    const strategy = new HuggingFaceStrategy(options, async () => 'somebody')
    const failed = async () => {
      const outcome = await signIn(strategy)
      if (outcome.action !== 'error') throw new Error(`expected an error: ${JSON.stringify(outcome)}`)
      return outcome.error
    }

    test('in the words of OAuth, with the status and the request id', async () => {
      hub()
        .post('/oauth/token')
        .reply(
          400,
          { error: 'invalid_grant', error_description: 'code has expired', error_uri: 'https://huggingface.co/docs' },
          { 'x-request-id': 'Root=1-2' },
        )
      const error = await failed()
      expect(error).toBeInstanceOf(TokenError)
      expect(error).toMatchObject({
        code: 'invalid_grant',
        message: 'code has expired',
        uri: 'https://huggingface.co/docs',
        status: 502,
        hubStatus: 400,
        requestId: 'Root=1-2',
        phase: 'token',
      })
    })

    test('with a message even where the Hub describes nothing', async () => {
      hub().post('/oauth/token').reply(401, { error: 'invalid_client' })
      expect(await failed()).toMatchObject({
        name: 'TokenError',
        code: 'invalid_client',
        message: expect.stringMatching(/invalid_client.*401/),
        hubStatus: 401,
      })
    })

    test('where the token endpoint says so with status 200', async () => {
      hub().post('/oauth/token').reply(200, { error: 'bad_verification_code' })
      expect(await failed()).toMatchObject({ name: 'TokenError', code: 'bad_verification_code', hubStatus: 200 })
    })

    test.each<[string, number, object | string, object, object]>([
      [
        'a status without OAuth words',
        503,
        '<html>',
        { 'retry-after': '7' },
        { code: 'unexpected_status', phase: 'token', hubStatus: 503, retryAfter: 7, status: 502 },
      ],
      [
        'a date to wait for',
        429,
        '{}',
        { 'retry-after': new Date(Date.now() + 60_000).toUTCString() },
        { code: 'unexpected_status', hubStatus: 429, retryAfter: expect.any(Number) },
      ],
      ['a date to wait for that is none', 429, '{"error":7}', { 'retry-after': 'soon' }, { code: 'unexpected_status', hubStatus: 429 }],
      ['no JSON', 200, 'access_token=x', {}, { code: 'invalid_response', phase: 'token', hubStatus: 200 }],
      ['null', 200, 'null', {}, { code: 'invalid_response', phase: 'token' }],
    ])('where the token endpoint answers with %s', async (_, status, body, headers, expected) => {
      hub()
        .post('/oauth/token')
        .reply(status, body, headers as Record<string, string>)
      const error = await failed()
      expect(error).toBeInstanceOf(HubError)
      expect(error).toBeInstanceOf(InternalOAuthError)
      expect(error).toMatchObject(expected)
      expect(String(error)).toMatch(/^HubError: Failed to obtain access token: /)
    })

    test('with a usual code where the Hub names one that cannot be shown', async () => {
      hub().post('/oauth/token').reply(400, { error: '\u0007' })
      expect(await failed()).toMatchObject({ name: 'TokenError', code: 'invalid_request', hubStatus: 400 })
    })

    test('and asks nothing where the browser has left before', async () => {
      const begun = await begin(strategy)
      const socket = { destroyed: true, once: () => socket, removeListener: () => socket }
      const request = { socket, headers: { cookie: begun.cookie }, query: { code: 'the-code', state: begun.state } }
      expect(await attempt(strategy, request)).toMatchObject({ action: 'error', error: { code: 'aborted', phase: 'token', status: 499 } })
    })

    test('and lets a subclass read the errors of the token endpoint', async () => {
      class Subclass extends HuggingFaceStrategy {
        override parseErrorResponse(body: string, status: number) {
          return new RangeError(`${status} ${body}`)
        }
      }
      hub().post('/oauth/token').reply(418, 'teapot')
      expect(await signIn(new Subclass(options, async () => 'x'))).toMatchObject({
        action: 'error',
        error: { name: 'RangeError', message: '418 teapot' },
      })
    })

    test.each<[string, number, object | string, object, RegExp]>([
      [
        '401',
        401,
        { error: 'Invalid credentials in Authorization header' },
        { code: 'unauthorized', hubStatus: 401 },
        /Failed to fetch user profile: .*expired.*revoked/,
      ],
      ['500', 500, '', { code: 'unexpected_status', hubStatus: 500 }, /Failed to fetch user profile: .*500/],
      ['no JSON', 200, '<html>', { code: 'invalid_response' }, /Failed to parse user profile/],
      ['no object', 200, '[]', { code: 'invalid_response' }, /Failed to parse user profile/],
      ['no sub', 200, { name: 'Ada' }, { code: 'invalid_response' }, /Failed to parse user profile: .*sub/],
      ['a sub that is no string', 200, { sub: 7 }, { code: 'invalid_response' }, /Failed to parse user profile: .*sub/],
    ])('where userinfo answers with %s', async (_, status, body, expected, message) => {
      hub().post('/oauth/token').reply(200, tokens)
      hub().get('/oauth/userinfo').reply(status, body)
      expect(await failed()).toMatchObject({
        name: 'HubError',
        phase: 'userinfo',
        status: 502,
        message: expect.stringMatching(message),
        ...expected,
      })
    })
  })

  describe('works with what apps and helpers do to _oauth2', () => {
    const stubbed = (get: (url: string, token: string, done: (...answer: unknown[]) => void) => void) => {
      const strategy = new HuggingFaceStrategy(options, async () => 'somebody')
      Object.assign(Reflect.get(strategy, '_oauth2'), { get })
      return strategy
    }

    test('a stubbed get', async () => {
      const strategy = stubbed((url, token, done) => done(null, JSON.stringify({ ...ada, name: `${url} ${token}` })))
      expect(await strategy.fetchProfile('t')).toMatchObject({ id: ada.sub, displayName: 'https://huggingface.co/oauth/userinfo t' })
    })

    test.each<[unknown, object]>([
      [
        { statusCode: 401, data: 'hf_secret' },
        { code: 'unauthorized', hubStatus: 401 },
      ],
      [
        { statusCode: 502, data: 'x' },
        { code: 'unexpected_status', hubStatus: 502 },
      ],
      [
        Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }),
        { code: 'connection_failed', cause: { message: 'getaddrinfo ENOTFOUND', code: 'ENOTFOUND' } },
      ],
      ['a string', { code: 'connection_failed', cause: { message: 'no reason given' } }],
    ])('a get that answers the error %j', async (error, expected) => {
      await expect(stubbed((_url, _token, done) => done(error)).fetchProfile('t')).rejects.toMatchObject({ phase: 'userinfo', ...expected })
    })

    test('a stubbed getOAuthAccessToken that answers no params', async () => {
      const strategy = stubbed((_url, _token, done) => done(null, JSON.stringify(ada)))
      Object.assign(Reflect.get(strategy, '_oauth2'), {
        getOAuthAccessToken: (_code: string, _params: object, done: (...answer: unknown[]) => void) => done(null, 'at', 'rt'),
      })
      expect(await signIn(strategy)).toMatchObject({ action: 'success' })
    })

    test("node-oauth's shorter call of getOAuthAccessToken, and its call for any address", async () => {
      hub()
        .post('/oauth/token', 'code=abc')
        .reply(200, { ...tokens, refresh_token: null })
      hub().get('/api/whoami-v2').matchHeader('authorization', 'Bearer t').reply(200, '{}')
      const { _oauth2 } = new HuggingFaceStrategy(options, async () => 'somebody') as unknown as { _oauth2: import('oauth').OAuth2 }
      const granted = await new Promise((resolve) => _oauth2.getOAuthAccessToken('abc', (...answer) => resolve(answer)))
      expect(granted).toEqual([
        null,
        'hf_oauth_token',
        undefined,
        expect.objectContaining({ access_token: 'hf_oauth_token', scope: 'profile' }),
      ])
      const answer = await new Promise((resolve) =>
        _oauth2.getProtectedResource('https://huggingface.co/api/whoami-v2', 't', (...values) => resolve(values)),
      )
      expect(answer).toEqual([null, '{}', expect.objectContaining({ statusCode: 200 })])
    })
  })

  test("node-oauth's request for any address, with a body and without a token", async () => {
    hub()
      .post('/api/x', 'a=b')
      .matchHeader('authorization', (value) => value === undefined)
      .reply(200, '{}')
    const client = Reflect.get(new HuggingFaceStrategy(options, async () => 'somebody'), '_oauth2')
    const answer = await new Promise((resolve) =>
      client._request('POST', 'https://huggingface.co/api/x', null, 'a=b', null, (...values: unknown[]) => resolve(values)),
    )
    expect(answer).toEqual([null, '{}', expect.objectContaining({ statusCode: 200 })])
  })

  test('the oldest sign-in makes room for a sixth one, in whatever order the browser sends them', async () => {
    const strategy = new HuggingFaceStrategy(options, async () => 'somebody')
    const cookies: string[] = []
    for (let n = 0; n < 5; n++) cookies.push((await begin(strategy)).cookie)
    const [first = '', ...rest] = cookies
    const sixth = await begin(strategy, {}, { headers: { cookie: [...rest.reverse(), first].join('; ') } })
    const [removed, added] = sixth.cookies
    expect(sixth.cookies).toHaveLength(2)
    expect(removed).toMatch(new RegExp(`^${first.split('=')[0]}=; Max-Age=0;`))
    expect(added).toMatch(/Max-Age=600;/)
  })

  test('while the person is at the Hub the keys are fetched, over the connection that the token request will use', async () => {
    const keys = hub('https://one-server.example').get('/oauth/jwks').reply(200, { keys: [] })
    await begin(new HuggingFaceStrategy({ ...options, hubURL: 'https://one-server.example' }, async () => 'somebody'))
    while (!keys.isDone()) await new Promise((resolve) => setTimeout(resolve, 5))
  })

  test('nothing is fetched where neither keys nor the connection would be of use', async () => {
    const asked = jest.fn()
    nock.emitter.on('no match', asked)
    const elsewhere = { ...options, hubURL: 'https://two-servers.example', tokenURL: 'https://token.example/t' }
    await begin(new HuggingFaceStrategy(elsewhere, async () => 'somebody'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(asked).not.toHaveBeenCalled()
    await begin(new HuggingFaceStrategy({ ...elsewhere, scope: 'openid' }, async () => 'somebody'))
    while (!asked.mock.calls.length) await new Promise((resolve) => setTimeout(resolve, 5))
    nock.emitter.off('no match', asked)
  })

  test('nothing deprecated is called', () => {
    const script = "const { HuggingFaceStrategy } = require('./dist'); new HuggingFaceStrategy({ clientID: 'x' }, () => {})"
    execFileSync(process.execPath, ['--pending-deprecation', '--throw-deprecation', '-e', script], { cwd: join(__dirname, '..') })
  })

  test('connections are not kept where the app wants none to be', async () => {
    const strategy = new HuggingFaceStrategy({ ...options, hubURL: 'http://localhost' }, async () => 'somebody')
    expect(await attempt(strategy)).toMatchObject({ action: 'redirect' })
    Reflect.get(strategy, '_oauth2').setAgent(false)
    expect(await attempt(strategy)).toMatchObject({ action: 'redirect' })
  })

  test('a redirect URI that was named nowhere is not named to the token endpoint', async () => {
    const form = keptForm()
    hub().get('/oauth/userinfo').reply(200, ada)
    const { callbackURL, ...rest } = options
    expect(
      await signIn(new HuggingFaceStrategy(rest, async () => 'somebody'), { request: { headers: { host: 'app.example' } } }),
    ).toMatchObject({ action: 'success' })
    expect(form).not.toHaveProperty('redirect_uri')
  })

  test.each([
    [{ encrypted: true }, 'https://app.example/cb'],
    [{}, 'http://app.example/cb'],
  ])('a relative callback URL of plain Node is resolved by the socket %j', async (socket, expected) => {
    const strategy = new HuggingFaceStrategy({ ...options, callbackURL: '/cb' }, async () => 'somebody')
    expect((await begin(strategy, {}, { headers: { host: 'app.example' }, socket })).parameters['redirect_uri']).toBe(expected)
  })

  describe('refreshes', () => {
    const strategy = new HuggingFaceStrategy(options, async () => 'somebody')

    test('and answers the new tokens', async () => {
      hub()
        .post('/oauth/token', { grant_type: 'refresh_token', refresh_token: 'old' })
        .reply(200, { ...tokens, refresh_token: 'new' })
      expect(await strategy.refreshAccessToken('old')).toMatchObject({
        accessToken: 'hf_oauth_token',
        refreshToken: 'new',
        params: { expires_in: 28799 },
      })
    })

    test('and keeps the refresh token where the Hub sends none', async () => {
      hub()
        .post('/oauth/token')
        .reply(200, { ...tokens, refresh_token: undefined })
      expect(await strategy.refreshAccessToken('old')).toMatchObject({ refreshToken: 'old' })
    })

    test('and says why it cannot', async () => {
      hub().post('/oauth/token').reply(400, { error: 'invalid_grant', error_description: 'no token old here' })
      await expect(strategy.refreshAccessToken('old')).rejects.toMatchObject({ code: 'invalid_grant', message: 'no token *** here' })
    })
  })

  describe('where there is no place for the sign-in', () => {
    const strategy = new HuggingFaceStrategy({ clientID: 'public', callbackURL: options.callbackURL }, async () => 'somebody')

    test('says which two cures there are', async () => {
      expect(await attempt(strategy, { res: undefined })).toMatchObject({
        action: 'error',
        error: { message: expect.stringMatching(/stateSecret.*session/) },
      })
    })

    test('and uses the session where there is one', async () => {
      const session = {}
      expect(await attempt(strategy, { session })).toMatchObject({ action: 'redirect' })
      expect(Object.keys(session)).toHaveLength(1)
    })
  })

  test('answers what throws while it redirects with an error', async () => {
    const strategy = new HuggingFaceStrategy(options, async () => 'somebody')
    const error = await new Promise((resolve) => {
      const perRequest = Object.assign(Object.create(strategy), {
        redirect: () => {
          throw new Error('headers already sent')
        },
        error: resolve,
      })
      perRequest.authenticate({ headers: {}, query: {}, session: {} })
    })
    expect(error).toMatchObject({ message: 'headers already sent' })
  })
})
