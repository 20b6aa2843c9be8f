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
import { HubError, SignInFailure } from './errors'
import {
  absoluteURL,
  type HostRequest,
  isPrefetch,
  originOf,
  queryOf,
  type Request,
  responseOf,
} from './framework'
import { HubClient, parseErrorResponse, readUserinfo, receivedError } from './hub/client'
import { SigningKeys } from './hub/signing-keys'
import type {
  AnyStrategyOptions,
  HuggingFaceAuthenticateOptions,
  HuggingFaceStrategyOptions,
  HuggingFaceStrategyOptionsWithRequest,
  RefreshedTokens,
  Verify,
  VerifyWithParams,
  VerifyWithRequest,
  VerifyWithRequestAndParams,
} from './options'
import { type HuggingFaceProfile, readProfile } from './profile'
import { CookieStateStore } from './state/cookie'
import { ForeignStore } from './state/foreign'
import { SessionStateStore } from './state/session'
import {
  alreadyUsed,
  isUsed,
  likelyCause,
  markUsed,
  type SignIn,
  type SignInStore,
  unknown,
  unmarkUsed,
} from './state/store'
import { callVerify, type Tokens } from './verify'

const debug = debuglog('passport-huggingface')

/** What a request ends in: one of Passport's actions, and its arguments. */
type Outcome =
  | [action: 'redirect', url: string]
  | [action: 'success', user: Express.User, info: object]
  | [action: 'fail', info: object, status?: number]
  | [action: 'error', error: unknown]

type Actions = Record<Outcome[0], (...args: never[]) => unknown>

