import type { RequestListener } from 'node:http'
import type { Context, Provider, Client as ProviderClient } from 'oidc-provider'
import { avatarSVG } from './avatar'
import { clientMetadata, isRedirectAllowed } from './clients'
import { fetchMetadataDocument } from './metadata-document'
import { Pages } from './pages'
import { identityClaims, userinfoClaims } from './people'
import { quietly } from './quiet'
import { allScopes } from './scopes'
import type { HubState } from './state'

const eightHours = 8 * 60 * 60
const twoWeeks = 14 * 24 * 60 * 60

/** An oidc-provider that looks like the Hub, as one request listener. */
export async function createProvider(state: HubState, keys: readonly object[]): Promise<RequestListener> {
  const { errors, interactionPolicy, Provider } = await loadOidcProvider()
  const { url, store, consents } = state

  const policy = interactionPolicy.base()
  const consent = policy.get('consent')
  // The Hub does not ask native apps every time.
  consent.checks.remove('native_client_prompt')
  // A person who denies everything must be asked, even about an app that was allowed before.
  consent.checks.add(
    new interactionPolicy.Check('denial', 'the person denies every app', 'access_denied', () => Boolean(state.faults.deny)),
  )

  const provider = new Provider(url, {
    adapter: (model: string) => store.adapter(model),
    jwks: { keys },
    clients: state.clients.map(clientMetadata),
    clientDefaults: { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    responseTypes: ['code'],
    scopes: allScopes,
    // What an ID token can have. Userinfo is answered below, it has more.
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
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      dPoP: { enabled: false },
      resourceIndicators: { enabled: false },
      clientIdMetadataDocument: {
        enabled: true,
        ack: 'draft-02',
        // A document changes while an app is being developed.
        cacheDuration: { min: 0, max: 1 },
      },
    },
    fetch: (address: string) => fetchMetadataDocument(address, state.clientMetadata),
    cookies: {
      // Cookies do not tell ports apart: an app on the same host may have a `_session` of its own.
      names: { session: 'hub_session', interaction: 'hub_interaction', resume: 'hub_resume' },
    },
    interactions: {
      policy,
      url: (_ctx: Context, interaction: { uid: string }) => `/interaction/${interaction.uid}`,
    },
    findAccount(_ctx: Context, accountId: string) {
      const person = state.people.find(({ sub }) => sub === accountId)
      return (
        person && {
          accountId,
          claims: (_use: string, scope: string) => identityClaims(url, person, new Set(scope.split(' '))),
        }
      )
    },
    async loadExistingGrant({ oidc }: Context) {
      const accountId = oidc.account?.accountId ?? ''
      const orgs = consents.recall(accountId, oidc.client.clientId, oidc.requestParamOIDCScopes)
      if (orgs === undefined) {
        return undefined
      }
      // A grant for each sign-in: a code used twice takes the tokens of its own sign-in with it and no other's.
      const grant = new provider.Grant({ accountId, clientId: oidc.client.clientId })
      grant.addOIDCScope([...oidc.requestParamOIDCScopes].join(' '))
      consents.bind(await grant.save(), orgs)
      return grant
    },
    extraParams: {
      orgIds: null,
      // Called for every authorization request, after its redirect URI was found good.
      scope(ctx: Context, _value: unknown, client: ProviderClient) {
        const allowed = client.scope?.split(' ') ?? allScopes
        for (const scope of asked(ctx.query['scope'])) {
          if (!allowed.includes(scope)) {
            throw new errors.InvalidScope('requested scope is not allowed', scope)
          }
        }
      },
    },
    issueRefreshToken: (_ctx: Context, client: ProviderClient) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    formats: {
      // Real access tokens are JWTs of some 500 characters; an app should notice if that does not fit where it keeps them.
      bitsOfOpaqueRandomness: (_ctx: Context, token: { kind: string }) =>
        ({ AccessToken: 500 * 6, RefreshToken: 34 * 6 })[token.kind] ?? 256,
    },
    ttl: {
      AccessToken: eightHours,
      AuthorizationCode: 60,
      IdToken: 60 * 60,
      RefreshToken: twoWeeks,
      Interaction: 60 * 60,
      Session: twoWeeks,
      Grant: twoWeeks,
    },
    clientBasedCORS: () => true,
    renderError(ctx: Context, out: { error: string; error_description?: string }) {
      ctx.type = 'html'
      ctx.body = pages.error(ctx, out)
    },
  })
  const pages = new Pages(provider, state)

  // An error that is not the asker's fault would otherwise be seen nowhere.
  provider.on('server_error', (ctx, error) => console.error(`Local Hub: ${ctx.method} ${ctx.path} failed.`, error))

  provider.Client.prototype.redirectUriAllowed = function (uri: string) {
    return isRedirectAllowed(uri, this.redirectUris)
  }
  prefixTokens(provider.AccessToken.prototype, 'hf_oauth_')
  prefixTokens(provider.RefreshToken.prototype, 'hf_oauth__refresh_')

  provider.use(async (ctx, next) => {
    const { path, method } = ctx
    if (path === '/oauth/authorize') {
      // The first client ID that is a URL makes oidc-provider look at how it fetches, and say so.
      return quietly(async () => {
        await completeAuthorizationRequest(ctx, provider)
        await next()
      })
    }
    if (path === '/oauth/token') {
      await next()
      const answer = ctx.body
      if (typeof answer === 'object' && answer !== null && 'token_type' in answer) {
        answer.token_type = 'bearer'
      }
      return
    }
    if (path === '/oauth/userinfo' && (method === 'GET' || method === 'POST')) {
      ctx.set('Cache-Control', 'no-store')
      const value = /^Bearer ([^ ]+)$/i.exec(ctx.get('Authorization'))?.[1]
      const token = value === undefined ? undefined : await provider.AccessToken.find(value)
      const person = token && state.people.find(({ sub }) => sub === token.accountId)
      if (token === undefined || person === undefined) {
        ctx.status = 401
        ctx.set('WWW-Authenticate', 'Bearer error="invalid_token"')
        ctx.body = { error: 'Invalid credentials in Authorization header' }
        return
      }
      ctx.body = userinfoClaims(url, person, token.scopes, consents.orgsOf(token.grantId))
      return
    }
    if (path === '/.well-known/openid-configuration' || path === '/.well-known/oauth-authorization-server') {
      ctx.set('Access-Control-Allow-Origin', '*')
      ctx.body = discoveryDocument(url)
      return
    }
    const interaction = /^\/interaction\/[\w-]+$/.test(path)
    if (interaction && (method === 'GET' || method === 'POST')) {
      return pages.interact(ctx)
    }
    const avatar = /^\/avatars\/([^/]+)\.svg$/.exec(path)?.[1]
    if (avatar !== undefined) {
      ctx.type = 'image/svg+xml'
      ctx.set('Cache-Control', 'max-age=86400')
      ctx.body = avatarSVG(decodeURIComponent(avatar))
      return
    }
    await next()
    if (ctx.status === 404) {
      await pages.visit(ctx)
    }
  })

  return provider.callback()
}

