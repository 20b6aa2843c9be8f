import { createHash, randomBytes } from 'node:crypto'
import type { Client, Hub, SignInOptions } from '../../testing'

export const callbackURL = 'http://127.0.0.1:4567/auth/huggingface/callback'

export type Json = Record<string, unknown>
/** Changes to the query of an authorization request. `undefined` leaves a parameter out. */
type Query = Record<string, string | string[] | undefined>

/** An app that speaks OAuth by hand, to test the local Hub without the strategy. */
export function oauthApp(hub: Hub, client: Pick<Client, 'clientID' | 'clientSecret'> = hub.clients[0], redirectURI = callbackURL) {
  const verifier = randomBytes(32).toString('base64url')

  const authorizationURL = (query: Query = {}): string => {
    const all = {
      client_id: client.clientID,
      response_type: 'code',
      redirect_uri: redirectURI,
      scope: 'openid profile email',
      state: 'some state',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...query,
    }
    const pairs = Object.entries(all).flatMap(([name, value = []]) => [value].flat().map((one) => [name, one]))
    return `${hub.url}/oauth/authorize?${new URLSearchParams(pairs)}`
  }

  /** What the callback gets. */
  const signIn = async (username: string, query?: Query, options?: SignInOptions): Promise<Json> =>
    Object.fromEntries(new URL(await hub.signIn(authorizationURL(query), username, options)).searchParams)

  const requestTokens = (form: Record<string, string>): Promise<Json> => {
    const { clientID, clientSecret } = client
    const headers: HeadersInit = clientSecret ? { authorization: `Basic ${btoa(`${clientID}:${clientSecret}`)}` } : {}
    const body = new URLSearchParams({ ...(!clientSecret && { client_id: clientID }), ...form })
    return read(fetch(`${hub.url}/oauth/token`, { method: 'POST', headers, body }))
  }
  const redeem = (code: unknown) =>
    requestTokens({ grant_type: 'authorization_code', code: String(code), redirect_uri: redirectURI, code_verifier: verifier })

  return {
    authorizationURL,
    signIn,
    redeem,
    refresh: (tokens: Json) => requestTokens({ grant_type: 'refresh_token', refresh_token: String(tokens['refresh_token']) }),
    tokens: async (...args: Parameters<typeof signIn>) => redeem((await signIn(...args))['code']),
    userinfo: (tokens: Json) =>
      read(fetch(`${hub.url}/oauth/userinfo`, { headers: { authorization: `Bearer ${tokens['access_token']}` } })),
  }
}

async function read(response: Promise<Response>): Promise<Json> {
  const res = await response
  return { status: res.status, ...((await res.json()) as Json) }
}

/** Header and claims of the ID token. */
export function idTokenParts(tokens: Json): Json[] {
  const parts = String(tokens['id_token']).split('.').slice(0, 2)
  return parts.map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
}
