import type { Agent } from 'node:http'
import { type HubEndpoints, hubEndpoints } from './hub'
import type { AnyStrategyOptions } from './options'
import { keepsVerifier, type StateStore } from './state/store'

/** The options, checked, with the defaults filled in. */
export interface Configuration {
  clientID: string
  hub: HubEndpoints
  scope: string
  fromIdToken: boolean
  timeout: number
  agent: Agent | undefined
  /** What seals sign-ins in progress, the newest first; none for a public client without a `stateSecret`. */
  secrets: readonly string[]
  store: StateStore | undefined
  proxy: boolean
}

const optionNames = `
  clientID clientSecret callbackURL scope hubURL authorizationURL tokenURL userProfileURL stateSecret store
  profileSource timeout agent proxy customHeaders skipUserProfile passReqToCallback`
  .trim()
  .split(/\s+/)

/** @throws {TypeError} that says what to do */
export function configure(options: AnyStrategyOptions, verify: unknown): Configuration {
  demand(
    typeof options === 'object' && options !== null,
    'the first argument has to be the options, at least { clientID, clientSecret, callbackURL }',
  )
  for (const given of Object.keys(options)) {
    const meant = optionNames.includes(given) ? undefined : optionNames.find((name) => sounds(name) === sounds(given))
    demand(!meant, `there is no option "${given}"; it is spelt "${meant}"`)
  }
  const {
    clientID,
    clientSecret,
    callbackURL,
    profileSource = 'userinfo',
    stateSecret = clientSecret,
    store,
    timeout = 5000,
    agent,
  } = options
  demand(
    isText(clientID),
    'clientID is missing; copy the Client ID of your OAuth app from https://huggingface.co/settings/connected-applications (is its environment variable set?)',
  )
  demand(
    clientSecret === undefined || isText(clientSecret),
    'clientSecret is empty; give the secret of your OAuth app, or leave the option out for a public client',
  )
  demand(
    callbackURL === undefined || isText(callbackURL),
    'callbackURL is empty; give the redirect URI that is registered with your OAuth app',
  )
  demand(!/^[\w.-]+:\d/.test(callbackURL ?? ''), `callbackURL has no scheme; write http://${callbackURL}, or https://`)
  demand(!callbackURL?.includes('#'), 'callbackURL has a fragment (#…), which no redirect URI may have') // RFC 6749 3.1.2
  demand(profileSource === 'userinfo' || profileSource === 'id_token', "profileSource is either 'userinfo' or 'id_token'")
  demand(typeof timeout === 'number' && timeout > 0 && timeout < 2 ** 31, 'timeout is a number of milliseconds, such as 5000')
  const secrets = stateSecret === undefined ? [] : [stateSecret].flat()
  demand(
    (stateSecret === undefined || secrets.length > 0) && secrets.every(isText),
    'stateSecret is empty; give a long random string, or a list of them with the newest first',
  )
  if (store !== undefined) {
    demand(
      typeof store?.store === 'function' && typeof store.verify === 'function',
      'store has to be a state store, an object with the methods store and verify',
    )
    demand(keepsVerifier(store) || secrets.length > 0, 'this store keeps no code verifier, so stateSecret is needed to derive one')
  }
  demand(typeof verify === 'function', 'the second argument has to be the verify function: (accessToken, refreshToken, profile, done) => …')
  const fromIdToken = profileSource === 'id_token'
  const scope = scopeText(options.scope ?? 'profile', fromIdToken)
  return { clientID, hub: hubEndpoints(options), scope, fromIdToken, timeout, agent, secrets, store, proxy: options.proxy === true }
}

function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new TypeError(`HuggingFaceStrategy: ${message}`)
}

/** A name without what people get wrong: capitals, underscores, the plural. */
function sounds(name: string): string {
  return name.toLowerCase().replace(/_|s$/g, '')
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/**
 * RFC 6749 3.3: scopes with spaces between them.
 *
 * @throws {TypeError} where there is none, or one that is no string
 */
export function scopeText(scope: unknown, withOpenid: boolean): string {
  const texts = [scope].flat()
  const scopes = texts.every((each) => typeof each === 'string') ? texts.join(' ').split(/\s+/).filter(Boolean) : []
  demand(scopes.length > 0, "scope is empty; leave it out for 'profile', or name scopes: ['openid', 'profile', 'email']")
  return [...new Set([...(withOpenid ? ['openid'] : []), ...scopes])].join(' ')
}

export function asksForOpenid(scope: string): boolean {
  return scope.split(' ').includes('openid')
}