/** Missing parameters that the Hub fills in, and a list where oidc-provider wants one value. */
async function completeAuthorizationRequest(ctx: Context, provider: Provider): Promise<void> {
  const query: Context['query'] = { response_type: 'code', ...ctx.query }
  if (asked(query['scope']).length === 0) {
    const id = query['client_id']
    // An unknown client gets its error page a moment later.
    const client = typeof id === 'string' ? await provider.Client.find(id).catch(() => undefined) : undefined
    query['scope'] = client?.scope ?? allScopes.join(' ')
  }
  if (Array.isArray(query['orgIds'])) {
    query['orgIds'] = query['orgIds'].join(',')
  }
  ctx.query = query
}

function asked(scope: string | string[] | undefined): string[] {
  return typeof scope === 'string' ? scope.split(' ').filter((name) => name !== '') : []
}

function prefixTokens(prototype: { generateTokenId(): string }, prefix: string): void {
  const { generateTokenId } = prototype
  prototype.generateTokenId = function () {
    return prefix + generateTokenId.call(this)
  }
}

/** What the real document is known to say, without the endpoints that only the real Hub has. */
function discoveryDocument(url: string): object {
  return {
    issuer: url,
    authorization_endpoint: `${url}/oauth/authorize`,
    token_endpoint: `${url}/oauth/token`,
    userinfo_endpoint: `${url}/oauth/userinfo`,
    jwks_uri: `${url}/oauth/jwks`,
    grant_types_supported: ['authorization_code', 'refresh_token'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
  }
}

type OidcProvider = typeof import('oidc-provider')

async function loadOidcProvider(): Promise<OidcProvider> {
  try {
    return await quietly(() => import('oidc-provider'))
  } catch (cause) {
    // in Jest the error is of another realm, so instanceof does not tell
    const { code } = Object(cause) as { code?: unknown }
    if (/MODULE_NOT_FOUND/.test(String(code))) {
      throw new Error('The local Hub is built on oidc-provider, which is not installed: npm install --save-dev oidc-provider', { cause })
    }
    if (/DYNAMIC_IMPORT/.test(String(code))) {
      const cure = 'run Jest with NODE_OPTIONS=--experimental-vm-modules'
      throw new Error(`The local Hub is built on oidc-provider, an ES module, which cannot be loaded here; ${cure}`, { cause })
    }
    throw cause
  }
}
