import { createHash, randomBytes } from 'node:crypto'
import OAuth2Strategy from 'passport-oauth2'
import { authorizationRequest, denial } from './authorization'
import { asksForOpenid, type Configuration, configure, scopeText } from './configuration'
import { type HubAnswerDetails, HubError, refused, SignInFailure } from './errors'
import { HubClient, parseErrorResponse, readObject, userinfoError } from './hub-client'
import { HubKeys, type IdTokenClaims, payloadOf, verifyIdToken } from './id-token'
import type {
  AnyStrategyOptions,
  HuggingFaceAuthenticateOptions,
  HuggingFaceIdTokenOptions,
  HuggingFaceIdTokenOptionsWithRequest,
  HuggingFaceStrategyOptions,
  HuggingFaceStrategyOptionsWithRequest,
  ParamsHint,
  RefreshedTokens,
  Request,
  RequestAndParamsHint,
  TokenParams,
  Verify,
  VerifyWithParams,
  VerifyWithRequest,
  VerifyWithRequestAndParams,
} from './options'
import { type HuggingFaceIdTokenProfile, type HuggingFaceProfile, readProfile } from './profile'
import { type AnyRequest, absoluteCallbackURL, type Callback, isSpeculative, readCallback, responseOf, untilBrowserLeaves } from './request'
import { settle } from './settle'
import { CookieStateStore } from './state/cookie'
import { SessionStateStore } from './state/session'
import { recall, remember, type StateMeta, type StateStore } from './state/store'

/** What a leg of the sign-in ends in: one of Passport's actions, not yet taken. */
type Action = () => void

/** As the token endpoint granted them. */
interface Tokens {
  accessToken: string
  refreshToken: string | undefined
  params: TokenParams
}

/**
 * Sign in with Hugging Face (https://huggingface.co/docs/hub/oauth) for Passport.
 *
 * PKCE (S256) and state are always on. Where the scope has `openid`, an ID token is demanded and verified before verify is called.
 */
export class HuggingFaceStrategy extends OAuth2Strategy {
  override name = 'huggingface'

  // set by passport-oauth2, missing in its types
  declare protected _verify: (...args: unknown[]) => unknown
  declare protected _callbackURL: string | undefined
  declare protected _passReqToCallback: boolean | undefined
  declare protected _loadUserProfile: (accessToken: string, done: (error?: unknown, profile?: unknown) => void) => void

  private readonly configuration: Configuration
  private readonly cookieStore: CookieStateStore | undefined
  private readonly sessionStore = new SessionStateStore()

  /**
   * @param options see {@link HuggingFaceStrategyOptions}
   * @param verify finds or makes the app's user; it calls `done` or returns a promise of the user
   * @throws {TypeError} for an option that is missing or wrong
   */
  // the usual one comes last: TypeScript explains a mistake by the last one it has tried
  constructor(
    options: HuggingFaceIdTokenOptionsWithRequest,
    verify: VerifyWithRequest<HuggingFaceIdTokenProfile> | RequestAndParamsHint<HuggingFaceIdTokenProfile>,
  )
  constructor(options: HuggingFaceIdTokenOptionsWithRequest, verify: VerifyWithRequestAndParams<HuggingFaceIdTokenProfile>)
  constructor(options: HuggingFaceIdTokenOptions, verify: Verify<HuggingFaceIdTokenProfile> | ParamsHint<HuggingFaceIdTokenProfile>)
  constructor(options: HuggingFaceIdTokenOptions, verify: VerifyWithParams<HuggingFaceIdTokenProfile>)
  constructor(
    options: HuggingFaceStrategyOptionsWithRequest,
    verify: VerifyWithRequest<HuggingFaceProfile> | RequestAndParamsHint<HuggingFaceProfile>,
  )
  constructor(options: HuggingFaceStrategyOptionsWithRequest, verify: VerifyWithRequestAndParams<HuggingFaceProfile>)
  constructor(options: HuggingFaceStrategyOptions, verify: Verify<HuggingFaceProfile> | ParamsHint<HuggingFaceProfile>)
  constructor(options: HuggingFaceStrategyOptions, verify: VerifyWithParams<HuggingFaceProfile>)
  constructor(options: AnyStrategyOptions, verify: (...args: never[]) => unknown) {
    const configuration = configure(options, verify)
    const { hub, scope, secrets, timeout, agent } = configuration
    const { clientID, clientSecret, callbackURL, customHeaders, passReqToCallback, skipUserProfile } = options
    // its types demand a secret; a public client has none. With a sessionKey it does not parse the address by the deprecated url.parse
    const base = {
      clientID,
      clientSecret,
      callbackURL,
      customHeaders,
      passReqToCallback,
      skipUserProfile,
      scope,
      authorizationURL: hub.authorizationURL,
      tokenURL: hub.tokenURL,
      sessionKey: 'huggingface',
    }
    super(base as OAuth2Strategy.StrategyOptions, verify as OAuth2Strategy.VerifyFunction)
    this.configuration = configuration
    this.cookieStore = secrets.length ? new CookieStateStore({ secret: secrets }) : undefined
    const Client = HubClient.configured({
      timeout,
      agent,
      parseErrorResponse: (body, status) => this.parseErrorResponse(body, status),
    })
    this._oauth2 = new Client(clientID, clientSecret ?? '', '', hub.authorizationURL, hub.tokenURL, customHeaders)
  }

