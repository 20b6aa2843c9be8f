import { beforeEach, describe, expect, test } from '@jest/globals'
import { CookieStateStore, HuggingFaceStrategy, type HuggingFaceStrategyOptions, SessionStateStore } from '../lib/index'
import { type Behaviour, clientID, clientSecret, type Endpoint, type RawHub, respond, responseBytes, write } from './support/raw-hub'
import { authenticate, begin, callbackURL, errorOf, type Outcome, signIn, startRawHub, strategyFor, watchSignIns } from './support/sign-in'

/** The one place that asserts texts: a better word breaks one row of this file. */
watchSignIns()

let hub: RawHub
beforeEach(async () => {
  hub = await startRawHub()
})

/** Begins a sign-in, and comes back with this query, on this request. */
async function comeBack(query: object, request: object = {}, options: Partial<HuggingFaceStrategyOptions> = {}): Promise<Outcome> {
  const { strategy } = strategyFor(hub, { restart: false, ...options })
  const { url, cookie } = await begin(strategy)
  const all = { code: 'opaque', state: url.searchParams.get('state'), ...query }
  return authenticate(strategy, { url: '/cb', query: all, cookie, ...request })
}
const said = (error: string) => () => comeBack({ code: undefined, error, error_description: 'The Hub says so' })
const handle = () => `${Date.now().toString(36)}.${'x'.repeat(22)}`

const tryAgain = 'This sign-in could not be completed. Please try again.'

describe('a person whose sign-in fails is told', () => {
  type Row = [code: string, fail: () => Promise<Outcome>, message: string, detail: string]
  test.each<Row>([
    [
      'invalid_host',
      () => authenticate(strategyFor(hub, { callbackURL: '/cb' }).strategy, { url: '/', headers: { host: '' } }),
      'This address cannot be used to sign in.',
      'callbackURL is relative, and the request names no usable host.',
    ],
    ['invalid_callback', () => comeBack({ code: ['a', 'b'] }), tryAgain, '"code" is repeated, empty or too long.'],
    ['invalid_callback', () => comeBack({ error: 'access_denied' }), tryAgain, 'A callback has either a code or an error.'],
    [
      'prefetched',
      () => comeBack({}, { method: 'HEAD' }),
      'Open this page to sign in.',
      'A HEAD request or a prefetch begins and completes no sign-in.',
    ],
    ['issuer_mismatch', () => comeBack({ iss: 'https://evil.example' }), tryAgain, 'The callback names another issuer; is hubURL right?'],
    ['state_missing', () => comeBack({ state: undefined }), tryAgain, 'The callback has no state.'],
    [
      'state_lost',
      () => comeBack({}, { cookie: '' }),
      tryAgain,
      'No cookie or session of this sign-in came back. The browser may block cookies, the sign-in may have begun in another browser or on another host name, or the sign-in of another tab may have cleared the session.',
    ],
    [
      'state_lost',
      () => comeBack({}, { cookie: '', headers: { host: 'localhost:4567' } }),
      tryAgain,
      'The callback arrived at localhost:4567, but callbackURL names 127.0.0.1:4567. Open the app there.',
    ],
    [
      'state_lost',
      () => comeBack({}, { cookie: '' }, { callbackURL: 'https://127.0.0.1:4567/cb' }),
      tryAgain,
      'The cookie is Secure, but this server was reached over http. Use https, or tell the framework to trust the proxy in front of it.',
    ],
    ['state_unknown', () => comeBack({ state: 'x' }), tryAgain, 'The state was not issued by this app.'],
    ['state_unknown', () => comeBack({ state: handle() }), tryAgain, 'This browser did not begin it, or has begun 5 others since.'],
    [
      'state_unknown',
      async () => {
        const store = new CookieStateStore({ secret: 'shared' })
        const { url, cookie } = await begin(strategyFor(hub, { store }).strategy)
        const other = strategyFor(hub, { store, restart: false, clientID: 'another' }).strategy
        return authenticate(other, { url: `/cb?code=opaque&state=${url.searchParams.get('state')}`, cookie })
      },
      tryAgain,
      'It belongs to another hub or client.',
    ],
    [
      'state_expired',
      () => comeBack({}, {}, { store: new CookieStateStore({ secret: 'x', maxAge: -1 }) }),
      'This sign-in took too long. Please try again.',
      'It took longer than the maxAge of 0 seconds.',
    ],
    [
      'state_used',
      async () => {
        const { strategy } = strategyFor(hub)
        const { url, cookie } = await begin(strategy)
        const callback = { url: `/cb?code=opaque&state=${url.searchParams.get('state')}`, cookie }
        await authenticate(strategy, callback)
        return authenticate(strategy, callback)
      },
      'This sign-in is already complete. Go back to the app.',
      'The callback was loaded more than once.',
    ],
    ['access_denied', said('access_denied'), 'You did not allow the sign-in.', 'The Hub says so'],
    ['login_required', said('login_required'), 'You are not signed in to Hugging Face.', 'The Hub says so'],
    ['consent_required', said('consent_required'), 'You have not authorized this app on Hugging Face yet.', 'The Hub says so'],
    ['interaction_required', said('interaction_required'), 'Hugging Face needs you to do something first.', 'The Hub says so'],
    [
      'account_selection_required',
      said('account_selection_required'),
      'Please choose an account on Hugging Face first.',
      'The Hub says so',
    ],
    [
      'refused',
      () => signIn(hub, new HuggingFaceStrategy({ clientID, clientSecret, callbackURL, hubURL: hub.url }, async () => false)),
      'This account cannot sign in here.',
      'Your verify function returned no user.',
    ],
  ])('%s', async (code, fail, message, detail) => {
    expect(await fail()).toMatchObject({ action: 'fail', args: [{ code, message, detail }, expect.any(Number)] })
  })
})

