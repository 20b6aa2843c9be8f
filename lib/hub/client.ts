import type { Agent, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { OAuth2 } from 'oauth'
import { type Callback, toCallback } from '../callback'
import { HubError, type HubErrorCode, type HubPhase, httpStatus, TokenError } from '../errors'
import type { TokenParams } from '../options'
import { type HuggingFaceProfile, readProfile } from '../profile'
import { displayText, errorCode, sanitizedCause } from './display-text'
import { type HubResponse, responseDetails, send } from './http'
import { parseObject } from './json'

type ParseErrorResponse = (body: string, status: number) => Error | null

export interface HubClientSettings {
  /** For each request to the Hub, in milliseconds. */
  timeout: number
  agent?: Agent | undefined
  parseErrorResponse: ParseErrorResponse
}

export interface TokenResponse extends TokenParams {
  access_token: string
  refresh_token?: string
}

/** node-oauth's client, with our own requests, client authentication and checks. */
export class HubClient extends OAuth2 {
  private readonly settings: HubClientSettings
  private readonly refreshes = new Map<string, Promise<TokenResponse>>()

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
    const tokens = this.fetchTokens(code, params as Record<string, string>)
    const values = tokens.then(({ refresh_token, ...rest }) => [
      rest.access_token,
      refresh_token,
      rest,
    ])
    toCallback(values, callback as Callback)
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
    const values = this.send('userinfo', method, url, all, body ? String(body) : undefined).then(
      (response) => [response.body, { ...response, statusCode: response.status }],
    )
    toCallback(values, callback as Callback)
  }

  /** The Hub's JSON Web Key Set. */
  async fetchKeys(url: string): Promise<Record<string, unknown>> {
    return readObject('jwks', await this.send('jwks', 'GET', url, {}))
  }

  /** One flight for each refresh token: the Hub's rotate, so a second one would be rejected. */
  private fetchTokens(code: string, fields: Record<string, string>): Promise<TokenResponse> {
    if (fields['grant_type'] !== 'refresh_token') return this.requestTokens({ ...fields, code })
    const flying = this.refreshes.get(code)
    if (flying) return flying
    const flight = this.requestTokens({ ...fields, refresh_token: code })
    const land = () => this.refreshes.delete(code)
    flight.then(land, land)
    this.refreshes.set(code, flight)
    return flight
  }

  /** RFC 6749 4.1.3 and 6, with the client authentication of 2.3.1. */
  private async requestTokens(fields: Record<string, string>): Promise<TokenResponse> {
    const form = new URLSearchParams(fields)
    const headers: OutgoingHttpHeaders = { 'content-type': 'application/x-www-form-urlencoded' }
    if (this._clientSecret) {
      const credentials = `${formEncode(this._clientId)}:${formEncode(this._clientSecret)}`
      headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`
    } else {
      form.set('client_id', this._clientId)
    }
    const url = this._getAccessTokenUrl()
    try {
      const response = await this.send('token', 'POST', url, headers, form.toString())
      return readTokenResponse(response, this.settings.parseErrorResponse)
    } catch (error) {
      throw error instanceof TokenError ? this.advised(error, fields['grant_type']) : error
    }
  }

  /** The error, with what to do about it. */
  private advised(error: TokenError, grantType: string | undefined): TokenError {
    const app = 'your OAuth app at https://huggingface.co/settings/connected-applications'
    const advice: Record<string, string> = {
      invalid_client: this._clientSecret
        ? `The Hub did not accept this client ID and secret; compare them with ${app}.`
        : 'No client secret was sent: is its environment variable set?',
      invalid_grant:
        grantType === 'refresh_token'
          ? 'The refresh token has been used, has expired or was revoked: let the person sign in again.'
          : 'The code has expired or was used, or the redirect URI differs: begin the sign-in again.',
      invalid_scope: `Enable the scope on ${app} too.`,
    }
    const words = error.message ? `${error.code}: "${error.message}"` : error.code
    error.message = `The Hub responded with ${words}. ${advice[error.code] ?? ''}`.trim()
    return error
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
    if (body !== undefined) all['content-length'] = Buffer.byteLength(body)
    const { timeout, parseErrorResponse: parse } = this.settings
    // What `setAgent` has set overrides the option.
    const agent = (this._agent as Agent | undefined) ?? this.settings.agent
    const response = await send({ phase, method, url, headers: all, body, timeout, agent })
    if (response.status < 200 || response.status > 299) throw responseError(phase, response, parse)
    return response
  }
}

/**
 * What node-oauth's client passes to its callback, as an error. Ours passes errors. A stub or a
 * replacement may pass `{ statusCode, data }`.
 */
export function receivedError(phase: HubPhase, error: unknown, parse: ParseErrorResponse): Error {
  if (error instanceof Error) return error
  const { statusCode: status, data } = Object(error) as { statusCode?: unknown; data?: unknown }
  if (typeof status === 'number') {
    return responseError(phase, { status, headers: {}, body: String(data ?? '') }, parse)
  }
  const cause = sanitizedCause(error)
  return new HubError('connection_failed', phase, `the request failed (${cause.message})`, {
    cause,
  })
}

/** What a response that is not a success means. */
function responseError(phase: HubPhase, response: HubResponse, parse: ParseErrorResponse): Error {
  const { status } = response
  const error = phase === 'token' ? oauthError(response, parse) : undefined
  if (error) return error
  if (phase !== 'userinfo' || status !== 401) {
    return hubError('unexpected_status', phase, `the Hub responded with status ${status}`, response)
  }
  const message = 'the access token has expired, or the person has revoked the app (401)'
  return hubError('unauthorized', phase, message, response)
}

/** OAuth's own error (RFC 6749 5.2), if the response has one. */
function oauthError(response: HubResponse, parse: ParseErrorResponse): Error | undefined {
  try {
    const error = parse(response.body, response.status)
    if (!(error instanceof TokenError)) return error ?? undefined
    return Object.assign(error, { phase: 'token' }, httpStatus(502), responseDetails(response))
  } catch {
    return undefined
  }
}

/** The default of `parseErrorResponse`. */
export function parseErrorResponse(body: string, status: number): Error | null {
  const { error, error_description, error_uri } = Object(JSON.parse(body)) as Record<
    string,
    unknown
  >
  const code = errorCode(error)
  if (code === undefined) return null
  return new TokenError(displayText(error_description), code, displayText(error_uri), status)
}

/**
 * The profile in a userinfo response (OpenID Connect Core 5.3.2).
 *
 * @throws {HubError} invalid_response
 */
export function readUserinfo(body: string, received: unknown): HuggingFaceProfile {
  const { statusCode = 200, headers = {} } = Object(received) as Partial<IncomingMessage>
  const response = { status: statusCode, headers, body }
  const profile = readProfile(readObject('userinfo', response), body)
  if (profile) return profile
  throw hubError('invalid_response', 'userinfo', 'the response has no sub', response)
}

/** RFC 6749 5.1. */
function readTokenResponse(response: HubResponse, parse: ParseErrorResponse): TokenResponse {
  const fields = readObject('token', response)
  for (const [name, value] of Object.entries(fields)) if (value === null) delete fields[name]
  // Some servers send OAuth's errors with status 200.
  if (fields['error']) throw responseError('token', response, parse)
  const { access_token, token_type = 'bearer', expires_in, ...rest } = fields
  const texts = [access_token, token_type, rest['refresh_token'], rest['id_token'], rest['scope']]
  const areTexts = texts.every((each) => each === undefined || typeof each === 'string')
  // RFC 6750 2.1: visible ASCII. Nothing else could be sent in a header.
  const isUsable = areTexts && /^[\x21-\x7e]+$/.test((access_token as string | undefined) ?? '')
  if (!isUsable || (token_type as string).toLowerCase() !== 'bearer') {
    const message = 'the response has no usable bearer token; is tokenURL right?'
    throw hubError('invalid_response', 'token', message, response)
  }
  const seconds = typeof expires_in === 'object' ? Number.NaN : Number(expires_in)
  const lifetime = Number.isFinite(seconds) ? { expires_in: seconds } : {}
  return { access_token, token_type, ...rest, ...lifetime } as TokenResponse
}

function readObject(phase: HubPhase, response: HubResponse): Record<string, unknown> {
  const value = parseObject(response.body)
  if (value) return value
  throw hubError('invalid_response', phase, 'the response is not a JSON object', response)
}

function hubError(
  code: HubErrorCode,
  phase: HubPhase,
  message: string,
  response: HubResponse,
): HubError {
  return new HubError(code, phase, message, responseDetails(response))
}

/** application/x-www-form-urlencoded: RFC 6749 2.3.1 wants it before Basic. */
function formEncode(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1)
}