  /** Passport's entry for both legs: a request with a `code` or an `error` ends a sign-in, any other begins one. It ends in exactly one action. */
  override authenticate(req: Request, options: HuggingFaceAuthenticateOptions = {}): void {
    // By name, Passport runs a request on a copy of the registered strategy; with passport.authenticate(instance) on the registered one itself, having just set this
    // request's actions on it. All that belongs to the request lives on a copy of our own from here on, made so that V8 sees the same shape each time.
    const registered: this = Object.hasOwn(this, 'configuration') ? this : Object.getPrototypeOf(this)
    const attempt: this = Object.assign(Object.create(registered), this)
    // on a fresh tick, so that what the app throws from an action is the app's and not a rejection of ours
    attempt.signIn(req as AnyRequest, options).then((action) => process.nextTick(action))
  }

  private async signIn(req: AnyRequest, options: HuggingFaceAuthenticateOptions): Promise<Action> {
    let stop: (() => void) | undefined
    try {
      const callback = readCallback(req)
      if (!callback) return await this.begin(req, options)
      const watch = untilBrowserLeaves(req)
      stop = watch.stop
      this._oauth2 = Object.assign(Object.create(this._oauth2), { signal: watch.signal })
      return await this.finish(req, callback, options)
    } catch (error) {
      if (error instanceof SignInFailure) return () => this.fail(error.info, error.status)
      // to hand Passport nothing for an error would let the request through
      return () => this.error(error || new Error('the sign-in failed, and what failed gave no reason'))
    } finally {
      stop?.()
    }
  }

  /** First leg: an authorization request by RFC 6749 4.1.1, RFC 7636 4.3 and OpenID Connect Core 3.1.2.1. */
  private async begin(req: AnyRequest, options: HuggingFaceAuthenticateOptions): Promise<Action> {
    const { clientID, hub, secrets } = this.configuration
    const meta = this.metaFor(req, options)
    const signIn = { verifier: randomBytes(32).toString('base64url'), state: options.state }
    const { handle, verifier } = await remember(this.storeFor(req), req, signIn, meta, secrets[0])
    const challenge = s256(verifier)
    const location = authorizationRequest(hub.authorizationURL, this.authorizationParams(options), {
      response_type: 'code',
      client_id: clientID,
      redirect_uri: meta.callbackURL,
      scope: meta.scope,
      state: handle,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      // Core 15.5.2: a nonce that needs no keeping, bound to the verifier that only we know
      nonce: asksForOpenid(meta.scope) ? challenge : undefined,
    })
    this.prepareReturn(meta.scope)
    responseOf(req)?.setHeader('Cache-Control', 'no-store')
    return () => {
      try {
        this.redirect(location)
      } catch (error) {
        // something else has answered meanwhile, such as the app's own time limit
        this.error(error)
      }
    }
  }

