import { createHash, randomBytes } from 'node:crypto'
import { debuglog, inspect } from 'node:util'
import OAuth2Strategy from 'passport-oauth2'
import {
  type AuthorizationResponse,
  authorizationError,
  authorizationRequest,
  readAuthorizationResponse,
} from './authorization'
import { type Callback, fromCallback, toCallback } from './callback'
import { type Config, checkCallbackURL, configure, hasOpenid, scopeText } from './config'
import { assertHub, assertSignIn, HubError, type HubPhase, SignInFailure } from './errors'
import {
  absoluteURL,
  type HostRequest,
  isPrefetch,
  queryOf,
  type Request,
  responseIsMissing,
  responseOf,
} from './framework'
import { HubClient, type ParseErrorResponse, parseErrorResponse, readUserinfo } from './hub/client'
import { SigningKeys } from './hub/signing-keys'
import type {
  AnyStrategyOptions,
  HuggingFaceAuthenticateOptions,
  HuggingFaceStrategyOptions,
  HuggingFaceStrategyOptionsWithRequest,
  RefreshedTokens,
  TokenParams,
  Verify,
  VerifyWithParams,
  VerifyWithRequest,
  VerifyWithRequestAndParams,
} from './options'
import { type HuggingFaceProfile, readProfile } from './profile'
import { CookieStateStore } from './state/cookie'
import { ForeignStore, type StateStore } from './state/foreign'
import { SessionStateStore } from './state/session'
import { checkUnused, markUsed, type SignIn, type SignInStore, unmarkUsed } from './state/store'
import { callVerify, type Tokens } from './verify'

const debug = debuglog('passport-huggingface')

/** What a request ends in: one of Passport's actions, and its arguments. */
type Outcome =
  | [action: 'redirect', url: string]
  | [action: 'success', user: Express.User, info: object]
  | [action: 'fail', info: object, status?: number]
  | [action: 'error', error: unknown]

type Actions = Record<Outcome[0], (...args: unknown[]) => unknown>

/** Precedes the handle in the `state` of a sign-in that was begun again. */
const secondTry = 'again.'

/** Why a sign-in is gone although its code may still be good: these are begun again. */
const goneCodes = ['state_lost', 'state_unknown', 'state_expired']

/**
 * Sign in with Hugging Face (https://huggingface.co/docs/hub/oauth) for Passport.
 *
 * PKCE (S256) and state are always on. With the scope `openid`, an ID token is required and verified
 * before the access token is used.
 */
export class HuggingFaceStrategy extends OAuth2Strategy {
  override name = 'huggingface'

  // Set by passport-oauth2, and missing in its types.
  /** @internal */
  declare protected _verify: (...args: unknown[]) => unknown
  /** @internal */
  declare protected _callbackURL: string | undefined
  /** @internal */
  declare protected _passReqToCallback: boolean | undefined
  /** @internal */
  declare protected _loadUserProfile: (accessToken: string, done: Callback) => void

  /** @internal */
  private readonly config: Config
  /** @internal */
  private readonly keys: SigningKeys
  /** The store of the options. @internal */
  private readonly store: SignInStore | undefined
  /** @internal */
  private readonly cookies: CookieStateStore | undefined
  /** @internal */
  private readonly sessions = new SessionStateStore()

