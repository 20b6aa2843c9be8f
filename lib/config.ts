import type { Agent } from 'node:http'
import type { AnyStrategyOptions } from './options'

/** The validated options, with defaults applied. */
export interface Config {
  clientID: string
  /** Empty for a public client. */
  clientSecret: string
  issuer: string
  authorizationURL: string
  tokenURL: string
  userProfileURL: string
  jwksURL: string
  /** The hub and the client that a sign-in belongs to. */
  audience: string
  callbackURL: string | undefined
  scope: string
  usesIdToken: boolean
  /** Encrypt pending sign-ins, the newest first. Empty for a public client without `stateSecret`. */
  secrets: readonly string[]
  restart: boolean
  timeout: number
  agent: Agent | undefined
  proxy: boolean
}

/** https://huggingface.co/docs/hub/oauth */
export const huggingFace = 'https://huggingface.co'

const optionNames = `clientID clientSecret callbackURL scope profileSource hubURL authorizationURL
  tokenURL userProfileURL stateSecret store restart timeout agent proxy customHeaders
  skipUserProfile passReqToCallback`.split(/\s+/)

const requestOptionNames = ['prompt', 'orgIds', 'state', 'login_hint', 'resource']

/** @throws {TypeError} that says what to change */
export function configure(options: AnyStrategyOptions, verify: unknown): Config {
  assert(
    typeof options === 'object' && options !== null,
    'the first argument must be the options, at least { clientID, clientSecret, callbackURL }',
  )
  for (const name of Object.keys(options)) checkName(name)
  const { clientID, clientSecret, callbackURL, stateSecret = clientSecret, agent } = options
  const { profileSource = 'userinfo', timeout = 5000, restart = true, proxy = false } = options
  assert(
    isText(clientID),
    'clientID is missing; copy the Client ID of your OAuth app from https://huggingface.co/settings/connected-applications (is its environment variable set?)',
  )
  assert(
    clientSecret === undefined || isText(clientSecret),
    'clientSecret is empty; set it to the secret of your OAuth app, or leave it out for a public client',
  )
  if (callbackURL !== undefined) checkCallbackURL(callbackURL)
  assert(
    profileSource === 'userinfo' || profileSource === 'id_token',
    "profileSource must be 'userinfo' or 'id_token'",
  )
  assert(
    typeof timeout === 'number' && timeout > 0 && timeout < 2 ** 31,
    'timeout must be a number of milliseconds, such as 5000',
  )
  const secrets = [stateSecret ?? []].flat()
  const minLength = options.stateSecret === undefined ? 1 : 32
  assert(
    secrets.every((each) => isText(each, minLength)) && (secrets.length > 0 || !stateSecret),
    'stateSecret must be a random string of 32 characters or more, or a list of them with the newest first',
  )
  assert(
    typeof verify === 'function',
    'the second argument must be the verify function: (accessToken, refreshToken, profile, done) => …',
  )
  const issuer = checkURL('hubURL', options.hubURL ?? huggingFace).replace(/\/+$/, '')
  const endpoint = (option: 'authorizationURL' | 'tokenURL' | 'userProfileURL', path: string) =>
    checkURL(option, options[option] ?? issuer + path)
  const authorizationURL = endpoint('authorizationURL', '/oauth/authorize')
  const tokenURL = endpoint('tokenURL', '/oauth/token')
  const userProfileURL = endpoint('userProfileURL', '/oauth/userinfo')
  const jwksURL = `${issuer}/oauth/jwks`
  const audience = `${authorizationURL} ${clientID}`
  const usesIdToken = profileSource === 'id_token'
  const scope = scopeText(options.scope ?? 'profile', usesIdToken)
  const hub = { issuer, authorizationURL, tokenURL, userProfileURL, jwksURL, timeout, agent }
  const client = { clientID, clientSecret: clientSecret ?? '', audience, secrets }
  return { ...hub, ...client, callbackURL, scope, usesIdToken, restart, proxy }
}

function checkName(name: string): void {
  assert(
    !requestOptionNames.includes(name),
    `"${name}" is not an option of the strategy; pass it to passport.authenticate('huggingface', { ${name}: … })`,
  )
  // What people get wrong: capitals, underscores, the plural.
  const normalized = (text: string) => text.toLowerCase().replace(/_|s$/g, '')
  const meant = optionNames.find((each) => normalized(each) === normalized(name)) ?? name
  assert(meant === name, `there is no option "${name}"; it is spelled "${meant}"`)
}

/** @throws {TypeError} */
export function checkCallbackURL(callbackURL: unknown): string {
  assert(
    isText(callbackURL),
    'callbackURL is missing; set it to the redirect URI that is registered with your OAuth app',
  )
  assert(
    !/^[\w.-]+:\d/.test(callbackURL),
    `callbackURL has no scheme; write http://${callbackURL}, or https://`,
  )
  // RFC 6749 3.1.2
  assert(!callbackURL.includes('#'), 'callbackURL must not have a fragment (#…)')
  return callbackURL
}

/**
 * RFC 6749 3.3: scopes separated by spaces.
 *
 * @throws {TypeError} if there is none, or one that is not a scope
 */
export function scopeText(scope: unknown, withOpenid: boolean): string {
  const texts = [scope].flat()
  const isList = texts.every((each) => typeof each === 'string')
  const scopes = isList ? texts.join(' ').split(/\s+/).filter(Boolean) : []
  assert(scopes.length > 0, "scope is empty; list scopes: ['openid', 'profile', 'email']")
  assert(!texts.join('').includes(','), 'scope has a comma; separate scopes by spaces')
  return [...new Set(withOpenid ? ['openid', ...scopes] : scopes)].join(' ')
}

export const hasOpenid = (scope: string): boolean => scope.split(' ').includes('openid')

/** Whether a host, as it stands in a URL, is this machine. */
export const isLoopback = (hostname: string): boolean =>
  /^(localhost|\[::1\]|127\.\d+\.\d+\.\d+)$/.test(hostname)

function checkURL(option: string, address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined
  assert(url, `${option} is not a URL; give the whole address, such as ${huggingFace}`)
  // RFC 6749 3.1 and 3.2: codes and tokens need TLS. A local Hub for tests is the exception.
  assert(
    url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)),
    `${option} must be https: (http: only for a hub on localhost or 127.0.0.1)`,
  )
  return address
}

const isText = (value: unknown, minLength = 1): value is string =>
  typeof value === 'string' && value.length >= minLength

function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new TypeError(`HuggingFaceStrategy: ${message}`)
}