  /** Second leg: each thing from outside is checked before it is used, and the sign-in is used up before its code is sent. */
  private async finish(req: AnyRequest, callback: Callback, options: HuggingFaceAuthenticateOptions): Promise<Action> {
    const { hub, fromIdToken, secrets } = this.configuration
    if (isSpeculative(req)) throw refused('prefetched', 'The callback was only prefetched; open it to sign in.', 425)
    // RFC 9207: the issuer, when named, must be ours
    if (callback.iss !== undefined && callback.iss !== hub.issuer) {
      throw refused('issuer_mismatch', 'The callback comes from another Hub than the sign-in went to. Begin the sign-in again.')
    }
    const meta = this.metaFor(req, options)
    const signIn = await recall(this.storeFor(req), req, callback.state, meta, secrets[0])
    if (callback.code === undefined) throw denial(callback)
    const openid = fromIdToken || asksForOpenid(signIn.scope ?? meta.scope)
    const keys = openid ? this.keys().held(this.fetchKeys) : undefined
    // under way together with the token request; should it fail, verifying says so
    keys?.catch(() => {})
    const redirectURI = signIn.callbackURL ?? meta.callbackURL
    const tokens = await this.requestTokens(callback.code, {
      ...this.tokenParams(options),
      grant_type: 'authorization_code',
      code_verifier: signIn.verifier,
      ...(redirectURI === undefined ? {} : { redirect_uri: redirectURI }),
    })
    const [claims, userinfo] = await Promise.all([
      openid ? this.verifiedClaims(tokens, s256(signIn.verifier)) : undefined,
      fromIdToken ? undefined : settle((done) => this._loadUserProfile(tokens.accessToken, done)),
    ])
    const profile = fromIdToken && claims ? readProfile(claims, payloadOf(String(tokens.params.id_token))) : userinfo?.[0]
    // Core 5.3.2: userinfo of somebody else must not be used
    const id = (profile as Partial<HuggingFaceProfile> | undefined)?.id
    if (claims && id !== undefined && id !== claims.sub) {
      throw new HubError('sub_mismatch', 'userinfo', 'userinfo and the ID token name different accounts')
    }
    const [user, info] = await this.callVerify(req, tokens, profile)
    if (!user) throw info ? new SignInFailure(info as object) : refused('refused', 'This app does not let this account in.', 401)
    const { state } = signIn
    return () => this.success(user, state === undefined ? (info ?? {}) : { ...Object(info), state })
  }

  /** Refreshes by RFC 6749 6. The Hub's refresh tokens rotate: refresh once at a time, and keep the one that is answered. */
  async refreshAccessToken(refreshToken: string): Promise<RefreshedTokens> {
    const tokens = await this.requestTokens(refreshToken, { grant_type: 'refresh_token' })
    return { ...tokens, refreshToken: tokens.refreshToken ?? refreshToken }
  }

  /**
   * The profile behind an access token, from userinfo.
   *
   * @throws {HubError} `unauthorized` where the token has expired or the person has revoked the app
   */
  async fetchProfile(accessToken: string): Promise<HuggingFaceProfile> {
    const [profile] = await settle((done) => this.userProfile(accessToken, done))
    return profile as HuggingFaceProfile
  }

  /** Fetches userinfo (OpenID Connect Core 5.3) and normalises it. */
  override userProfile(accessToken: string, done: (error?: unknown, profile?: HuggingFaceProfile) => void): void {
    this._oauth2.get(this.configuration.hub.userProfileURL, accessToken, (error: unknown, body?: string | Buffer, response?: unknown) => {
      if (error) return done(userinfoError(error))
      let profile: HuggingFaceProfile
      try {
        const raw = String(body)
        profile = readProfile(readObject('userinfo', raw), raw)
      } catch (cause) {
        const wrong = cause instanceof HubError ? cause : new HubError('invalid_response', 'userinfo', 'the answer has no sub', { cause })
        const { details } = Object(response) as { details?: () => HubAnswerDetails }
        return done(Object.assign(wrong, details?.()))
      }
      done(null, profile)
    })
  }

