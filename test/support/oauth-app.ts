import { createHash, randomBytes } from 'node:crypto'
import type { Client, Hub, SignInOptions } from '../../testing'

export const callbackURL = 'http://127.0.0.1:4567/auth/huggingface/callback'

export type Json = Record<string, unknown>
/** Changes to the query of an authorization request. `undefined` leaves a parameter out. */
type Query = Record<string, string | string[] | undefined>

/** An app that speaks OAuth by hand, to test the local Hub without the strategy. */
export class OAuthApp {
  private readonly hub: Hub
  private readonly client: Pick<Client, 'clientID' | 'clientSecret'>
  private readonly redirectURI: string
  private readonly verifier = randomBytes(32).toString('base64url')

  constructor(hub: Hub, client: OAuthApp['client'] = hub.clients[0], redirectURI = callbackURL) {
    this.hub = hub
    this.client = client
    this.redirectURI = redirectURI
  }

  authorizationURL(query: Query = {}): string {
    const all = {
      client_id: this.client.clientID,
      response_type: 'code',
      redirect_uri: this.redirectURI,
      scope: 'openid profile email',
      state: 'some state',
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...query,
    }
    const pairs = Object.entries(all).flatMap(([name, value = []]) => [value].flat().map((one) => [name, one]))
    return `${this.hub.url}/oauth/authorize?${new URLSearchParams(pairs)}`
  }

  /** What the callback gets. */
  async signIn(username: string, query?: Query, options?: SignInOptions): Promise<Json> {
    const callback = await this.hub.signIn(this.authorizationURL(query), username, options)
    return Object.fromEntries(new URL(callback).searchParams)
  }

  redeem(code: unknown, form: Record<string, string> = {}): Promise<Json> {
    return this.token('authorization_code', { code: String(code), redirect_uri: this.redirectURI, code_verifier: this.verifier, ...form })
  }

  refresh(tokens: Json): Promise<Json> {
    return this.token('refresh_token', { refresh_token: String(tokens['refresh_token']) })
  }

  async tokens(...args: Parameters<OAuthApp['signIn']>): Promise<Json> {
    return this.redeem((await this.signIn(...args))['code'])
  }

  async userinfo(tokens: Json): Promise<Json> {
    const headers = { authorization: `Bearer ${tokens['access_token']}` }
    const res = await fetch(`${this.hub.url}/oauth/userinfo`, { headers })
    return { status: res.status, ...((await res.json()) as Json) }
  }

  private async token(type: string, form: Record<string, string>): Promise<Json> {
    const { clientID, clientSecret } = this.client
    const authorization = `Basic ${btoa(`${clientID}:${clientSecret}`)}`
    const body = new URLSearchParams({ grant_type: type, ...(!clientSecret && { client_id: clientID }), ...form })
    const res = await fetch(`${this.hub.url}/oauth/token`, { method: 'POST', headers: clientSecret ? { authorization } : {}, body })
    return { status: res.status, ...((await res.json()) as Json) }
  }
}

/** Header and claims of the ID token. */
export function idTokenParts(tokens: Json): Json[] {
  const parts = String(tokens['id_token']).split('.').slice(0, 2)
  return parts.map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
}
