import { createHash, randomBytes } from 'node:crypto'
import { expect } from '@jest/globals'
import type { Client, Hub } from '../../testing/index'

export const callbackURL = 'http://127.0.0.1:4567/auth/huggingface/callback'

/** An app that speaks OAuth by hand, so that the Hub is tested without the strategy. */
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

  authorizationURL(params: Record<string, string | string[]> = {}): string {
    const url = new URL(`${this.hub.url}/oauth/authorize`)
    const all = {
      client_id: this.client.clientID,
      redirect_uri: this.redirectURI,
      response_type: 'code',
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

  async code(username: string, params: Record<string, string | string[]> = {}, orgs?: string[]): Promise<string> {
    const callback = await this.hub.signIn(this.authorizationURL(params), username, orgs && { orgs })
    const code = new URL(callback).searchParams.get('code')
    if (code === null) {
      throw new Error(`no code: ${callback}`)
    }
    return code
  }

  async token(form: Record<string, string>): Promise<Response> {
    const { clientID, clientSecret } = this.client
    return fetch(`${this.hub.url}/oauth/token`, {
      method: 'POST',
      headers: clientSecret === undefined ? {} : { authorization: `Basic ${btoa(`${clientID}:${clientSecret}`)}` },
      body: new URLSearchParams({ ...(clientSecret === undefined ? { client_id: clientID } : {}), ...form }),
    })
  }

  async redeem(code: string): Promise<Response> {
    return this.token({
      grant_type: 'authorization_code',
      code,
      redirect_uri: this.redirectURI,
      code_verifier: this.verifier,
    })
  }

  async refresh(refreshToken: string): Promise<Response> {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken })
  }

  async tokens(username: string, params?: Record<string, string | string[]>, orgs?: string[]): Promise<Tokens> {
    const answer = await this.redeem(await this.code(username, params, orgs))
    expect(answer.status).toBe(200)
    return (await answer.json()) as Tokens
  }

  async userinfo(accessToken: string): Promise<Json> {
    const answer = await fetch(`${this.hub.url}/oauth/userinfo`, {
      headers: { authorization: `Bearer ${accessToken}` },
    })
    expect(answer.status).toBe(200)
    return (await answer.json()) as Json
  }
}

export interface Tokens {
  access_token: string
  refresh_token: string
  token_type: string
  expires_in: number
  scope: string
  id_token?: string
}

export type Json = Record<string, unknown>

export function idTokenParts(tokens: Tokens): { header: Json; claims: Json } {
  const [header, claims] = (tokens.id_token ?? '').split('.').map((part) => Buffer.from(part, 'base64url').toString())
  return { header: JSON.parse(header ?? ''), claims: JSON.parse(claims ?? '') }
}