describe('a developer reads in the log', () => {
  const answer = (endpoint: Endpoint, behaviour: Behaviour, options?: Partial<HuggingFaceStrategyOptions>) => () => {
    hub.answers[endpoint] = behaviour
    return signIn(hub, strategyFor(hub, options).strategy)
  }
  const oauth = (error: string, more: object = {}, options?: Partial<HuggingFaceStrategyOptions>) =>
    answer('token', respond({ error, ...more }, { status: 400 }), options)
  const tokens = 'HubError: Failed to obtain access token:'
  const userinfo = 'HubError: Failed to fetch user profile:'
  const keys = "HubError: Failed to fetch the Hub's signing keys:"
  const app = 'your OAuth app at https://huggingface.co/settings/connected-applications'

  test.each<[code: string, fail: () => Promise<Outcome>, text: string]>([
    ['timeout', answer('token', () => {}, { timeout: 200 }), `${tokens} no complete response within 200 ms; is the Hub reachable?`],
    ['connection_failed', answer('token', write('', 'FIN')), `${tokens} the request failed (socket hang up)`],
    ['response_too_large', answer('userinfo', respond('x'.repeat(1024 * 1024 + 1))), `${userinfo} the response exceeds 1048576 bytes`],
    [
      'response_truncated',
      answer('userinfo', write(responseBytes('{}', { headers: { 'content-length': 7 } }), 'FIN')),
      `${userinfo} the response was cut short`,
    ],
    ['unexpected_redirect', answer('token', respond('', { status: 302 })), `${tokens} the Hub redirected (302); is hubURL right?`],
    ['unexpected_status', answer('jwks', respond('', { status: 500 })), `${keys} the Hub responded with status 500`],
    [
      'unauthorized',
      answer('userinfo', respond('', { status: 401 })),
      `${userinfo} the access token has expired, or the person has revoked the app (401)`,
    ],
    ['invalid_response', answer('token', respond('<html>')), `${tokens} the response is not a JSON object`],
    ['invalid_response', answer('token', respond({})), `${tokens} the response has no usable bearer token; is tokenURL right?`],
    ['invalid_response', answer('userinfo', respond({})), `${userinfo} the response has no sub`],
    ['invalid_response', answer('jwks', respond({})), `${keys} the response is not a JSON Web Key Set`],
    [
      'invalid_response',
      answer('userinfo', respond('{}', { headers: { 'content-encoding': 'br' } })),
      `${userinfo} the response has an unexpected content encoding`,
    ],
    [
      'missing_id_token',
      answer('token', respond({ access_token: 'opaque' })),
      `${tokens} the Hub sent no ID token; enable the scope openid on your OAuth app`,
    ],
    [
      'invalid_id_token',
      answer('token', respond({ access_token: 'opaque', id_token: 'opaque' })),
      `${tokens} the ID token cannot be trusted: it is not a signed JWT`,
    ],
    ['sub_mismatch', answer('userinfo', respond({ sub: '7' })), `${userinfo} userinfo and the ID token name different people`],
    [
      'invalid_grant',
      oauth('invalid_grant', { error_description: 'It has expired' }),
      'TokenError: The Hub responded with invalid_grant: "It has expired". The code has expired or was used, or the redirect URI differs: begin the sign-in again.',
    ],
    [
      'invalid_client',
      oauth('invalid_client'),
      `TokenError: The Hub responded with invalid_client. The Hub did not accept this client ID and secret; compare them with ${app}.`,
    ],
    [
      'invalid_client',
      oauth('invalid_client', {}, { clientSecret: undefined, stateSecret: 'x'.repeat(32) }),
      'TokenError: The Hub responded with invalid_client. No client secret was sent: is its environment variable set?',
    ],
    ['invalid_scope', oauth('invalid_scope'), `TokenError: The Hub responded with invalid_scope. Enable the scope on ${app} too.`],
    [
      'invalid_scope',
      said('invalid_scope'),
      'AuthorizationError: The Hub responded to the authorization request with invalid_scope: "The Hub says so". You asked for "openid profile". Enable each scope on the OAuth app too.',
    ],
    [
      'server_error',
      said('server_error'),
      'AuthorizationError: The Hub responded to the authorization request with server_error: "The Hub says so".',
    ],
  ])('%s', async (code, fail, text) => {
    const error = errorOf(await fail())
    expect([error['code'], String(error)]).toEqual([code, text])
  })

  test('invalid_grant of a refresh, and what to do', async () => {
    hub.answers.token = respond({ error: 'invalid_grant' }, { status: 400 })
    const text =
      'The Hub responded with invalid_grant. The refresh token has been used, has expired or was revoked: let the person sign in again.'
    await expect(strategyFor(hub).strategy.refreshAccessToken('opaque')).rejects.toThrow(text)
  })

  test.each<[string, Partial<HuggingFaceStrategyOptions>, object, string]>([
    [
      'where to set a cookie',
      {},
      { res: undefined },
      'HuggingFaceStrategy cannot reach the response to set a cookie; set req.res = res before passport.authenticate',
    ],
    [
      'what a cookie needs',
      { clientSecret: undefined },
      {},
      'HuggingFaceStrategy has no secret to encrypt a cookie with; set clientSecret (is its environment variable set?), or stateSecret for a public client',
    ],
    [
      'what a redirect URI is',
      { callbackURL: undefined },
      {},
      'HuggingFaceStrategy: callbackURL is missing; set it to the redirect URI that is registered with your OAuth app',
    ],
    [
      'that a session is missing',
      { store: new SessionStateStore() },
      {},
      'there is no req.session; put the session middleware before passport.authenticate',
    ],
    ['that a state is too large', {}, { state: 'x'.repeat(4000) }, 'state is too large for a cookie'],
  ])('%s', async (_, options, { state, ...request }: { state?: string }, text) => {
    const outcome = await authenticate(strategyFor(hub, options).strategy, { url: '/', ...request }, { state })
    expect(errorOf(outcome).message.slice(0, text.length)).toBe(text)
  })
})
