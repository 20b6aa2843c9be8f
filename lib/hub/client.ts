import type { Agent, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { OAuth2 } from 'oauth'
import { TokenError } from 'passport-oauth2'
import { type Callback, toCallback } from '../callback'
import { HubError, type HubErrorCode, type HubPhase, httpStatus } from '../errors'
import type { TokenParams } from '../options'
import { type HuggingFaceProfile, readProfile } from '../profile'
import { displayText, errorCode, quoted } from './display-text'
import { type HubResponse, responseDetails, send } from './http'
import { parseObject } from './json'

export type ParseErrorResponse = (body: string, status: number) => Error | null

export interface HubClientSettings {
  /** For each request to the Hub, in milliseconds. */
  timeout: number
  agent?: Agent | undefined
  parseErrorResponse: ParseErrorResponse
}

/** What node-oauth's callback gets. */
type Tokens = [accessToken: string, refreshToken: string | undefined, params: TokenParams]

/** node-oauth's client, with our own requests, client authentication and checks. */
export class HubClient extends OAuth2 {
  private readonly settings: HubClientSettings
  private readonly refreshes = new Map<string, Promise<Tokens>>()

  /** The first six parameters are node-oauth's: passport-oauth2-refresh passes them. */
  constructor(
    clientID: string,
    clientSecret: string,
    baseSite: string,
    authorizationURL: string,
    tokenURL: string,
    customHeaders?: OutgoingHttpHeaders,
    settings: HubClientSettings = { timeout: 5000, parseErrorResponse },
  ) {
    super(clientID, clientSecret, baseSite, authorizationURL, tokenURL, customHeaders)
    this.settings = settings
    // passport-oauth2-refresh copies this method to a client of its own. Bound, it keeps our settings.
    this.getOAuthAccessToken = this.getOAuthAccessToken.bind(this)
  }

  /** The callback gets the access token, the refresh token and the rest of the token response. */
  override getOAuthAccessToken(code: string, params: unknown, callback?: unknown): void {
    toCallback(this.fetchTokens(code, params as Record<string, string>), callback as Callback)
  }

  /** How `get` sends its requests. The access token goes into a header, never into the URL. */
  override _request(
    method: string,
    url: string,
    headers: OutgoingHttpHeaders | null,
    body: unknown,
    accessToken: string | null,
    callback: unknown,
  ): void {
    const authorization = accessToken ? { authorization: this.buildAuthHeader(accessToken) } : {}
    const all = { ...headers, ...authorization }
    const response = this.send('userinfo', method, url, all, body ? String(body) : undefined)
    const values = response.then((got) => [got.body, { ...got, statusCode: got.status }])
    toCallback(values, callback as Callback)
  }

  /** The Hub's JSON Web Key Set. */
  async fetchKeys(url: string): Promise<Record<string, unknown>> {
    return readObject('jwks', await this.send('jwks', 'GET', url, {}))
  }

  /** One flight for each refresh token: the Hub's rotate, so a second one would be rejected. */
  private fetchTokens(code: string, fields: Record<string, string>): Promise<Tokens> {
    if (fields['grant_type'] !== 'refresh_token') return this.requestTokens({ ...fields, code })
    const flight =
      this.refreshes.get(code) ??
      this.requestTokens({ ...fields, refresh_token: code }).finally(() =>
        this.refreshes.delete(code),
      )
    this.refreshes.set(code, flight)
    return flight
  }

  /** RFC 6749 4.1.3 and 6, with the client authentication of 2.3.1. */
  private async requestTokens(fields: Record<string, string>): Promise<Tokens> {
    const form = new URLSearchParams(fields)
    const headers: OutgoingHttpHeaders = { 'content-type': 'application/x-www-form-urlencoded' }
    // Form-encoded, so the first equals sign is the one between them.
    const pair = new URLSearchParams([[this._clientId, this._clientSecret]]).toString()
    const credentials = Buffer.from(pair.replace('=', ':')).toString('base64')
    if (this._clientSecret) headers['authorization'] = `Basic ${credentials}`
    else form.set('client_id', this._clientId)
    const url = this._getAccessTokenUrl()
    const response = await this.send('token', 'POST', url, headers, form.toString())
    return readTokenResponse(response, this.settings.parseErrorResponse)
  }

  /** Resolves with a response of status 2xx. */
  private async send(
    phase: HubPhase,
    method: string,
    url: string,
    headers: OutgoingHttpHeaders,
    body?: string,
  ): Promise<HubResponse> {
    const accept = { accept: 'application/json', 'accept-encoding': 'identity' }
    const all: OutgoingHttpHeaders = { ...accept, 'user-agent': 'passport-huggingface' }
    // By lower-case name, so that ours replace the app's however they are written.
    for (const [name, value] of Object.entries({ ...this._customHeaders, ...headers })) {
      all[name.toLowerCase()] = value
    }
    const { timeout, parseErrorResponse: parse } = this.settings
    // What `setAgent` has set overrides the option.
    const agent = (this._agent as Agent | undefined) ?? this.settings.agent
    const response = await send({ phase, method, url, headers: all, body, timeout, agent })
    if (response.status < 200 || response.status > 299) throw responseError(phase, response, parse)
    return response
  }
}

/** What a response that is not a success means. */
function responseError(phase: HubPhase, response: HubResponse, parse: ParseErrorResponse): Error {
  const { status, body } = response
  const details = responseDetails(response)
  const failure = (code: HubErrorCode, hint = '') =>
    new HubError(code, phase, `the Hub responded with status ${status}${hint}`, details)
  if (status >= 300 && status < 400) return failure('unexpected_redirect', '; is hubURL right?')
  if (phase === 'userinfo' && status === 401) {
    return failure('unauthorized', ': the access token has expired or was revoked')
  }
  if (phase !== 'token') return failure('unexpected_status')
  try {
    const error = parse(body, status)
    if (error instanceof TokenError) Object.assign(error, { phase }, httpStatus(502), details)
    return error ?? failure('unexpected_status')
  } catch {
    // An override that cannot read the body has nothing to say about it.
    return failure('unexpected_status')
  }
}

const app = 'your OAuth app: https://huggingface.co/settings/connected-applications'
const noSecret = 'No client secret was sent: is its environment variable set?'
const advice = new Map([
  ['invalid_client', `Compare the client ID and secret with ${app}`],
  ['invalid_grant', 'The code or refresh token is used up, expired or revoked: sign in again.'],
  ['invalid_scope', `Enable the scope in ${app}`],
])

/** The default of `parseErrorResponse`: OAuth's own error (RFC 6749 5.2), and what to do about it. */
export function parseErrorResponse(body: string, status: number, hasSecret = true): Error | null {
  const { error, error_description, error_uri } = parseObject(body) ?? {}
  const code = errorCode(error)
  if (code === undefined) return null
  const words = quoted(code, displayText(error_description))
  const cure = code === 'invalid_client' && !hasSecret ? noSecret : (advice.get(code) ?? '')
  const message = `The Hub responded with ${words}. ${cure}`.trim()
  return new TokenError(message, code, displayText(error_uri), status)
}

/**
 * The profile in a userinfo response (OpenID Connect Core 5.3.2).
 *
 * @throws {HubError} invalid_response
 */
export function readUserinfo(body: string, received: unknown): HuggingFaceProfile {
  const { statusCode: status = 200, headers } = Object(received) as Partial<IncomingMessage>
  const response = { status, headers: headers ?? {}, body }
  const profile = readProfile(readObject('userinfo', response), body)
  assertValid(profile, 'userinfo', response, 'the response has no sub')
  return profile
}

/** RFC 6749 5.1. */
function readTokenResponse(response: HubResponse, parse: ParseErrorResponse): Tokens {
  const sent = Object.entries(readObject('token', response))
  const fields = Object.fromEntries(sent.filter(([, value]) => value !== null))
  // Some servers send OAuth's errors with status 200.
  if (fields['error']) throw responseError('token', response, parse)
  const { access_token, refresh_token, token_type = 'bearer', expires_in, ...rest } = fields
  const texts = [access_token, refresh_token, token_type, rest['id_token'], rest['scope']]
  const areTexts = texts.every((each) => each === undefined || typeof each === 'string')
  // RFC 6750 2.1: visible ASCII. Nothing else could be sent in a header.
  const isSendable = areTexts && /^[\x21-\x7e]+$/.test((access_token as string | undefined) ?? '')
  const isUsable = isSendable && (token_type as string).toLowerCase() === 'bearer'
  const unusable = 'the response has no usable bearer token; is tokenURL right?'
  assertValid(isUsable, 'token', response, unusable)
  const seconds = typeof expires_in === 'object' ? Number.NaN : Number(expires_in)
  const lifetime = Number.isFinite(seconds) ? { expires_in: seconds } : {}
  const params = { access_token, token_type, ...rest, ...lifetime }
  return [access_token, refresh_token, params] as Tokens
}

function readObject(phase: HubPhase, response: HubResponse): Record<string, unknown> {
  const value = parseObject(response.body)
  assertValid(value, phase, response, 'the response is not a JSON object')
  return value
}

function assertValid(
  condition: unknown,
  phase: HubPhase,
  response: Pick<HubResponse, 'status' | 'headers'>,
  problem: string,
): asserts condition {
  if (!condition) {
    throw new HubError('invalid_response', phase, problem, responseDetails(response))
  }
}
