import type { Agent, OutgoingHttpHeaders } from 'node:http'
import { OAuth2 } from 'oauth'
import { answerDetails, formEncode, type HubAnswerDetails, HubError, type HubPhase, httpStatus, legible, TokenError } from './errors'
import type { TokenParams } from './options'
import { type Answer, type Exchange, exchange, isConnected } from './transport'

export interface HubClientSettings {
  /** Milliseconds for a whole exchange. */
  timeout: number
  agent: Agent | undefined
  parseErrorResponse: (body: string, status: number) => Error | null
}

type Callback = (error: unknown, ...values: unknown[]) => void

/** node-oauth's client with a transport, client authentication and checks of our own. Its six-argument constructor stays, for passport-oauth2-refresh. */
export class HubClient extends OAuth2 {
  protected readonly settings: HubClientSettings = { timeout: 5000, agent: undefined, parseErrorResponse }
  /** Aborted when the browser has left; set on a copy per request, never on the strategy's own client. */
  declare protected readonly signal?: AbortSignal

  /** The class with its settings built in, so that whoever calls its constructor (passport-oauth2-refresh does) gets them too. */
  static configured(settings: HubClientSettings): typeof HubClient {
    return class extends HubClient {
      protected override readonly settings = settings
    }
  }

  /** RFC 6749 4.1.3 and 6, with the client authentication of 2.3.1. */
  override getOAuthAccessToken(code: string, params: unknown, callback?: unknown): void {
    const [fields, done] = typeof params === 'function' ? [{}, params] : [params, callback]
    const values = this.requestTokens(code, { ...(fields as Record<string, string>) }).then(({ refresh_token, ...granted }) => [
      granted.access_token,
      refresh_token,
      granted,
    ])
    callBack(values, done as Callback)
  }

  private async requestTokens(code: string, fields: Record<string, string>): Promise<TokenResponse> {
    const form = new URLSearchParams({
      ...fields,
      [fields['grant_type'] === 'refresh_token' ? 'refresh_token' : 'code']: code,
    })
    const headers: OutgoingHttpHeaders = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const basic = this._clientSecret && Buffer.from(`${formEncode(this._clientId)}:${formEncode(this._clientSecret)}`).toString('base64')
    if (basic) headers['Authorization'] = `Basic ${basic}`
    else form.set('client_id', this._clientId)
    const sent = [basic, this._clientSecret, code, fields['code_verifier']]
    const answer = await this.ask('token', 'POST', this._getAccessTokenUrl(), headers, sent, form.toString())
    try {
      if (!succeeded(answer)) throw unexpectedStatus('token', answer)
      return readTokenResponse(answer.body)
    } catch (error) {
      const secrets = [...sent, ...tokensIn(answer.body)]
      const details = answerDetails(answer.status, answer.headers, secrets)
      throw this.refusal(answer, details, secrets) ?? Object.assign(error as HubError, details)
    }
  }

  /** What the Hub says in OAuth's own words (RFC 6749 5.2), if it does; some servers do so with status 200. */
  private refusal(answer: Answer, details: HubAnswerDetails, secrets: readonly (string | undefined)[]): Error | null {
    let error: Error | null
    try {
      error = this.settings.parseErrorResponse(answer.body, answer.status)
    } catch {
      return null
    }
    if (!(error instanceof TokenError)) return error
    const code = legible(error.code, secrets) ?? 'invalid_request'
    const usual = `the Hub refused with ${code} (status ${answer.status}); see the codes in the README`
    const refusal = new TokenError(legible(error.message, secrets) ?? usual, code, legible(error.uri, secrets), 502)
    return Object.assign(refusal, { phase: 'token' }, httpStatus(502), details)
  }

  /** node-oauth's only way to the network, under `get` and all else. The access token goes into the header, never into the URL. */
  override _request(
    method: string,
    url: string,
    headers: OutgoingHttpHeaders | null,
    body: unknown,
    accessToken: string | null,
    callback: unknown,
  ): void {
    const authorization = accessToken ? { Authorization: this.buildAuthHeader(accessToken) } : {}
    const secrets = [accessToken ?? undefined]
    const ask = async () => {
      const answer = await this.ask('userinfo', method, url, { ...headers, ...authorization }, secrets, body ? String(body) : undefined)
      const details = () => answerDetails(answer.status, answer.headers, secrets)
      if (!succeeded(answer)) throw unexpectedStatus('userinfo', answer, details())
      return [answer.body, { statusCode: answer.status, headers: answer.headers, details }]
    }
    callBack(ask(), callback as Callback)
  }

  /** The Hub's signing keys, as JSON. */
  async fetchKeys(url: string): Promise<unknown> {
    const answer = await this.ask('jwks', 'GET', url, {}, [])
    const details = answerDetails(answer.status, answer.headers, [])
    if (!succeeded(answer)) throw unexpectedStatus('jwks', answer, details)
    return readObject('jwks', answer.body, details)
  }

