import { createHash, createHmac, generateKeyPairSync, randomBytes, sign, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { startRelay } from './relay.mjs'
import { clientID, clientSecret, person } from './setting.mjs'

// A lean Hub in a process of its own: it checks client authentication, redirect URI and PKCE, and signs real ID tokens. Told by its parent over IPC, it answers
// `{ near, far }`, its ports here and behind the relay, and counts requests and connections.

const pem = readFileSync(new URL('localhost.pem', import.meta.url))
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const keySet = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'bench' }] })
const accessTokenKey = randomBytes(32)
const usedCodes = new Set()
const counts = {}
const connections = new Set()

const hub = createServer({ key: pem, cert: pem }, (request, response) => {
  const path = request.url.split('?')[0]
  counts[path] = (counts[path] ?? 0) + 1
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', async () => {
    const answer = (status, body) => {
      const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', 'Content-Length': Buffer.byteLength(body) }
      response.writeHead(status, headers).end(body)
    }
    try {
      answer(200, await routes[`${request.method} ${path}`](request, Buffer.concat(chunks).toString()))
    } catch (error) {
      answer(400, JSON.stringify({ error: 'invalid_request', error_description: error.message }))
    }
  })
})
hub.on('connection', (socket) => {
  connections.add(socket)
  socket.on('close', () => connections.delete(socket))
})

const routes = {
  'GET /oauth/jwks': () => keySet,
  'POST /oauth/token': token,
  'GET /oauth/userinfo': userinfo,
}

async function token(request, body) {
  const form = new URLSearchParams(body)
  checkClient(request.headers.authorization, form)
  demand(form.get('grant_type') === 'authorization_code', 'grant_type')
  const code = form.get('code')
  demand(!usedCodes.has(code), 'the code has been used')
  if (usedCodes.size > 10_000) usedCodes.clear()
  usedCodes.add(code)
  const granted = JSON.parse(Buffer.from(code, 'base64url').toString())
  demand(form.get('redirect_uri') === granted.redirectURI, 'redirect_uri')
  // passport-openidconnect knows no PKCE
  if (granted.challenge)
    demand(
      createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url') === granted.challenge,
      'code_verifier',
    )
  const accessToken = newAccessToken()
  const openid = granted.scope.split(' ').includes('openid')
  const id_token = openid ? await signed(claims(`https://${request.headers.host}`, granted.nonce, accessToken)) : undefined
  const refresh_token = `hf_oauth__refresh_${randomBytes(24).toString('base64url')}`
  return JSON.stringify({
    access_token: accessToken,
    token_type: 'bearer',
    expires_in: 28_799,
    scope: granted.scope,
    refresh_token,
    id_token,
  })
}

function checkClient(authorization, form) {
  const [id, secret] = authorization?.startsWith('Basic ')
    ? Buffer.from(authorization.slice(6), 'base64').toString().split(':').map(decodeURIComponent)
    : [form.get('client_id'), form.get('client_secret')]
  demand(id === clientID && timingSafeEqual(Buffer.from(secret ?? ''), Buffer.from(clientSecret)), 'client authentication')
}

function claims(issuer, nonce, accessToken) {
  const now = Math.floor(Date.now() / 1000)
  const { isPro, orgs, ...told } = person
  const at_hash = createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url')
  return { ...told, aud: clientID, auth_time: now, iat: now, exp: now + 3600, iss: issuer, nonce, at_hash }
}

async function signed(payload) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${encode({ alg: 'RS256', kid: 'bench' })}.${encode(payload)}`
  const signature = await new Promise((resolve, reject) =>
    sign('sha256', Buffer.from(input), privateKey, (error, value) => (error ? reject(error) : resolve(value))),
  )
  return `${input}.${signature.toString('base64url')}`
}

function newAccessToken(id = randomBytes(24).toString('base64url')) {
  return `hf_oauth_${id}.${createHmac('sha256', accessTokenKey).update(id).digest('base64url')}`
}

function userinfo(request) {
  const given = request.headers.authorization?.replace(/^Bearer /, '') ?? ''
  demand(given === newAccessToken(given.slice('hf_oauth_'.length).split('.')[0]), 'access token')
  return JSON.stringify(person)
}

function demand(right, what) {
  if (!right) throw new Error(`${what} is wrong`)
}

process.on('message', ({ take }) => {
  process.send({ counts: { ...counts }, connections: connections.size })
  if (take) for (const path of Object.keys(counts)) delete counts[path]
})

hub.listen(0, '127.0.0.1', async () => {
  const { port } = hub.address()
  process.send({ near: port, far: await startRelay({ port, roundTrip: Number(process.argv[2]) }) })
})
