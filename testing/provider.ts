import type { RequestListener } from 'node:http'
import type { AdapterPayload, JWK, Provider } from 'oidc-provider' with {
  'resolution-mode': 'import',
}
import { allScopes, type Client, isRedirectAllowed } from './clients'
import { avatarSVG } from './html'
import { clientFromDocument } from './metadata-document'
import { type Context, Pages } from './pages'
import { identityClaims, type Resident, userinfoClaims } from './people'
import { consentKey, type HubState } from './state'

type OidcProvider = typeof import('oidc-provider', { with: { 'resolution-mode': 'import' }})

export async function loadOidcProvider(): Promise<OidcProvider> {
  try {
    return await import('oidc-provider')
  } catch (cause) {
    // In Jest the error is of another realm, so it is not an instance of Error.
    const { code } = Object(cause) as { code?: unknown }
    if (/MODULE_NOT_FOUND/.test(String(code))) {
      const cure = 'npm install --save-dev oidc-provider'
      throw new Error(`The local Hub needs oidc-provider, which is not installed: ${cure}`, {
        cause,
      })
    }
    if (/DYNAMIC_IMPORT/.test(String(code))) {
      throw new Error(
        'The local Hub needs oidc-provider, an ES module, which Jest does not load in tests. Start ' +
          "the Hub in Jest's globalSetup and use signIn of passport-huggingface/testing in your " +
          'tests, or run Jest with NODE_OPTIONS=--experimental-vm-modules',
        { cause },
      )
    }
    throw cause
  }
}

const day = 24 * 60 * 60

/** An oidc-provider that behaves like the Hub. */
export function createProvider(
  { errors, interactionPolicy, Provider }: OidcProvider,
  state: HubState,
  keys: readonly JWK[],
): RequestListener {
  const { url, consents, grantedOrgs } = state
  const policy = interactionPolicy.base()
  // The Hub does not ask native apps every time.
  policy.get('consent')?.checks.remove('native_client_prompt')
  const findPerson = (id: string | undefined): Resident | undefined =>
    state.people.find(({ sub }) => sub === id)
  const findClient = async (id: string): Promise<AdapterPayload | undefined> => {
    const client = state.clients.find(({ clientID }) => clientID === id)
    if (client !== undefined || !id.startsWith('https://')) {
      return client && toMetadata(client)
    }
    try {
      return toMetadata(await clientFromDocument(id, state.clientMetadata))
    } catch (error) {
      throw new errors.InvalidClientMetadata((error as Error).message)
    }
  }

  const provider = new Provider(url, {
    adapter(model) {
      const adapter = state.store.adapter(model)
      if (model === 'Client') {
        return { ...adapter, find: findClient }
      }
      return model !== 'AuthorizationCode'
        ? adapter
        : {
            ...adapter,
            find: async (id) => (state.faults.expireCode ? undefined : adapter.find(id)),
          }
    },
    jwks: { keys },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    responseTypes: ['code'],
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
    discovery: { client_id_metadata_document_supported: true },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      dPoP: { enabled: false },
      resourceIndicators: { enabled: false },
    },
    cookies: {
      // Cookies are shared by all ports of a host, so an app may have a `_session` of its own.
      names: { session: 'hub_session', interaction: 'hub_interaction', resume: 'hub_resume' },
    },
    interactions: { policy, url: (_ctx, { uid }) => `/interaction/${uid}` },
    findAccount(_ctx, accountId) {
      const person = findPerson(accountId)
      return (
        person && {
          accountId,
          claims: async (_use, scope) => ({
            ...identityClaims(url, person, new Set(scope.split(' '))),
            sub: accountId,
          }),
        }
      )
    },
    // A new grant for each sign-in: a code used twice revokes the tokens of its own sign-in only.
    async loadExistingGrant({ oidc }) {
      const accountId = oidc.account?.accountId ?? ''
      const clientId = oidc.client?.clientId ?? ''
      const scopes = oidc.requestParamOIDCScopes
      const orgs = consents.get(consentKey(accountId, clientId, scopes))
      if (orgs === undefined || state.faults.deny) {
        return undefined
      }
      const granted = findPerson(accountId)?.grant ?? allScopes
      const grant = new provider.Grant({ accountId, clientId })
      grant.addOIDCScope([...scopes])
      grant.rejectOIDCScope([...scopes].filter((scope) => !granted.includes(scope)))
      grantedOrgs.set(await grant.save(), orgs)
      return grant
    },
    extraParams: {
      orgIds: null,
      // Called for every authorization request with a valid redirect URI.
      scope(ctx, _value, client) {
        const allowed = client.scope?.split(' ') ?? []
        for (const scope of splitScope(ctx.query['scope'])) {
          if (!allowed.includes(scope)) {
            throw new errors.InvalidScope('requested scope is not allowed', scope)
          }
        }
      },
    },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    formats: {
      // The Hub's access tokens have about 500 characters, which an app may not expect.
      bitsOfOpaqueRandomness: (_ctx, { kind }) =>
        kind === 'AccessToken' ? 500 * 6 : kind === 'RefreshToken' ? 34 * 6 : 256,
    },
    ttl: {
      AccessToken(_ctx, _token, { clientId }) {
        const client = state.clients.find(({ clientID }) => clientID === clientId)
        return (client?.tokenExpirationMinutes ?? 480) * 60
      },
      AuthorizationCode: 60,
      IdToken: 60 * 60,
      RefreshToken: 90 * day,
      // A refresh token that is refreshed again and again outlives everything but its grant.
      Grant: 100 * 365 * day,
      Interaction: 60 * 60,
      Session: 14 * day,
    },
    clientBasedCORS: () => true,
    renderError(ctx, { error, error_description: description }) {
      pages.showError(ctx, error, description, ctx.oidc.client?.redirectUris ?? [])
    },
  })
  const pages = new Pages(provider, state)

  // Nothing else would show an error of the Hub itself.
  provider.on('server_error', ({ method, path }, error) => {
    console.error(`Local Hub: ${method} ${path} failed.`, error)
  })
  provider.Client.prototype.redirectUriAllowed = function (uri) {
    return isRedirectAllowed(uri, this.redirectUris ?? [])
  }
  prefixTokens(provider.AccessToken.prototype, 'hf_oauth_')
  prefixTokens(provider.RefreshToken.prototype, 'hf_oauth__refresh_')

  provider.use(async (ctx, next) => {
    const { path, method } = ctx
    const avatar = /^\/avatars\/([^/]+)\.svg$/.exec(path)?.[1]
    if (path === '/oauth/authorize') {
      await completeAuthorizationRequest(ctx, provider)
      await next()
    } else if (path === '/oauth/token') {
      await next()
      if (ctx.status === 200) {
        Object.assign(ctx.body as object, { token_type: 'bearer' })
      }
    } else if (path === '/oauth/userinfo' && /^(?:GET|POST)$/.test(method)) {
      ctx.set('Cache-Control', 'no-store')
      const value = /^Bearer ([^ ]+)$/i.exec(ctx.get('Authorization'))?.[1] ?? ''
      const token = await provider.AccessToken.find(value)
      const person = findPerson(token?.accountId)
      if (token === undefined || person === undefined) {
        ctx.status = 401
        ctx.set('WWW-Authenticate', 'Bearer error="invalid_token"')
        ctx.body = { error: 'Invalid credentials in Authorization header' }
        return
      }
      const orgs = grantedOrgs.get(token.grantId) ?? new Set()
      ctx.body = userinfoClaims(url, person, new Set(splitScope(token.scope)), orgs)
    } else if (path === '/.well-known/oauth-authorization-server') {
      // The Hub has the same document in both places.
      ctx.path = '/.well-known/openid-configuration'
      await next()
    } else if (/^\/interaction\/[\w-]+$/.test(path) && /^(?:GET|POST)$/.test(method)) {
      await pages.interact(ctx)
    } else if (avatar !== undefined) {
      ctx.type = 'image/svg+xml'
      ctx.set('Cache-Control', 'max-age=86400')
      ctx.body = avatarSVG(decodeURIComponent(avatar))
    } else {
      await next()
      if (ctx.status === 404) {
        await pages.visit(ctx)
      }
    }
  })

  return provider.callback()
}

