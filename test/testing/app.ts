import { createHash, randomBytes } from 'node:crypto'
import type { Client, Hub } from '../../testing'

export const callbackURL = 'http://127.0.0.1:4567/auth/huggingface/callback'

export type Params = Record<string, string | string[]>
export type Json = Record<string, unknown>

export interface Tokens {
  access_token: string
  refresh_token: string
  token_type: string
  expires_in: number
  scope: string
  id_token?: string
}

/** An app that speaks OAuth by hand, to test the Hub without the strategy. */
export class App {
  readonly hub: Hub
  readonly client: Pick<Client, 'clientID' | 'clientSecret'>
  readonly redirectURI: string
  readonly verifier = randomBytes(32).toString('base64url')

  constructor(hub: Hub, client: App['client'] = hub.clients[0], redirectURI = callbackURL) {
    this.hub = hub
    this.client = client
    this.redirectURI = redirectURI
  }

  authorizationURL(params: Params = {}): string {
    const url = new URL(`${this.hub.url}/oauth/authorize`)
    const all = {
      client_id: this.client.clientID,
      redirect_uri: this.redirectURI,
      scope: 'openid profile email',
      state: 'some state',
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...params,
    }
    for (const [name, value] of Object.entries(all)) {
      for (const one of [value].flat()) {
        url.searchParams.append(name, one)
      }
    }
    return url.href
  }

  async signIn(username: string, params?: Params, orgs?: string[]): Promise<Json> {
    const callback = await this.hub.signIn(
      this.authorizationURL(params),
      username,
      orgs && { orgs },
    )
    return Object.fromEntries(new URL(callback).searchParams)
  }

  async token(form: Record<string, string>): Promise<Response> {
    const { clientID, clientSecret } = this.client
    return fetch(`${this.hub.url}/oauth/token`, {
      method: 'POST',
      ...(clientSecret && {
        headers: { authorization: `Basic ${btoa(`${clientID}:${clientSecret}`)}` },
      }),
      body: new URLSearchParams({ ...(!clientSecret && { client_id: clientID }), ...form }),
    })
  }

  async redeem(code: unknown, form: Record<string, string> = {}): Promise<Response> {
    return this.token({
      grant_type: 'authorization_code',
      code: String(code),
      redirect_uri: this.redirectURI,
      code_verifier: this.verifier,
      ...form,
    })
  }

  async refresh(refreshToken: string): Promise<Response> {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken })
  }

  async tokens(username: string, params?: Params, orgs?: string[]): Promise<Tokens> {
    const { code } = await this.signIn(username, params, orgs)
    return (await this.redeem(code)).json() as Promise<Tokens>
  }

  async userinfo({ access_token: token }: Tokens, method = 'GET'): Promise<Json> {
    const headers = { authorization: `Bearer ${token}` }
    const res = await fetch(`${this.hub.url}/oauth/userinfo`, { method, headers })
    return res.json() as Promise<Json>
  }
}

export const badToken = { error: 'Invalid credentials in Authorization header' }

export function idTokenParts(tokens: Tokens): Json[] {
  const parts = (tokens.id_token ?? '').split('.').slice(0, 2)
  return parts.map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
}
