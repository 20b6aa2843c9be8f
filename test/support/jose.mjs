// The verdicts of jose, in a process of its own: it is an ES module, which default Jest cannot load.
import { createLocalJWKSet, jwtVerify } from 'jose'

async function accepts({ token, jwks, now, issuer, audience }) {
  const currentDate = new Date(now * 1000)
  const requiredClaims = ['sub', 'iat', 'exp', 'nonce']
  const options = { algorithms: ['RS256'], issuer, audience, clockTolerance: 60, currentDate, requiredClaims }
  const isVerified = (key) => jwtVerify(token, key, options).then(() => true)
  try {
    return await isVerified(createLocalJWKSet(jwks))
  } catch (error) {
    if (error.code !== 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') return false
    for await (const key of error) if (await isVerified(key).catch(() => false)) return true
    return false
  }
}

process.on('message', async (requests) => process.send(await Promise.all(requests.map(accepts))))
