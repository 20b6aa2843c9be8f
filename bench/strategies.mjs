import { createRequire } from 'node:module'
import { callbackURL, clientID, clientSecret } from './setting.mjs'

// Each builds a strategy as its documentation says, for the Hub at `hub`; a user is `{ id }`. Only what is asked for is loaded.

const require = createRequire(import.meta.url)

const endpoints = (hub) => ({
  authorizationURL: `${hub}/oauth/authorize`,
  tokenURL: `${hub}/oauth/token`,
  userInfoURL: `${hub}/oauth/userinfo`,
})

function huggingFace(profileSource) {
  return (hub) => {
    const { HuggingFaceStrategy } = require('passport-huggingface')
    return new HuggingFaceStrategy(
      { clientID, clientSecret, callbackURL, hubURL: hub, scope: ['openid', 'profile', 'email'], profileSource },
      (_accessToken, _refreshToken, profile, done) => done(null, { id: profile.id }),
    )
  }
}

function oauth2(hub) {
  const OAuth2Strategy = require('passport-oauth2')
  const { authorizationURL, tokenURL, userInfoURL } = endpoints(hub)
  const strategy = new OAuth2Strategy(
    { authorizationURL, tokenURL, clientID, clientSecret, callbackURL, scope: ['openid', 'profile', 'email'], state: true, pkce: true },
    (_accessToken, _refreshToken, profile, done) => done(null, { id: profile.id }),
  )
  strategy._oauth2.useAuthorizationHeaderforGET(true)
  strategy.userProfile = function (accessToken, done) {
    this._oauth2.get(userInfoURL, accessToken, (error, body) => {
      if (error) return done(error)
      const { sub, preferred_username, name, email } = JSON.parse(body)
      done(null, { provider: 'huggingface', id: sub, username: preferred_username, displayName: name, emails: [{ value: email }] })
    })
  }
  return strategy
}

function openidConnect(hub) {
  const OpenIDConnectStrategy = require('passport-openidconnect')
  return new OpenIDConnectStrategy(
    {
      ...endpoints(hub),
      issuer: hub,
      clientID,
      clientSecret,
      callbackURL,
      scope: ['profile', 'email'],
      nonce: true,
      skipUserProfile: false,
    },
    (_issuer, profile, done) => done(null, { id: profile.id }),
  )
}

function openidClient(profileOf) {
  return async (hub) => {
    const { Configuration, fetchUserInfo } = await import('openid-client')
    const { Strategy } = await import('openid-client/passport')
    const { authorizationURL, tokenURL, userInfoURL } = endpoints(hub)
    // what its discovery would find, so that it is spared the request
    const server = {
      issuer: hub,
      authorization_endpoint: authorizationURL,
      token_endpoint: tokenURL,
      userinfo_endpoint: userInfoURL,
      jwks_uri: `${hub}/oauth/jwks`,
      code_challenge_methods_supported: ['S256'],
    }
    const config = new Configuration(server, clientID, clientSecret)
    return new Strategy({ config, callbackURL, scope: 'openid profile email' }, async (tokens, verified) => {
      const { sub } = tokens.claims()
      const profile = profileOf === 'userinfo' ? await fetchUserInfo(config, tokens.access_token, sub) : { sub }
      verified(null, { id: profile.sub })
    })
  }
}

/** By the name that the table shows. */
export const strategies = {
  'passport-huggingface, userinfo': huggingFace('userinfo'),
  'passport-huggingface, id_token': huggingFace('id_token'),
  'passport-oauth2, userinfo': oauth2,
  'passport-openidconnect, userinfo': openidConnect,
  'openid-client, userinfo': openidClient('userinfo'),
  'openid-client, ID token': openidClient('id_token'),
}