  /** Extra parameters of the authorization request. Overridden, they cannot replace what keeps the sign-in safe. */
  override authorizationParams(options: HuggingFaceAuthenticateOptions): object {
    // the Hub documents a single orgIds; several are sent as it would be repeated in a form
    return { prompt: options.prompt, orgIds: options.orgIds }
  }

  override parseErrorResponse(body: string, status: number): Error | null {
    return parseErrorResponse(body, status)
  }

  private metaFor(req: AnyRequest, options: HuggingFaceAuthenticateOptions): StateMeta & { scope: string } {
    const { clientID, hub, scope, fromIdToken, proxy } = this.configuration
    return {
      authorizationURL: hub.authorizationURL,
      tokenURL: hub.tokenURL,
      clientID,
      callbackURL: absoluteCallbackURL(req, options.callbackURL ?? this._callbackURL, proxy),
      scope: options.scope === undefined ? scope : scopeText(options.scope, fromIdToken),
    }
  }

  private storeFor(req: AnyRequest): StateStore {
    if (this.configuration.store) return this.configuration.store
    if (this.cookieStore && responseOf(req)) return this.cookieStore
    if (req.session) return this.sessionStore
    throw new Error(
      'HuggingFaceStrategy has no place for the sign-in in progress: give the clientSecret (is its environment variable set?) or, for a public client, a stateSecret, which seals it in a cookie; or put a session middleware before passport.authenticate',
    )
  }

  private async requestTokens(code: string, params: object): Promise<Tokens> {
    const [accessToken, refreshToken, granted = {}] = await settle((done) => this._oauth2.getOAuthAccessToken(code, params, done))
    return { accessToken, refreshToken, params: granted } as Tokens
  }

  private async verifiedClaims({ accessToken, params }: Tokens, nonce: string): Promise<IdTokenClaims> {
    const { clientID, hub } = this.configuration
    if (params.id_token === undefined) {
      const message = 'the Hub sent no ID token although openid was asked for; allow the scope openid on the OAuth app'
      throw new HubError('missing_id_token', 'token', message)
    }
    return verifyIdToken(params.id_token, this.keys(), this.fetchKeys, { issuer: hub.issuer, clientID, nonce, accessToken })
  }

  /** Calls verify as passport-oauth2 does: by the number of its parameters. */
  private callVerify(req: AnyRequest, { accessToken, refreshToken, params }: Tokens, profile: unknown): Promise<unknown[]> {
    const first = this._passReqToCallback ? [req] : []
    const arity = this._verify.length - first.length
    const args = [...first, accessToken, refreshToken, ...(arity === 5 ? [params] : []), profile]
    // one that has no room for `done` answers with what it returns
    return settle((done) => this._verify(...args, done), arity > 0 && arity < 4)
  }

  /** While the person is at the Hub: the keys, if they are needed and stale, and a connection for the token request, so that neither is on the way back. */
  private prepareReturn(scope: string): void {
    const { tokenURL, keysBesideTokens } = this.configuration.hub
    const connects = keysBesideTokens && !this.client.isConnected(tokenURL)
    if (connects || (asksForOpenid(scope) && this.keys().stale)) this.keys().prefetch(this.fetchKeys)
  }

  private keys(): HubKeys {
    return HubKeys.at(this.configuration.hub.jwksURL)
  }

  /** The keys serve other sign-ins too, so they do not depend on this browser's staying. */
  private get fetchKeys(): () => Promise<unknown> {
    const client: HubClient = Object.assign(Object.create(this.client), { signal: undefined })
    return () => client.fetchKeys(this.configuration.hub.jwksURL)
  }

  private get client(): HubClient {
    // set by our constructor, typed by the base class
    return this._oauth2 as HubClient
  }
}

/** RFC 7636 4.2 */
function s256(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}