  /**
   * @param options at least `clientID`, `clientSecret` and `callbackURL`
   * @param verify finds or creates your user: it calls `done` or returns a promise of the user
   * @throws {TypeError} if an option is missing or wrong
   */
  constructor(options: HuggingFaceStrategyOptionsWithRequest, verify: VerifyWithRequest)
  constructor(options: HuggingFaceStrategyOptionsWithRequest, verify: VerifyWithRequestAndParams)
  constructor(options: HuggingFaceStrategyOptions, verify: Verify)
  constructor(options: HuggingFaceStrategyOptions, verify: VerifyWithParams)
  constructor(options: AnyStrategyOptions, verify: (...args: never[]) => unknown) {
    const config = configure(options, verify)
    // With a session key, passport-oauth2 does not use the deprecated url.parse. Its types demand a
    // secret, which a public client does not have.
    const base = { ...options, ...config, sessionKey: 'huggingface' }
    super(base as OAuth2Strategy.StrategyOptions, verify as OAuth2Strategy.VerifyFunction)
    this.config = config
    const { clientID, clientSecret, authorizationURL, tokenURL, callbackURL, secrets } = config
    const { customHeaders, store } = options
    const { timeout, agent } = config
    const parse: ParseErrorResponse = (body, status) => this.parseErrorResponse(body, status)
    const client = new HubClient(
      clientID,
      clientSecret,
      '',
      authorizationURL,
      tokenURL,
      customHeaders,
      { timeout, agent, parseErrorResponse: parse },
    )
    this._oauth2 = client
    this.keys = new SigningKeys(() => client.fetchKeys(config.jwksURL))
    this.cookies = secrets.length > 0 ? new CookieStateStore({ secret: secrets }) : undefined
    const meta = { authorizationURL, tokenURL, clientID, callbackURL }
    const isOwn = store === undefined || 'take' in Object(store)
    this.store = isOwn ? (store as SignInStore) : new ForeignStore(store as StateStore, meta)
  }

  /** Called by Passport for both legs. It ends in exactly one of Passport's actions. */
  override authenticate(req: Request, options: HuggingFaceAuthenticateOptions = {}): void {
    // Passport sets the actions for each request right before this call, also on a strategy that is
    // passed to passport.authenticate as an instance and shared by all requests.
    const { redirect, success, fail, error } = this
    this.run(req as HostRequest, options, { redirect, success, fail, error } as Actions)
  }

  /** Never rejects. @internal */
  private async run(
    req: HostRequest,
    options: HuggingFaceAuthenticateOptions,
    actions: Actions,
  ): Promise<void> {
    const outcome = await this.signIn(req, options)
    const [action, ...args] = outcome
    const take = async () => {
      if (action !== 'redirect' && debug.enabled) debug('ended: %s', describe(outcome))
      return actions[action](...args)
    }
    // What the app throws while the action is taken is an error of the app. It never leads to a
    // second action, but to the app's error handler.
    await take()
      .catch((thrown) => ((req.next ?? actions.error) as Callback)(explain(thrown)))
      .catch((error) =>
        process.emitWarning(`the error handler of the app threw: ${inspect(error)}`),
      )
  }

  /** @internal */
  private async signIn(
    req: HostRequest,
    options: HuggingFaceAuthenticateOptions,
  ): Promise<Outcome> {
    try {
      const detail = 'A HEAD request or a prefetch begins and completes no sign-in.'
      assertSignIn(!isPrefetch(req), 'prefetched', detail, 'Open this page to sign in.', 425)
      const response = readAuthorizationResponse(queryOf(req), this.config.issuer)
      return await (response ? this.complete(req, response, options) : this.start(req, options))
    } catch (error) {
      if (error instanceof SignInFailure) return ['fail', error.info, error.status]
      // Passport continues with the request if the error is undefined.
      return ['error', error || new Error('the sign-in failed without a reason')]
    }
  }

  /** First leg: RFC 6749 4.1.1, RFC 7636 4.3 and OpenID Connect Core 3.1.2.1. @internal */
  private async start(
    req: HostRequest,
    options: HuggingFaceAuthenticateOptions,
    statePrefix = '',
  ): Promise<Outcome> {
    const { clientID, authorizationURL, audience, usesIdToken, proxy } = this.config
    const redirectURI = checkCallbackURL(options.callbackURL ?? this._callbackURL)
    const callbackURL = absoluteURL(req, redirectURI, proxy)
    const scope =
      options.scope === undefined ? this.config.scope : scopeText(options.scope, usesIdToken)
    const verifier = randomBytes(32).toString('base64url')
    const challenge = s256(verifier)
    const store = this.storeFor(req)
    const { state } = options
    const handle = await store.save(req, { audience, verifier, callbackURL, scope, state })
    unmarkUsed(`${audience} ${handle}`)
    debug('begun: scope "%s", %s, kept in %s', scope, callbackURL, store.constructor.name)
    this.keys.prewarm()
    responseOf(req)?.setHeader('Cache-Control', 'no-store')
    const client = { response_type: 'code', client_id: clientID, redirect_uri: callbackURL, scope }
    const pkce = { code_challenge: challenge, code_challenge_method: 'S256' }
    // Derived from the verifier, so it does not have to be stored (Core 15.5.2).
    const nonce = hasOpenid(scope) ? challenge : undefined
    const own = { ...client, state: statePrefix + handle, ...pkce, nonce }
    const added = this.authorizationParams(options)
    return ['redirect', authorizationRequest(authorizationURL, added, own)]
  }

