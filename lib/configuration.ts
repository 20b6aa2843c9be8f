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

const optionNames = [
  'clientID',
  'clientSecret',
  'callbackURL',
  'scope',
  'hubURL',
  'authorizationURL',
  'tokenURL',
  'userProfileURL',
  'stateSecret',
  'store',
  'profileSource',
  'timeout',
  'agent',
  'proxy',
  'customHeaders',
  'skipUserProfile',
  'passReqToCallback',
]

/** @throws {TypeError} that says what to do */
export function configure(options: AnyStrategyOptions, verify: unknown): Configuration {
  const wrong = (message: string) => new TypeError(`HuggingFaceStrategy: ${message}`)
  if (typeof options !== 'object' || options === null)
    throw wrong('the first argument has to be the options, at least { clientID, clientSecret, callbackURL }')
  for (const given of Object.keys(options)) {
    const meant = optionNames.find((name) => name !== given && name.toLowerCase() === given.toLowerCase().replaceAll('_', ''))
    if (meant) throw wrong(`there is no option "${given}"; it is spelt "${meant}"`)
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
  if (typeof clientID !== 'string' || clientID === '') {
    throw wrong(
      'clientID is missing; copy the Client ID of your OAuth app from https://huggingface.co/settings/connected-applications (is its environment variable set?)',
    )
  }
  if (clientSecret !== undefined && (typeof clientSecret !== 'string' || clientSecret === '')) {
    throw wrong('clientSecret is empty; give the secret of your OAuth app, or leave the option out for a public client')
  }
  if (callbackURL !== undefined && (typeof callbackURL !== 'string' || callbackURL === '')) {
    throw wrong('callbackURL is empty; give the redirect URI that is registered with your OAuth app')
  }
  if (profileSource !== 'userinfo' && profileSource !== 'id_token') throw wrong("profileSource is either 'userinfo' or 'id_token'")
  if (typeof timeout !== 'number' || !(timeout > 0 && timeout < 2 ** 31)) throw wrong('timeout is a number of milliseconds, such as 5000')
  const secrets = stateSecret === undefined ? [] : [stateSecret].flat()
  if ((stateSecret !== undefined && !secrets.length) || !secrets.every((secret) => typeof secret === 'string' && secret !== '')) {
    throw wrong('stateSecret is empty; give a long random string, or a list of them with the newest first')
  }
  if (store !== undefined && (typeof store?.store !== 'function' || typeof store.verify !== 'function')) {
    throw wrong('store has to be a state store, an object with the methods store and verify')
  }
  if (store && !keepsVerifier(store) && !secrets.length)
    throw wrong('this store keeps no code verifier, so stateSecret is needed to derive one')
  if (typeof verify !== 'function')
    throw wrong('the second argument has to be the verify function: (accessToken, refreshToken, profile, done) => …')
  const fromIdToken = profileSource === 'id_token'
  return {
    clientID,
    hub: hubEndpoints(options),
    scope: scopeText(options.scope ?? 'profile', fromIdToken),
    fromIdToken,
    timeout,
    agent,
    secrets,
    store,
    proxy: options.proxy === true,
  }
}

/**
 * RFC 6749 3.3: scopes with spaces between them.
 *
 * @throws {TypeError} where there is none, or one that is no string
 */
export function scopeText(scope: unknown, withOpenid: boolean): string {
  const scopes = (Array.isArray(scope) ? scope : [scope])
    .flatMap((each) => (typeof each === 'string' ? each.split(/\s+/) : [undefined]))
    .filter((each) => each !== '')
  if (!scopes.length || scopes.includes(undefined))
    throw new TypeError("HuggingFaceStrategy: scope is empty; leave it out for 'profile', or name scopes: ['openid', 'profile', 'email']")
  return [...new Set([...(withOpenid ? ['openid'] : []), ...scopes])].join(' ')
}

export function asksForOpenid(scope: string): boolean {
  return scope.split(' ').includes('openid')
}
