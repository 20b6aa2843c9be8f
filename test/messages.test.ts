import { beforeEach, describe, expect, test } from '@jest/globals'
import { CookieStateStore, HuggingFaceStrategy, type HuggingFaceStrategyOptions, SessionStateStore, type StateStore } from '../lib/index'
import {
  type Behaviour,
  clientID,
  clientSecret,
  type Endpoint,
  type Json,
  type RawHub,
  respond,
  responseBytes,
  write,
} from './support/raw-hub'
import {
  authenticate,
  begin,
  callbackURL,
  errorOf,
  type Outcome,
  signIn,
  startRawHub,
  strategyFor,
  type TestRequest,
  watchSignIns,
} from './support/sign-in'

/** The one place that asserts texts: a better word breaks one row of this file. */
watchSignIns()

let hub: RawHub
beforeEach(async () => {
  hub = await startRawHub()
})

type Options = Partial<HuggingFaceStrategyOptions>

/** Begins a sign-in, and comes back with this query, on this request. */
async function comeBack(query: Json, request: TestRequest = {}, options: Options = {}): Promise<Outcome> {
  const begun = await begin(strategyFor(hub, { restart: false, ...options }).strategy)
  return begun.comeBack(query, request)
}
const said = (error: string) => comeBack({ code: undefined, error, error_description: 'The Hub says so' })

async function onAnotherServer() {
  const { state, cookie } = await begin(strategyFor(hub, { stateSecret: 'x'.repeat(32) }).strategy)
  return comeBack({ state }, { cookie })
}
async function twice() {
  const begun = await begin(strategyFor(hub).strategy)
  await begun.comeBack()
  return begun.comeBack()
}
/** A store written for passport-oauth2, which passes these to its callbacks. */
const storeOf = (handle: string, verifier: string | false = false, state?: object): StateStore => ({
  store: (_req, _verifier, _state, _meta, done) => done(null, handle),
  verify: (_req, _handle, _meta, done) => done(null, verifier, state),
})
const verifiedBy = (verify: () => Promise<false>) =>
  signIn(new HuggingFaceStrategy({ clientID, clientSecret, callbackURL, hubURL: hub.url }, verify))
const tooLate = { store: new CookieStateStore({ secret: 'x', maxAge: -1 }) }
const unissued = `${Date.now().toString(36)}.${'x'.repeat(22)}`

const tryAgain = 'This sign-in could not be completed. Please try again.'

describe('a person whose sign-in fails is told', () => {
  /** The message for the person, the detail for the developer, and how it comes to that. */
  const failures: Record<string, () => Promise<Outcome>> = {
    'invalid_host (400): This address cannot be used to sign in. | callbackURL is relative, and the request names no usable host.': () =>
      authenticate(strategyFor(hub, { callbackURL: '/cb' }).strategy, { headers: { host: '' } }),
    [`invalid_callback (400): ${tryAgain} | A callback has one code or one error, and nothing repeated, empty or too long.`]: () =>
      comeBack({ error: 'access_denied' }),
    'prefetched (425): Open this page to sign in. | A HEAD request or a prefetch begins and completes no sign-in.': () =>
      comeBack({}, { method: 'HEAD' }),
    [`issuer_mismatch (403): ${tryAgain} | It names another issuer; is hubURL right?`]: () => comeBack({ iss: 'https://evil.example' }),
    [`state_missing (403): ${tryAgain} | The callback has no state.`]: () => comeBack({ state: undefined }),
    [`state_unknown (403): ${tryAgain} | The state was not issued by this app.`]: () => comeBack({ state: 'x' }),
    [`state_unknown (403): ${tryAgain} | This browser did not begin it, or has begun 5 others.`]: () => comeBack({ state: unissued }),
    [`state_unknown (403): ${tryAgain} | It belongs to another hub or client.`]: () =>
      comeBack({}, {}, { store: storeOf('a handle', 'a verifier', { audience: 'another', callbackURL, scope: 'profile' }) }),
    [`state_unknown (403): ${tryAgain} | The state store said: no`]: () =>
      comeBack({}, {}, { store: storeOf('a handle', false, { message: Symbol('no text') }) }),
    [`state_unknown (403): ${tryAgain} | The state store said: It burns`]: () =>
      comeBack({}, {}, { store: storeOf('a handle', false, { message: 'It burns' }) }),
    [`state_unknown (403): ${tryAgain} | Its cookie cannot be decrypted; is the secret the same on all servers?`]: onAnotherServer,
    'state_expired (403): This sign-in took too long. Please try again. | It took longer than the maxAge of 0 seconds.': () =>
      comeBack({}, {}, tooLate),
    'state_used (403): This sign-in is already complete. Go back to the app. | The callback was loaded more than once.': twice,
    'access_denied (403): You did not allow the sign-in. | The Hub says so': () => said('access_denied'),
    'login_required (403): You are not signed in to Hugging Face. | The Hub says so': () => said('login_required'),
    'consent_required (403): You have not authorized this app on Hugging Face yet. | The Hub says so': () => said('consent_required'),
    'interaction_required (403): Hugging Face needs you to do something first. | The Hub says so': () => said('interaction_required'),
    'account_selection_required (403): Please choose an account on Hugging Face first. | The Hub says so': () =>
      said('account_selection_required'),
    'refused (401): This account cannot sign in here. | Your verify function returned no user.': () => verifiedBy(async () => false),
  }
  test.each(Object.entries(failures))('%s', async (text, fail) => {
    const { action, args } = await fail()
    const { code, message, detail } = args[0] as Record<string, string>
    expect([action, `${code} (${args[1]}): ${message} | ${detail}`]).toEqual(['fail', text])
  })

  test.each([
    ['http://localhost:4567', { host: 'localhost:4567' }],
    ['https://app.example', { host: 'inner', 'x-forwarded-host': 'app.example', 'x-forwarded-proto': 'https' }],
    ['this server', { host: '' }],
  ])('state_lost, with the address %s for the developer', async (address, headers) => {
    const { args } = await comeBack({}, { cookie: '', headers })
    const detail = expect.stringContaining(`No cookie or session of this sign-in came back to ${address}. If callbackURL has another`)
    expect(args).toEqual([{ code: 'state_lost', message: tryAgain, detail }, 403])
  })
})