  /** Second leg: a sign-in is taken before its code is sent, and verified before its token is used. @internal */
  private async complete(
    req: HostRequest,
    response: AuthorizationResponse,
    options: HuggingFaceAuthenticateOptions,
  ): Promise<Outcome> {
    const { issuer, clientID, restart, usesIdToken } = this.config
    const isSecondTry = response.state.startsWith(secondTry)
    const handle = isSecondTry ? response.state.slice(secondTry.length) : response.state
    let signIn: SignIn
    try {
      signIn = await this.takeSignIn(req, handle)
    } catch (error) {
      const isGone = error instanceof SignInFailure && goneCodes.includes(error.info.code)
      const mayRestart = restart && !isSecondTry && response.code && req.method === 'GET'
      if (!isGone || !mayRestart) throw error
      debug('begins again: %s', error.info.detail)
      // The app's own state was kept in the sign-in.
      return this.start(req, { ...options, state: undefined }, secondTry)
    }
    if (response.code === undefined) throw authorizationError(response, signIn.scope)

    const needsIdToken = usesIdToken || hasOpenid(signIn.scope)
    // Fetched along with the tokens. If this fails, `verify` below says so.
    if (needsIdToken) this.keys.ready().catch(() => {})
    const { verifier, callbackURL, state } = signIn
    const grant = { grant_type: 'authorization_code', redirect_uri: callbackURL }
    const params = { ...this.tokenParams(options), ...grant, code_verifier: verifier }
    const tokens = await this.requestTokens(response.code, params)
    const { accessToken } = tokens
    const now = Math.floor(Date.now() / 1000)
    const expected = { issuer, clientID, nonce: s256(verifier), accessToken, now }
    const idToken = tokens.params.id_token
    const claims = needsIdToken ? await this.keys.verify(idToken, expected) : undefined
    const profile =
      claims && usesIdToken
        ? readProfile(claims, JSON.stringify(claims))
        : await this.loadProfile(accessToken)
    // Core 5.3.2: userinfo of another person must not be used
    const isSame = !claims || profile?.id === undefined || profile.id === claims.sub
    assertHub(isSame, 'sub_mismatch', 'userinfo', 'the ID token names another person')

    const first = this._passReqToCallback ? [req] : []
    const [user, info] = await callVerify(this._verify, first, tokens, profile)
    if (!user && info) return ['fail', info]
    const detail = 'Your verify function returned no user.'
    assertSignIn(user, 'refused', detail, 'This account cannot sign in here.', 401)
    return ['success', user, state === undefined ? (info ?? {}) : { ...info, state }]
  }

  /** @internal */
  private async takeSignIn(req: HostRequest, handle: string): Promise<SignIn> {
    const { audience } = this.config
    const key = `${audience} ${handle}`
    checkUnused(key)
    const signIn = await this.storeFor(req).take(req, handle)
    markUsed(key)
    const isOurs = signIn.audience === audience
    assertSignIn(isOurs, 'state_unknown', 'It belongs to another hub or client.')
    return signIn
  }

  /** @internal */
  private async requestTokens(code: string, params: object): Promise<Tokens> {
    const [accessToken, refreshToken, granted] = await fromCallback((callback) =>
      this._oauth2.getOAuthAccessToken(code, params, callback as () => void),
    ).catch((error) => rethrow('token', error))
    // A copy, since concurrent refreshes share one response.
    return { accessToken, refreshToken, params: { ...(granted as TokenParams) } } as Tokens
  }