/** Precedes the handle in the `state` of a sign-in that was begun again. */
const secondTry = 'again.'

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
    const { clientID, authorizationURL, tokenURL, callbackURL, store, secrets, timeout } = config
    // With a session key, passport-oauth2 does not use the deprecated url.parse. Its types demand a
    // secret, which a public client does not have.
    const base = { ...options, ...config, sessionKey: 'huggingface' }
    super(base as OAuth2Strategy.StrategyOptions, verify as OAuth2Strategy.VerifyFunction)
    this.config = config
    const secret = options.clientSecret ?? ''
    const parse = (body: string, status: number) => this.parseErrorResponse(body, status)
    const settings = { timeout, agent: config.agent, parseErrorResponse: parse }
    const { customHeaders } = options
    const client = new HubClient(
      clientID,
      secret,
      '',
      authorizationURL,
      tokenURL,
      customHeaders,
      settings,
    )
    this._oauth2 = client
    this.keys = new SigningKeys(() => client.fetchKeys(config.jwksURL))
    this.cookies = secrets.length > 0 ? new CookieStateStore({ secret: secrets }) : undefined
    const meta = { authorizationURL, tokenURL, clientID, callbackURL }
    this.store = !store || 'take' in store ? store : new ForeignStore(store, meta)
  }

  /** Called by Passport for both legs. It ends in exactly one of Passport's actions. */
  override authenticate(req: Request, options: HuggingFaceAuthenticateOptions = {}): void {
    // Passport sets the actions for each request right before this call, also on a strategy that is
    // passed to passport.authenticate as an instance and shared by all requests.
    const { redirect, success, fail, error } = this
    this.run(req as HostRequest, options, { redirect, success, fail, error })
  }

  /** Never rejects. @internal */
  private async run(
    req: HostRequest,
    options: HuggingFaceAuthenticateOptions,
    actions: Actions,
  ): Promise<void> {
    const outcome = await this.signIn(req, options)
    const [action, ...args] = outcome
    try {
      if (action !== 'redirect') debug('ended: %s', describe(outcome))
      await (actions[action] as (...args: unknown[]) => unknown)(...args)
    } catch (thrown) {
      // What the app throws while the action is taken is an error of the app. It never leads to a
      // second action, but to the app's error handler.
      const next = (req.next ?? actions.error) as (error: unknown) => unknown
      try {
        await next(explain(thrown))
      } catch (error) {
        process.emitWarning(`the error handler of the app threw: ${inspect(error)}`)
      }
    }
  }

  /** @internal */
  private async signIn(
    req: HostRequest,
    options: HuggingFaceAuthenticateOptions,
  ): Promise<Outcome> {
    try {
      if (isPrefetch(req)) {
        const detail = 'A HEAD request or a prefetch begins and completes no sign-in.'
        throw new SignInFailure('prefetched', 'Open this page to sign in.', detail, 425)
      }
      const response = readAuthorizationResponse(queryOf(req), this.config.issuer)
      if (!response) return await this.start(req, options)
      return await this.complete(req, response, options)
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
    const { clientID, authorizationURL, audience, usesIdToken } = this.config
    const callbackURL = this.callbackURLFor(req, options)
    const { state } = options
    const scope =
      options.scope === undefined ? this.config.scope : scopeText(options.scope, usesIdToken)
    const verifier = randomBytes(32).toString('base64url')
    const challenge = s256(verifier)
    const signIn = { audience, verifier, callbackURL, scope, state }
    const store = this.storeFor(req)
    const handle = await store.save(req, signIn)
    unmarkUsed(`${audience} ${handle}`)
    debug('begun: scope "%s", %s, kept in %s', scope, callbackURL, store.constructor.name)
    const url = authorizationRequest(authorizationURL, this.authorizationParams(options), {
      response_type: 'code',
      client_id: clientID,
      redirect_uri: callbackURL,
      scope,
      state: statePrefix + handle,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      // Derived from the verifier, so it does not have to be stored (Core 15.5.2).
      nonce: hasOpenid(scope) ? challenge : undefined,
    })
    this.keys.prewarm()
    responseOf(req)?.setHeader('Cache-Control', 'no-store')
    return ['redirect', url]
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
      const canRestart = restart && !isSecondTry && response.code !== undefined
      if (!canRestart || req.method !== 'GET' || !isGone(error)) throw error
      // The app's own state was kept in the sign-in.
      return this.start(req, { ...options, state: undefined }, secondTry)
    }
    if (response.code === undefined) throw authorizationError(response, signIn.scope)

    const needsIdToken = usesIdToken || hasOpenid(signIn.scope)
    // Fetched along with the tokens. If this fails, `verify` below says so.
    if (needsIdToken) this.keys.ready().catch(() => {})
    const tokens = await this.requestTokens(response.code, {
      ...this.tokenParams(options),
      grant_type: 'authorization_code',
      redirect_uri: signIn.callbackURL,
      code_verifier: signIn.verifier,
    })
    const { accessToken } = tokens
    const nonce = s256(signIn.verifier)
    const now = Math.floor(Date.now() / 1000)
    const expected = { issuer, clientID, nonce, accessToken, now }
    const claims = needsIdToken ? await this.keys.verify(idTokenOf(tokens), expected) : undefined
    const profile =
      claims && usesIdToken
        ? readProfile(claims, JSON.stringify(claims))
        : await this.loadProfile(accessToken)
    // Core 5.3.2: userinfo of another person must not be used
    if (claims && profile?.id !== undefined && profile.id !== claims.sub) {
      const message = 'userinfo and the ID token name different people'
      throw new HubError('sub_mismatch', 'userinfo', message)
    }

    const first = this._passReqToCallback ? [req] : []
    const [user, info] = await callVerify(this._verify, first, tokens, profile)
    if (!user) {
      if (info) return ['fail', info]
      const message = 'This account cannot sign in here.'
      throw new SignInFailure('refused', message, 'Your verify function returned no user.', 401)
    }
    const { state } = signIn
    return ['success', user, state === undefined ? (info ?? {}) : { ...info, state }]
  }

  /** @internal */
  private async takeSignIn(req: HostRequest, handle: string): Promise<SignIn> {
    const key = `${this.config.audience} ${handle}`
    if (isUsed(key)) throw alreadyUsed()
    let signIn: SignIn
    try {
      signIn = await this.storeFor(req).take(req, handle)
    } catch (error) {
      const origin = originOf(req, true)
      const isLost = error instanceof SignInFailure && error.info.code === 'state_lost'
      if (isLost) error.info.detail = likelyCause(origin, this._callbackURL)
      throw error
    }
    // A second callback may have got as far meanwhile.
    if (isUsed(key)) throw alreadyUsed()
    markUsed(key)
    if (signIn.audience === this.config.audience) return signIn
    throw unknown('It belongs to another hub or client.')
  }

  /** @internal */
  private async requestTokens(code: string, params: object): Promise<Tokens> {
    let values: unknown[]
    try {
      values = await fromCallback((callback) =>
        this._oauth2.getOAuthAccessToken(code, params, callback as () => void),
      )
    } catch (error) {
      const parse = (body: string, status: number) => this.parseErrorResponse(body, status)
      throw receivedError('token', error, parse)
    }
    const [accessToken, refreshToken, granted = {}] = values
    return { accessToken, refreshToken, params: granted } as Tokens
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
    const { userProfileURL } = this.config
    const response = fromCallback((callback) =>
      this._oauth2.get(userProfileURL, accessToken, callback as () => void),
    )
    const profile = response.then(
      ([body, received]) => [readUserinfo(String(body), received)],
      (error) => {
        throw receivedError('userinfo', error, parseErrorResponse)
      },
    )
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
    return parseErrorResponse(body, status)
  }

  /** @internal */
  private callbackURLFor(req: HostRequest, options: HuggingFaceAuthenticateOptions): string {
    const callbackURL = options.callbackURL ?? this._callbackURL
    checkCallbackURL(callbackURL)
    const url = absoluteURL(req, callbackURL, this.config.proxy)
    if (url !== undefined) return url
    const detail = 'callbackURL is relative, and the request names no usable host.'
    throw new SignInFailure('invalid_host', 'This address cannot be used to sign in.', detail, 400)
  }

  /** @internal */
  private storeFor(req: HostRequest): SignInStore {
    if (this.store) return this.store
    if (this.cookies && responseOf(req)) return this.cookies
    if (req.session) return this.sessions
    throw new Error(
      this.cookies
        ? 'HuggingFaceStrategy cannot reach the response to set a cookie; set req.res = res before passport.authenticate'
        : 'HuggingFaceStrategy has no secret to encrypt a cookie with; set clientSecret (is its environment variable set?), or stateSecret for a public client',
    )
  }
}

function isGone(error: unknown): boolean {
  const codes = ['state_lost', 'state_unknown', 'state_expired']
  return error instanceof SignInFailure && codes.includes(error.info.code)
}

/** RFC 7636 4.2 */
function s256(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}

function idTokenOf({ params }: Tokens): string {
  if (params.id_token !== undefined) return params.id_token
  const message = 'the Hub sent no ID token; enable the scope openid on your OAuth app'
  throw new HubError('missing_id_token', 'token', message)
}

/** What an action threw, or what it means if Passport's own message does not say. */
function explain(thrown: unknown): unknown {
  const { message } = Object(thrown) as { message?: unknown }
  if (!String(message).includes('req.session.regenerate is not a function')) return thrown
  const advice =
    'Passport needs a session with regenerate() and save(); with cookie-session, add the shim of docs/frameworks.md'
  return new Error(advice, { cause: thrown })
}

/** Why a leg ended as it did, without secrets: only our own errors may show their message. */
function describe([action, reason]: Outcome): string {
  if (action !== 'fail' && action !== 'error') return action
  const { code, detail, name } = Object(reason) as Record<string, unknown>
  const message = reason instanceof HubError ? reason.message : detail
  return [action, name, code, message].filter((part) => typeof part === 'string').join(' ')
}
