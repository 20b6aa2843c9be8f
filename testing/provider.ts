import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import type { RequestListener } from 'node:http'
import type { AdapterPayload, KoaContextWithOIDC } from 'oidc-provider' with {
  'resolution-mode': 'import',
}
import { allScopes, isRedirectAllowed, toDocument } from './clients'
import { applyFault } from './faults'
import type { Hub, HubOptions, HubRequest } from './hub'
import { type Consents, type Context, consentKey, createPages } from './pages'
import { identityClaims, userinfoClaims } from './people'
import { formHeader } from './sign-in'
import { createStore } from './store'

type OidcProvider = typeof import('oidc-provider', { with: { 'resolution-mode': 'import' }})

export async function loadOidcProvider(): Promise<OidcProvider> {
  return import('oidc-provider').catch((cause) => {
    const cure = /DYNAMIC_IMPORT/.test(cause.code)
      ? "an ES module, which Jest does not load in tests. Start the Hub in Jest's globalSetup and " +
        'use signIn of passport-huggingface/testing in your tests'
      : 'which is not installed: npm install --save-dev oidc-provider'
    throw new Error(`The local Hub needs oidc-provider, ${cure}`, { cause })
  })
}

const day = 24 * 60 * 60
const endpoints = ['authorize', 'token', 'userinfo', 'jwks'] as const