describe('a developer reads in the log', () => {
  const answer = (endpoint: Endpoint, behaviour: Behaviour, options?: Options) => () => {
    hub.answers[endpoint] = behaviour
    return signIn(strategyFor(hub, options).strategy)
  }
  const oauth = (error: string, options?: Options) => answer('token', respond({ error }, { status: 400 }), options)
  const tokens = (more: Json) => answer('token', respond({ access_token: 'opaque', ...more }))
  const idToken = (claims: (now: number) => Json) => {
    const issue = (now: number) => respond((request, { tokens }) => tokens.call(hub, request, claims(now)))
    return () => answer('token', issue(Math.floor(Date.now() / 1000)))()
  }
  const publicClient = { clientSecret: undefined, stateSecret: 'x'.repeat(32) }
  const app = 'your OAuth app: https://huggingface.co/settings/connected-applications'
  const cut = write(responseBytes('{}', { headers: { 'content-length': 7 } }), 'FIN')
  const untrusted = 'the ID token cannot be trusted:'

  const errors: Record<string, Record<string, () => Promise<Outcome>>> = {
    'HubError: Failed to obtain access token': {
      'no complete response within 200 ms; is the Hub reachable?': answer('token', () => {}, { timeout: 200 }),
      'the request failed (socket hang up)': answer('token', write('', 'FIN')),
      'the request failed (closed without a response)': answer(
        'token',
        write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
      ),
      'the Hub responded with status 302; is hubURL right?': answer('token', respond('', { status: 302 })),
      'the response is not a JSON object': answer('token', respond('<html>')),
      'the response has no usable bearer token; is tokenURL right?': answer('token', respond({})),
      'the Hub sent no ID token; enable the scope openid on your OAuth app': tokens({}),
      [`${untrusted} it is not a signed JWT`]: tokens({ id_token: 'opaque' }),
      [`${untrusted} it is not JSON`]: tokens({ id_token: 'AAAA.AAAA.AAAA' }),
      [`${untrusted} it is not encoded as base64url`]: tokens({ id_token: '+.AAAA.AAAA' }),
      [`${untrusted} it is not signed by RS256`]: tokens({ id_token: 'e30.AAAA.AAAA' }),
      [`${untrusted} it is signed by none of the Hub's keys`]: tokens({ id_token: `${btoa('{"alg":"RS256"}')}.AAAA.AAAA` }),
      [`${untrusted} it needs an extension that is not supported`]: tokens({
        id_token: `${btoa('{"alg":"RS256","crit":[  ]}')}.AAAA.AAAA`,
      }),
      [`${untrusted} "iss" is not the Hub`]: idToken(() => ({ iss: 'x' })),
      [`${untrusted} "sub" is not an identifier`]: idToken(() => ({ sub: 7 })),
      [`${untrusted} "aud" is not this client alone`]: idToken(() => ({ aud: 'x' })),
      [`${untrusted} "azp" is another client`]: idToken(() => ({ azp: 'x' })),
      [`${untrusted} "exp" is missing or has passed`]: idToken((now) => ({ exp: now - 100 })),
      [`${untrusted} "iat" is missing`]: idToken(() => ({ iat: undefined })),
      [`${untrusted} "iat" is in the future; is the clock of this server right?`]: idToken((now) => ({ iat: now + 100 })),
      [`${untrusted} "nbf" is in the future`]: idToken((now) => ({ nbf: now + 100 })),
      [`${untrusted} "nonce" is not the one this sign-in sent`]: idToken(() => ({ nonce: 'x' })),
      [`${untrusted} "at_hash" belongs to another access token`]: idToken(() => ({ at_hash: 'x' })),
    },
    'HubError: Failed to fetch user profile': {
      'the response exceeds 1048576 bytes': answer('userinfo', respond('x'.repeat(1024 * 1024 + 1))),
      'the response was cut short': answer('userinfo', cut),
      'the Hub responded with status 401: the access token has expired or was revoked': answer('userinfo', respond('', { status: 401 })),
      'the response has no sub': answer('userinfo', respond({})),
      'the response has an unexpected content encoding': answer('userinfo', respond('{}', { headers: { 'content-encoding': 'br' } })),
      'the ID token names another person': answer('userinfo', respond({ sub: '7' })),
    },
    "HubError: Failed to fetch the Hub's signing keys": {
      'the Hub responded with status 500': answer('jwks', respond('', { status: 500 })),
      'the response is not a JSON Web Key Set': answer('jwks', respond({})),
    },
    TokenError: {
      'The Hub responded with invalid_grant. The code or refresh token is used up, expired or revoked: sign in again.': oauth(
        'invalid_grant',
        publicClient,
      ),
      [`The Hub responded with invalid_client. Compare the client ID and secret with ${app}`]: oauth('invalid_client'),
      'The Hub responded with invalid_client. No client secret was sent: is its environment variable set?': oauth(
        'invalid_client',
        publicClient,
      ),
      [`The Hub responded with invalid_scope. Enable the scope in ${app}`]: oauth('invalid_scope'),
      'The Hub responded with server_error: "It burns".': tokens({ error: 'server_error', error_description: 'It burns' }),
    },
    TypeError: {
      'the state store passed no handle to its callback': () => authenticate(strategyFor(hub, { store: storeOf('') }).strategy),
      'the state store did not return the verifier and the state': () => comeBack({}, {}, { store: storeOf('a handle', 'a verifier') }),
    },
    Error: { 'the sign-in failed without a reason': () => verifiedBy(() => Promise.reject()) },
    AuthorizationError: {
      'The Hub responded to the authorization request with invalid_scope: "The Hub says so". You asked for "openid profile". Enable each scope on the OAuth app too.':
        () => said('invalid_scope'),
      'The Hub responded to the authorization request with server_error: "The Hub says so".': () => said('server_error'),
    },
  }
  const rows = Object.entries(errors).flatMap(([start, ends]) =>
    Object.entries(ends).map(([end, fail]) => ({ text: `${start}: ${end}`, fail })),
  )
  test.each(rows)('$text', async ({ text, fail }) => {
    const error = errorOf(await fail())
    expect([String(error), error['code'] === '']).toEqual([text, false])
  })

  test.each([
    ['  It\n\t burns ', 'It burns'],
    ['It\0\u200b\u00ad burns', 'It burns'],
    [`It ${'x'.repeat(20)}! ${'x'.repeat(19)}`, `It ***! ${'x'.repeat(19)}`],
    [`It ${'x\u200b'.repeat(19)}x burns`, 'It *** burns'],
    [`It ${'x\ud800'.repeat(19)}x burns\ud800`, 'It *** burns'],
    ['é'.repeat(301), `${'é'.repeat(300)}…`],
    ['é'.repeat(300), 'é'.repeat(300)],
    [`${'é'.repeat(299)}🤗`, `${'é'.repeat(299)}…`],
  ])('what the Hub says in %j, as one line without secrets', async (description, shown) => {
    const error = errorOf(await tokens({ error: 'server_error', error_description: description })())
    expect(error.message).toBe(`The Hub responded with server_error: "${shown}".`)
  })

  const noSecret = 'set clientSecret (is its environment variable set?), or stateSecret for a public client'
  const noRedirect = 'set it to the redirect URI that is registered with your OAuth app'
  const mistakes: Record<string, { options?: Options; res?: undefined; session?: object; state?: string }> = {
    'HuggingFaceStrategy: the response cannot be reached from the request; set req.res = res before passport.authenticate': {
      res: undefined,
    },
    [`HuggingFaceStrategy: there is no secret to encrypt a cookie with; ${noSecret}`]: { options: { clientSecret: undefined } },
    [`HuggingFaceStrategy: callbackURL is missing; ${noRedirect}`]: { options: { callbackURL: undefined } },
    'no cookie can be set; the response cannot be reached from the request; set req.res = res before passport.authenticate': {
      options: { store: new CookieStateStore({ secret: 'x' }) },
      res: undefined,
      session: {},
    },
    'there is no req.session; use the session middleware before passport': { options: { store: new SessionStateStore() } },
    'state is too large for a cookie (5700 bytes encrypted, at most 3072); store it and pass its key': { state: 'x'.repeat(4000) },
  }
  test.each([
    ['CookieStateStore needs a secret, or a list with the newest first', { secret: [] }],
    ['maxAge must be a number of milliseconds, such as 3600000', { secret: 'x', maxAge: Number.NaN }],
  ])('%s', (text, wrong) => {
    expect(() => new CookieStateStore(wrong)).toThrow(text)
  })

  test.each(Object.entries(mistakes))('%s', async (text, { options, state, ...request }) => {
    const outcome = await authenticate(strategyFor(hub, options).strategy, request, { state })
    expect(errorOf(outcome).message).toBe(text)
  })
})
