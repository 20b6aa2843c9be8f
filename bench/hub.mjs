import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:https'
import { connect, createServer as createRelay } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { generate } from 'selfsigned'
import { clientID, clientSecret, person } from './strategies.mjs'

// The Hub, in a process of its own. It keeps connections for 60 s, and counts requests and connections.

const roundTrip = Number(process.argv[2])
const certificate = await generate([{ name: 'commonName', value: 'localhost' }])
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwk = { ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'bench' }
const hash = (text) => createHash('sha256').update(text).digest()
let counts = {}
let delay = 0

/** A code says what was granted, so that no request to authorize the app has to be measured. */
function token(req, form) {
  const { scope, nonce, redirect_uri, code_challenge } = JSON.parse(Buffer.from(form.get('code'), 'base64url'))
  const basic = Buffer.from(req.headers.authorization?.slice('Basic '.length) ?? '', 'base64').toString()
  const isClient = form.get('client_secret') === clientSecret || basic === `${clientID}:${clientSecret}`
  const isChallenged = hash(form.get('code_verifier')).toString('base64url') === code_challenge
  assert(isClient && isChallenged && form.get('redirect_uri') === redirect_uri)
  const access_token = `hf_oauth_${randomUUID()}${randomUUID()}`
  const id_token = scope.includes('openid') ? idToken(`https://${req.headers.host}`, nonce, access_token) : undefined
  return { access_token, token_type: 'bearer', expires_in: 28_800, scope, refresh_token: `hf_oauth__refresh_${randomUUID()}`, id_token }
}

function idToken(iss, nonce, accessToken) {
  const iat = Math.floor(Date.now() / 1000)
  const at_hash = hash(accessToken).subarray(0, 16).toString('base64url')
  const claims = { ...person, orgs: undefined, iss, aud: clientID, iat, exp: iat + 3600, nonce, at_hash }
  const parts = [{ alg: 'RS256', kid: jwk.kid }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  return `${parts.join('.')}.${sign('sha256', Buffer.from(parts.join('.')), privateKey).toString('base64url')}`
}

function userinfo(req) {
  assert(req.headers.authorization?.startsWith('Bearer hf_oauth_'))
  return person
}

const endpoints = { jwks: () => ({ keys: [jwk] }), token, userinfo }
const count = (what) => Object.assign(counts, { [what]: (counts[what] ?? 0) + 1 })
const hub = createServer({ key: certificate.private, cert: certificate.cert, keepAliveTimeout: 60_000 }, async (req, res) => {
  const endpoint = req.url.slice('/oauth/'.length)
  count(endpoint)
  const form = new URLSearchParams((await req.toArray()).join(''))
  if (delay) await sleep(delay)
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify(endpoints[endpoint](req, form)))
})
hub.on('connection', () => count('connections'))

/** The Hub as it is from `roundTrip` milliseconds away. The handshake of TCP takes one round trip too. */
const relay = createRelay({ noDelay: true }, (client) => {
  const server = connect({ port: hub.address().port, host: '127.0.0.1', noDelay: true })
  const openAt = performance.now() + roundTrip
  carry(client, server, openAt)
  carry(server, client, openAt)
})

function carry(from, to, openAt) {
  const underway = []
  from.on('data', (chunk) => {
    underway.push(chunk)
    const arrivesAt = Math.max(performance.now(), openAt) + roundTrip / 2
    setTimeout(() => to.write(underway.shift()), arrivesAt - performance.now())
  })
  from.on('error', () => to.destroy()).on('close', () => to.destroy())
}

await once(hub.listen(0, '127.0.0.1'), 'listening')
await once(relay.listen(0, '127.0.0.1'), 'listening')
const [near, far] = [hub, relay].map((server) => `https://127.0.0.1:${server.address().port}`)
process.send({ near, far, certificate: certificate.cert })
process.on('message', (message) => {
  delay = message.delay
  process.send(counts)
  counts = {}
})