  /** @internal */
  private async loadProfile(accessToken: string): Promise<Partial<HuggingFaceProfile> | undefined> {
    const [profile] = await fromCallback((done) => this._loadUserProfile(accessToken, done))
    return profile as Partial<HuggingFaceProfile> | undefined
  }

  /**
   * Exchanges a refresh token for new tokens (RFC 6749 6). The Hub's refresh tokens live three
   * months, and each refresh replaces them: store the new one. Concurrent calls with one token share
   * one request, in this process.
   *
   * @throws {TokenError} `invalid_grant` if the person has to sign in again
   * @throws {HubError} if the Hub cannot be reached
   */
  async refreshAccessToken(refreshToken: string): Promise<RefreshedTokens> {
    const tokens = await this.requestTokens(refreshToken, { grant_type: 'refresh_token' })
    return { ...tokens, refreshToken: tokens.refreshToken ?? refreshToken }
  }

  /**
   * Fetches the profile again, from userinfo.
   *
   * @throws {HubError} `unauthorized` if the token has expired or the person has revoked the app
   */
  async fetchProfile(accessToken: string): Promise<HuggingFaceProfile> {
    const [profile] = await fromCallback((done) => this.userProfile(accessToken, done))
    return profile as HuggingFaceProfile
  }

  /** Fetches userinfo (OpenID Connect Core 5.3) and normalizes it. Override it to add to the profile. */
  override userProfile(
    accessToken: string,
    done: (error?: unknown, profile?: HuggingFaceProfile) => void,
  ): void {
    const response = fromCallback((callback) =>
      this._oauth2.get(this.config.userProfileURL, accessToken, callback as () => void),
    ).catch((error) => rethrow('userinfo', error))
    const profile = response.then(([body, received]) => [readUserinfo(String(body), received)])
    toCallback(profile, done as Callback)
  }

  /**
   * Extra parameters of the authorization request. Override it to add your own. They cannot replace
   * those that keep the sign-in safe.
   */
  override authorizationParams(options: HuggingFaceAuthenticateOptions): object {
    return { prompt: options.prompt, orgIds: options.orgIds }
  }

  /** What an error response of the token endpoint means (RFC 6749 5.2), or null. */
  override parseErrorResponse(body: string, status: number): Error | null {
    return parseErrorResponse(body, status, this.config.clientSecret !== '')
  }

  /** @internal */
  private storeFor(req: HostRequest): SignInStore {
    const cookies = responseOf(req) && this.cookies
    const store = this.store ?? cookies ?? (req.session && this.sessions)
    if (store) return store
    const noSecret =
      'there is no secret to encrypt a cookie with; set clientSecret (is its environment variable set?), or stateSecret for a public client'
    throw new Error(`HuggingFaceStrategy: ${this.cookies ? responseIsMissing : noSecret}`)
  }
}

/** A replaced method of `_oauth2` may fail with an object that is no error, as node-oauth's own do. */
function rethrow(phase: HubPhase, error: unknown): never {
  if (error instanceof Error) throw error
  throw new HubError('connection_failed', phase, 'a replaced method of _oauth2 failed')
}

/** RFC 7636 4.2 */
const s256 = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url')

/** What an action threw, or what it means if Passport's own message does not say. */
function explain(thrown: unknown): unknown {
  const needsShim = /req\.session\.regenerate is not a function/.test(inspect(thrown))
  const advice = 'With cookie-session, Passport needs the shim of docs/frameworks.md'
  return needsShim ? new Error(advice, { cause: thrown }) : thrown
}

/** Why a leg ended as it did, without secrets: only our own errors show their message. */
function describe([action, reason]: Outcome): string {
  if (action === 'success') return action
  const { name, code, detail, message } = Object(reason) as Record<string, unknown>
  const isMistake = typeof message === 'string' && message.startsWith('HuggingFaceStrategy: ')
  return [action, name, code, isMistake || reason instanceof HubError ? message : detail]
    .filter((part) => typeof part === 'string')
    .join(' ')
}