  /** Whether a request to `url` would find a connection that is open already. */
  isConnected(url: string): boolean {
    return isConnected({ url, agent: this.agent() })
  }

  private ask(phase: HubPhase, method: string, url: string, headers: OutgoingHttpHeaders, secrets: Exchange['secrets'], body?: string) {
    const all: OutgoingHttpHeaders = { accept: 'application/json', 'user-agent': 'passport-huggingface' }
    // by lower-case name, so that ours replace the app's own, whatever their spelling
    for (const [name, value] of Object.entries({ ...this._customHeaders, ...headers })) all[name.toLowerCase()] = value
    if (body !== undefined) all['content-length'] = Buffer.byteLength(body)
    const { timeout } = this.settings
    return exchange({ phase, method, url, headers: all, body, timeout, signal: this.signal, agent: this.agent(), secrets })
  }

  /** What `setAgent` set wins over the option. */
  private agent(): Agent | boolean | undefined {
    return this._agent ?? this.settings.agent
  }
}

export interface TokenResponse extends TokenParams {
  access_token: string
  refresh_token?: string
}

/**
 * A successful answer of the token endpoint (RFC 6749 5.1).
 *
 * @throws {HubError} invalid_response
 */
export function readTokenResponse(body: string): TokenResponse {
  const invalid = (what: string) => new HubError('invalid_response', 'token', `${what}; is tokenURL right?`)
  const answer = readObject('token', body)
  for (const [field, value] of Object.entries(answer)) if (value === null) delete answer[field]
  // RFC 6750 2.1: visible ASCII; anything else could not be sent back in a header
  if (typeof answer['access_token'] !== 'string' || !/^[\x21-\x7e]+$/.test(answer['access_token'])) {
    throw invalid('the answer has no usable access_token')
  }
  const { token_type = 'bearer' } = answer
  if (typeof token_type !== 'string' || token_type.toLowerCase() !== 'bearer') throw invalid('the token_type is not bearer')
  if (answer['error']) throw invalid('the answer has an error beside the access_token')
  for (const field of ['refresh_token', 'id_token', 'scope'] as const) {
    if (answer[field] !== undefined && typeof answer[field] !== 'string') throw invalid(`the answer's ${field} is not a string`)
  }
  const seconds = typeof answer['expires_in'] === 'object' ? Number.NaN : Number(answer['expires_in'])
  if (Number.isFinite(seconds)) answer['expires_in'] = seconds
  else delete answer['expires_in']
  return answer as TokenResponse
}

/** RFC 6749 5.2: the standard parser, replaced where a subclass overrides `parseErrorResponse`. */
export function parseErrorResponse(body: string, status: number): Error | null {
  const { error, error_description, error_uri } = Object(JSON.parse(body)) as Record<string, unknown>
  if (typeof error !== 'string' || error === '') return null
  return new TokenError(textOf(error_description), error, textOf(error_uri), status)
}

/** @throws {HubError} invalid_response; without a cause, since JSON's own error quotes the body */
export function readObject(phase: HubPhase, body: string, details: HubAnswerDetails = {}): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    throw new HubError('invalid_response', phase, 'the answer is not JSON', details)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new HubError('invalid_response', phase, 'the answer is not a JSON object', details)
}

/** What `_oauth2.get` answered, where it is stubbed or replaced, in our words: node-oauth's `{ statusCode, data }`, or an Error. */
export function userinfoError(error: unknown): HubError {
  if (error instanceof HubError) return error
  const { statusCode } = Object(error) as { statusCode?: unknown }
  if (typeof statusCode !== 'number') {
    return new HubError('connection_failed', 'userinfo', 'the request to the Hub failed', { cause: error })
  }
  return unexpectedStatus('userinfo', { status: statusCode }, { hubStatus: statusCode })
}

function unexpectedStatus(phase: HubPhase, answer: Pick<Answer, 'status'>, details: HubAnswerDetails = {}): HubError {
  if (phase === 'userinfo' && answer.status === 401) {
    return new HubError(
      'unauthorized',
      phase,
      'the Hub did not accept the access token (401): it has expired, or the person has revoked the app',
      details,
    )
  }
  return new HubError('unexpected_status', phase, `the Hub answered with status ${answer.status}`, details)
}

/** What the callback throws is its owner's: it must not become a rejection of ours. */
function callBack(values: Promise<unknown[]>, done: Callback): void {
  values.then(
    (list) => process.nextTick(done, null, ...list),
    (error) => process.nextTick(done, error),
  )
}

function succeeded({ status }: Answer): boolean {
  return status >= 200 && status < 300
}

/** An answer may repeat its own tokens elsewhere. */
function tokensIn(body: string): string[] {
  try {
    const { access_token, refresh_token, id_token } = Object(JSON.parse(body)) as Record<string, unknown>
    return [access_token, refresh_token, id_token].filter((token) => typeof token === 'string')
  } catch {
    return []
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
