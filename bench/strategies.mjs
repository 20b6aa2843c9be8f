import { createRequire } from 'node:module'
import session from 'express-session'

// Each strategy is made as its documentation says.

export const clientID = '3d8a1f60-5b1c-4c1d-9d35-1f0f3c5f6a10'
export const clientSecret = 'a-secret-of-the-benchmark-and-of-nothing-else'
export const callbackURL = 'https://app.example/auth/callback'

const picture = 'https://huggingface.co/avatars/0123456789abcdef.svg'
const names = { name: 'Ada Example', preferred_username: 'ada', picture }
const org = { sub: '5e67bdd61009063689407100', ...names, plan: 'team', roleInOrg: 'write' }
/** Userinfo of the person who signs in. */
export const person = { sub: '62f264b9f3c90f4b6514a269', ...names, email: 'ada@example.com', isPro: true, orgs: [org, org, org, org] }

const require = createRequire(import.meta.url)
const openid = ['openid', 'profile', 'email']

/** The strategies, by the name that the table shows. */
export const strategies = {
  '`profile`': huggingFace({ scope: 'profile' }),
  'passport-oauth2': oauth2,
  '`openid`': huggingFace({ scope: openid }),
  'openid-client': openidClient,
  'ID token only': huggingFace({ scope: openid, profileSource: 'id_token' }),
}
/** For each of ours, the one to compare it with. The first two pairs do equal work. */
export const counterparts = { '`profile`': 'passport-oauth2', '`openid`': 'openid-client', 'ID token only': 'passport-oauth2' }

function huggingFace(options) {
  return (hubURL) => {
    const { HuggingFaceStrategy } = require('passport-huggingface')
    const all = { clientID, clientSecret, callbackURL, hubURL, timeout: 30_000, ...options }
    return new HuggingFaceStrategy(all, (_accessToken, _refreshToken, profile, done) => done(null, profile))
  }
}

// Both keep a sign-in in progress in a session. Ours needs none.
const withSession = session({ secret: clientSecret, resave: false, saveUninitialized: false, cookie: { secure: true } })
for (const each of [oauth2, openidClient]) Object.assign(each, { withSession })

function oauth2(hubURL) {
  const OAuth2Strategy = require('passport-oauth2')
  const urls = { authorizationURL: `${hubURL}/oauth/authorize`, tokenURL: `${hubURL}/oauth/token`, callbackURL }
  const options = { ...urls, clientID, clientSecret, scope: 'profile', state: true, pkce: true }
  const strategy = new OAuth2Strategy(options, (_accessToken, _refreshToken, profile, done) => done(null, profile))
  strategy._oauth2.useAuthorizationHeaderforGET(true)
  strategy.userProfile = (accessToken, done) => {
    strategy._oauth2.get(`${hubURL}/oauth/userinfo`, accessToken, (error, body) => {
      done(error, error ? undefined : toProfile(JSON.parse(body)))
    })
  }
  return strategy
}

async function openidClient(hubURL) {
  const { Configuration, enableNonRepudiationChecks, fetchUserInfo } = await import('openid-client')
  const { Strategy } = await import('openid-client/passport')
  const metadata = { issuer: hubURL, jwks_uri: `${hubURL}/oauth/jwks`, code_challenge_methods_supported: ['S256'] }
  for (const name of ['authorization', 'token', 'userinfo']) metadata[`${name}_endpoint`] = `${hubURL}/oauth/${name}`
  const config = new Configuration(metadata, clientID, clientSecret)
  enableNonRepudiationChecks(config) // verifies the signature of the ID token
  return new Strategy({ config, callbackURL, scope: openid.join(' ') }, async (tokens, done) => {
    done(null, toProfile(await fetchUserInfo(config, tokens.access_token, tokens.claims().sub)))
  })
}

function toProfile({ sub, preferred_username, name, ...rest }) {
  return { id: sub, username: preferred_username, displayName: name, ...rest }
}