/** An oidc-provider that behaves like the Hub. */
export function createProvider(
  { errors, Provider }: OidcProvider,
  hub: Hub,
  clientMetadata: HubOptions['clientMetadata'],
): RequestListener {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const store = createStore()
  const consents: Consents = new Map()
  const findPerson = (id: string | undefined) => hub.people.find(({ sub }) => sub === id)

  async function findClient(id: string): Promise<AdapterPayload | undefined> {
    const client = hub.clients.find(({ clientID }) => clientID === id)
    if (client) return toDocument(client)
    if (!clientMetadata || !id.startsWith('https://')) return undefined
    const document = (await clientMetadata(id)) as AdapterPayload
    if (document.client_id === id) return { scope: allScopes.join(' '), ...document }
    const problem = `The metadata document has the client_id ${document.client_id}`
    throw new errors.InvalidClientMetadata(`${problem}, but its URL is ${id}`)
  }

  const provider = new Provider(hub.url, {
    adapter(model) {
      const { find, ...adapter } = store(model)
      if (model === 'Client') return { ...adapter, find: findClient }
      const isExpired = () => model === 'AuthorizationCode' && hub.faults.expireCode
      return { ...adapter, find: async (id) => (isExpired() ? undefined : find(id)) }
    },
    clientDefaults: { grant_types: ['authorization_code', 'refresh_token'] },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
    scopes: allScopes,
    // For the ID token. Userinfo has more and is handled below.
    claims: {
      openid: ['sub', 'auth_time'],
      profile: ['name', 'preferred_username', 'profile', 'picture', 'website'],
      email: ['email', 'email_verified'],
    },
    conformIdTokenClaims: false,
    routes: {
      authorization: '/oauth/authorize',
      token: '/oauth/token',
      userinfo: '/oauth/userinfo',
      jwks: '/oauth/jwks',
    },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    findAccount(_ctx, accountId) {
      const person = findPerson(accountId)
      if (!person) return undefined
      return {
        accountId,
        claims: async (_use, scope) => identityClaims(hub.url, person, scope.split(' ')),
      }
    },
    // A new grant for each sign-in: a code used twice revokes the tokens of its own sign-in only.
    async loadExistingGrant({ oidc }) {
      const { accountId = '' } = oidc.account ?? {}
      const { clientId = '' } = oidc.client ?? {}
      const scopes = [...oidc.requestParamOIDCScopes]
      const orgs = consents.get(consentKey(accountId, clientId, scopes))
      if (!orgs || hub.faults.deny) return undefined
      const granted = findPerson(accountId)?.grant ?? allScopes
      const grant = new provider.Grant({ accountId, clientId })
      grant.addOIDCScope(scopes)
      grant.rejectOIDCScope(scopes.filter((scope) => !granted.includes(scope)))
      consents.set(await grant.save(), orgs)
      return grant
    },
    extraParams: {
      orgIds: null,
      // Called for every authorization request with a valid redirect URI.
      scope({ query }, _value, client) {
        const allowed = splitScope(client.scope)
        const refused = splitScope(query['scope']).find((scope) => !allowed.includes(scope))
        if (refused) throw new errors.InvalidScope('requested scope is not allowed', refused)
      },
    },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    ttl: {
      AccessToken: 8 * 60 * 60,
      IdToken: 60 * 60,
      RefreshToken: 90 * day,
      // A refresh token that is refreshed again and again outlives everything but its grant.
      Grant: 100 * 365 * day,
      Interaction: 60 * 60,
      Session: 14 * day,
    },
    renderError(ctx, { error, error_description: description }) {
      pages.error(ctx, error, description, ctx.oidc.client?.redirectUris)
    },
  })
  const pages = createPages(provider, hub, consents)

  // Nothing else would show an error of the Hub itself.
  provider.on('server_error', ({ method, path }, error) => {
    console.error(`Local Hub: ${method} ${path} failed.`, error)
  })
  provider.Client.prototype.redirectUriAllowed = function (uri) {
    return isRedirectAllowed(uri, this.redirectUris ?? [])
  }
  // The Hub's access tokens have about 500 characters, which an app may not expect.
  setTokens(provider.AccessToken.prototype, 'hf_oauth_', 375)
  setTokens(provider.RefreshToken.prototype, 'hf_oauth__refresh_', 25)

  /** Sets what the Hub has defaults for, and makes one value of repeated `orgIds`. */
  async function completeAuthorizationRequest(ctx: Context): Promise<void> {
    const { client_id: id = '', scope = '', orgIds = '' } = ctx.query
    // An unknown client gets oidc-provider's error page.
    const client = await provider.Client.find(String(id)).catch(() => {})
    ctx.query = {
      ...ctx.query,
      scope: String(scope).trim() || (client?.scope ?? ''),
      orgIds: String(orgIds),
      // `signIn` can tick organizations only if the Hub asks.
      ...(new URLSearchParams(ctx.get(formHeader)).has('orgs') && { prompt: 'consent' }),
    }
  }

  async function respondWithUserinfo(ctx: Context): Promise<void> {
    const [, value = ''] = /^Bearer ([^ ]+)$/i.exec(ctx.get('Authorization')) ?? []
    const token = await provider.AccessToken.find(value)
    const person = findPerson(token?.accountId)
    if (token && person) {
      const orgs = consents.get(token.grantId) ?? []
      ctx.body = userinfoClaims(hub.url, person, splitScope(token.scope), orgs)
    } else {
      ctx.status = 401
      ctx.body = { error: 'Invalid credentials in Authorization header' }
    }
  }

  provider.use(async (ctx, next) => {
    ctx.set('X-Request-Id', randomUUID())
    const endpoint = endpoints.find((name) => ctx.path === `/oauth/${name}`)
    if (!endpoint) {
      await next()
      return ctx.status === 404 ? pages.visit(ctx) : undefined
    }
    const request: HubRequest = { endpoint, headers: ctx.headers }
    hub.requests.push(request)
    const fault = endpoint === 'authorize' ? undefined : hub.faults[endpoint]
    if (fault && (await applyFault(fault, ctx))) return
    if (endpoint === 'userinfo') return respondWithUserinfo(ctx)
    if (endpoint === 'authorize') await completeAuthorizationRequest(ctx)
    await next()
    if (endpoint !== 'token') return
    request.body = (ctx as KoaContextWithOIDC).oidc.body ?? {}
    if (ctx.status === 200) Object.assign(ctx.body as object, { token_type: 'bearer' })
  })

  return provider.callback()
}

const splitScope = (scope: unknown): string[] =>
  typeof scope === 'string' ? scope.split(' ').filter((name) => name !== '') : []

function setTokens(prototype: object, prefix: string, bytes: number): void {
  const generateTokenId = () => prefix + randomBytes(bytes).toString('base64url')
  Object.assign(prototype, { generateTokenId, format: 'opaque' })
}