/** In the terms of OpenID Connect Dynamic Client Registration. */
function toMetadata(client: Client): AdapterPayload {
  const { clientID, clientSecret, name, redirectURIs, scopes = allScopes } = client
  const isPublic = clientSecret === undefined
  const isWeb = redirectURIs.every((uri) => /^https?:/.test(uri))
  return {
    client_id: clientID,
    client_secret: clientSecret,
    client_name: name,
    redirect_uris: redirectURIs,
    scope: scopes.join(' '),
    token_endpoint_auth_method: isPublic ? 'none' : 'client_secret_basic',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    // oidc-provider allows callbacks like `my-app://callback` to native apps only.
    application_type: isWeb ? 'web' : 'native',
  }
}

/** Sets what the Hub has defaults for, and makes one value of repeated `orgIds`. */
async function completeAuthorizationRequest(ctx: Context, { Client }: Provider): Promise<void> {
  const { client_id: id = '', scope = '', orgIds = '' } = ctx.query
  // An unknown client gets oidc-provider's error page.
  const client = await Client.find(String(id)).catch(() => {})
  ctx.query = {
    response_type: 'code',
    ...ctx.query,
    scope: String(scope).trim() || (client?.scope ?? ''),
    orgIds: String(orgIds),
  }
}

function splitScope(scope: unknown): string[] {
  return typeof scope === 'string' ? scope.split(' ').filter((name) => name !== '') : []
}

/** oidc-provider has no option for this, and its types leave the method out. */
function prefixTokens(prototype: object, prefix: string): void {
  const model = prototype as { generateTokenId(): string }
  const { generateTokenId } = model
  model.generateTokenId = function () {
    return prefix + generateTokenId.call(this)
  }
}
