import { createHash } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { certificate } from '../support/certificate'
import { accepts, refuses, type TokenMaker, token } from '../support/id-token'
import { clientID, clientSecret, ellipticKey, type Json, respond, rsaKey, type SigningKey, signedToken } from '../support/raw-hub'
import { begin, errorOf, signIn, startRawHub, strategyFor, watchSignIns } from '../support/sign-in'

watchSignIns()

const now = () => Math.floor(Date.now() / 1000)
const withClaims = (claims: Json) => token({ claims })
const withHeader = (header: Json) => token({ header })
const base64url = (text: string) => Buffer.from(text).toString('base64url')

/** An ID token whose three parts were changed after it was signed. */
const mangled =
  (change: (header: string, claims: string, signature: string) => string[]): TokenMaker =>
  (request, hub) => {
    const [header = '', claims = '', signature = ''] = hub.idToken(request).split('.')
    return change(header, claims, signature).join('.')
  }

/** The claims of the rule named, which somebody could get wrong. */
const wrongClaims: [rule: string, claim: string, values: unknown[]][] = [
  ['Core 2', 'sub', [undefined, null, '', 42, 'a'.repeat(256), '65f0é', '65f0\n']],
  ['Core 3.1.3.7, 2', 'iss', [undefined, 'https://huggingface.co', ['https://huggingface.co']]],
  [
    'Core 3.1.3.7, 3',
    'aud',
    [undefined, 'somebody', [], ['somebody'], [clientID, 'somebody'], [[clientID]], 7, { id: clientID }, `${clientID} `],
  ],
  ['Core 3.1.3.7, 5', 'azp', ['somebody', '', 5, null, [clientID]]],
  ['Core 3.1.3.7, 9', 'exp', [undefined, null, now() - 62, String(now() + 3600)]],
  ['Core 3.1.3.7, 10', 'iat', [undefined, null, now() + 3600, String(now())]],
  ['Core 3.1.3.7, 11', 'nonce', [undefined, null, '', 5, 'n-0S6_WzA2Mj']],
  ['Core 3.1.3.8', 'at_hash', [null, 1, '', createHash('sha256').update('another').digest().subarray(0, 16).toString('base64url')]],
  ['RFC 7519 4.1.5', 'nbf', [null, now() + 3600, String(now())]],
]

describe('nobody is signed in by an ID token', () => {
  test.each(wrongClaims.flatMap(([rule, claim, values]) => values.map((value) => ({ rule, claim, value }))))(
    'whose $claim is $value ($rule)',
    async ({ claim, value }) => {
      await refuses(withClaims({ [claim]: value }))
    },
  )

  test.each<[string, (url: string) => string]>([
    ['a slash more', (url) => `${url}/`],
    ['capitals', (url) => url.toUpperCase()],
  ])('whose iss is that of the Hub with %s (Core 3.1.3.7, 2)', async (_title, iss) => {
    await refuses(token({ claims: ({ url }) => ({ iss: iss(url) }) }))
  })

  test('of an earlier sign-in of the same person (Core 3.1.3.7, 11)', async () => {
    const hub = await startRawHub()
    await signIn(hub, strategyFor(hub, { skipUserProfile: true }).strategy)
    await refuses(() => String(hub.granted[0]?.['id_token']), { hub })
  })

  test.each<[string, TokenMaker]>([
    ['that is encrypted', () => `${base64url('{"alg":"RSA-OAEP","enc":"A256GCM"}')}.a2V5.aXY.dGV4dA.dGFn`],
    ['that is a word', () => 'token'],
    ['of two dots', () => '..'],
    ['of a hundred thousand dots', () => '.'.repeat(100_000)],
    ['that is not base64url', () => '{"alg":"RS256"}.{}.x'],
    ['with a header that is null', (_request, hub) => signedToken('null', {}, hub.key.privateKey)],
    ['with a header that is not JSON', (_request, hub) => signedToken('header', {}, hub.key.privateKey)],
    ...[[], 5, null, '"text"', 'claims', '{}'].map((claims): [string, TokenMaker] => [
      `with the claims ${JSON.stringify(claims)}`,
      (_request, hub) => signedToken({ alg: 'RS256', kid: hub.key.kid }, claims, hub.key.privateKey),
    ]),
    [
      'with claims that were changed',
      mangled((header, claims, signature) => [header, base64url(`${Buffer.from(claims, 'base64url')} `), signature]),
    ],
    ['without a signature', mangled((header, claims) => [header, claims])],
    ['with an empty signature', mangled((header, claims) => [header, claims, ''])],
    ['with padding', mangled((header, claims, signature) => [header, claims, `${signature}==`])],
    [
      'with another signature',
      mangled((header, claims, signature) => [header, claims, (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1)]),
    ],
  ])('%s', async (_title, make) => {
    await refuses(make)
  })

  test.each<Json>([
    // Core 3.1.3.7, 7: RS256, as registered
    ...['RS384', 'RS512', 'PS256', 'rs256', ['RS256']].map((alg) => ({ alg })),
    ...['none', 'None', '', null, undefined].map((alg) => ({ alg })),
    // RFC 7515 4.1.11
    ...[['secret'], ['x'.repeat(50_000)], ['\r\nSet-Cookie: a\u001b[31m'], [], null].map((crit) => ({ crit })),
    { crit: ['b64'], b64: false },
    { kid: 5 },
    { kid: 'unheard of' },
    { kid: '../../../../dev/null' },
  ])('with the header %j', async (header) => {
    await refuses(withHeader(header))
  })

  test.each<[string, (pem: string, jwk: string) => string]>([
    ['the public key as PEM', (pem) => pem],
    ['the public key as JWK', (_pem, jwk) => jwk],
    ['the client secret', () => clientSecret],
    ['nothing', () => ''],
  ])('with a MAC by %s (Core 3.1.3.7, 8)', async (_title, secret) => {
    const { kid, publicKey, jwk } = await rsaKey('usual')
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    await refuses(token({ header: { alg: 'HS256', kid }, key: secret(pem, JSON.stringify(jwk)) }))
  })

  test.each<[string, (stranger: SigningKey) => Json]>([
    ['under the name of a good key', () => ({})],
    ['as jwk', ({ jwk }) => ({ kid: undefined, jwk })],
    ['as jwk, under the name of a good key', ({ jwk }) => ({ jwk })],
    ['at jku', () => ({ kid: undefined, jku: '/oauth/jwks?theirs' })],
    ['at x5u', () => ({ kid: undefined, x5u: '/oauth/jwks?theirs' })],
    ['as x5c', ({ publicKey }) => ({ x5c: [publicKey.export({ type: 'spki', format: 'der' }).toString('base64')] })],
  ])('that brings its own key along, %s', async (_title, header) => {
    const stranger = await rsaKey('stranger')
    const hub = await refuses(token({ header: header(stranger), key: stranger.privateKey }))
    expect(hub.requests.filter(({ head }) => head.includes('theirs'))).toEqual([])
  })

  test.each<[string, () => Promise<unknown[]>]>([
    ['nothing', async () => []],
    ['what is not an object', async () => [null, 1, []]],
    ['the key for another use', async () => [{ ...(await rsaKey('usual')).jwk, use: 'enc' }]],
    ['the key for another algorithm', async () => [{ ...(await rsaKey('usual')).jwk, alg: 'RS512' }]],
    ['the key for other operations', async () => [{ ...(await rsaKey('usual')).jwk, key_ops: ['encrypt'] }]],
    ['a private key', async () => [{ ...(await rsaKey('usual')).privateKey.export({ format: 'jwk' }), kid: 'usual' }]],
  ])('if the Hub publishes only %s', async (_title, keys) => {
    await refuses(token(), { keys: await keys() })
  })

  test('if none of several keys has signed it, although it names none', async () => {
    const [usual, second, stranger] = await Promise.all([rsaKey('usual'), rsaKey('second'), rsaKey('stranger')])
    await refuses(token({ header: { kid: undefined }, key: stranger.privateKey }), { keys: [usual.jwk, second.jwk] })
  })
})

describe('somebody is signed in by an ID token', () => {
  test.each<[string, TokenMaker]>([
    ['as the Hub issues it', token()],
    ['for a list of this client alone', withClaims({ aud: [clientID] })],
    ['whose azp is this client', withClaims({ azp: clientID })],
    ['that has expired half a minute ago, as clocks differ', token({ claims: () => ({ exp: now() - 30 }) })],
    ['that was issued in half a minute, as clocks differ', token({ claims: () => ({ iat: now() + 30, nbf: now() + 30 }) })],
    ['whose acr and auth_time were not asked for', withClaims({ acr: 'urn:whatever', auth_time: 1 })],
    ['with claims that nobody knows', withClaims({ amr: ['pwd'], ['https://example.com/claim']: { a: [1] } })],
    ['with header fields that nobody knows', withHeader({ typ: 'JWT', b64: false, x: 1 })],
    ['without a kid', withHeader({ kid: undefined })],
    [
      'with claims that are nested as deep as can be',
      (request, hub) => {
        const deep = '['.repeat(100_000) + ']'.repeat(100_000)
        const claims = `${JSON.stringify(hub.claims(request)).slice(0, -1)},"deep":${deep}}`
        return signedToken({ alg: 'RS256', kid: hub.key.kid }, claims, hub.key.privateKey)
      },
    ],
  ])('%s', async (_title, make) => {
    await accepts(make)
  })

  test('whose at_hash is that of the access token', async () => {
    const hub = await startRawHub()
    hub.answers.token = respond((request) => {
      const tokens = hub.tokens(request)
      const hash = createHash('sha256').update(String(tokens['access_token'])).digest()
      return { ...tokens, id_token: hub.idToken(request, { at_hash: hash.subarray(0, 16).toString('base64url') }) }
    })
    expect(await signIn(hub, strategyFor(hub).strategy)).toMatchObject({ action: 'success' })
  })

  test.each([undefined, 'usual'])('although the Hub publishes other keys and garbage too (kid %s)', async (kid) => {
    const [usual, second] = await Promise.all([rsaKey('usual'), rsaKey('second')])
    const garbage = [null, 'key', {}, { kty: 'RSA', n: '!!', e: 'AQAB' }, { kty: 'OKP', crv: 'Ed25519', x: 'AAAA' }, { kty: 'new' }]
    const keys = [...garbage, second.jwk, usual.jwk, (await ellipticKey('elliptic')).jwk]
    await accepts(token({ header: { kid } }), { keys })
  })
})

describe('OpenID Connect', () => {
  test('keys and ID tokens do not matter if openid was not asked for', async () => {
    const hub = await startRawHub()
    hub.answers.jwks = respond('', { status: 500 })
    hub.answers.token = respond((request) => ({ ...hub.tokens(request), id_token: 'not asked for' }))
    expect(await signIn(hub, strategyFor(hub, { scope: 'profile' }).strategy)).toMatchObject({ action: 'success' })
  })

  test('the authorization request has a fresh state, nonce and challenge (Core 3.1.2.1, RFC 7636)', async () => {
    const hub = await startRawHub()
    const { strategy } = strategyFor(hub)
    const random = ['state', 'nonce', 'code_challenge']
    const urls = [(await begin(strategy)).url, (await begin(strategy)).url]
    for (const { origin, pathname, searchParams } of urls) {
      expect(`${origin}${pathname}`).toBe(`${hub.url}/oauth/authorize`)
      expect(Object.fromEntries(searchParams)).toEqual({
        response_type: 'code',
        client_id: clientID,
        redirect_uri: expect.stringMatching(/^http/),
        scope: 'openid profile',
        code_challenge_method: 'S256',
        ...Object.fromEntries(random.map((name) => [name, expect.stringMatching(/^[\w.-]{22,}$/)])),
      })
      // Core 15.5.2
      expect(searchParams.get('nonce')).toBe(searchParams.get('code_challenge'))
    }
    for (const name of random) expect(urls[0]?.searchParams.get(name)).not.toBe(urls[1]?.searchParams.get(name))
  })

  test('the client authenticates by the Authorization header alone (RFC 6749 2.3.1)', async () => {
    const hub = await startRawHub()
    // each encoding writes these differently
    const awkward = 'oauth_app_secret_1/2+3="4"&5%6\\7<8>9é *'
    const { strategy } = strategyFor(hub, { clientSecret: awkward })
    const { url } = await begin(strategy)
    await signIn(hub, strategy)
    const [request] = hub.to('token')
    const encoded = 'oauth_app_secret_1%2F2%2B3%3D%224%22%265%256%5C7%3C8%3E9%C3%A9+*'
    expect(request?.headers['authorization']).toBe(`Basic ${btoa(`${clientID}:${encoded}`)}`)
    expect(request?.headers['content-type']).toBe('application/x-www-form-urlencoded')
    expect(Object.fromEntries(request?.form ?? [])).toEqual({
      grant_type: 'authorization_code',
      code: expect.any(String),
      code_verifier: expect.stringMatching(/^[\w-]{43}$/),
      redirect_uri: url.searchParams.get('redirect_uri'),
    })
  })

  test('a public client sends its ID and no secret', async () => {
    const hub = await startRawHub()
    const { strategy } = strategyFor(hub, { clientSecret: undefined, stateSecret: clientSecret })
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
    const [request] = hub.to('token')
    expect(request?.headers).not.toHaveProperty('authorization')
    expect(request?.form.get('client_id')).toBe(clientID)
  })

  test('userinfo is asked with the access token in the header, and not in the URL', async () => {
    const hub = await startRawHub()
    await signIn(hub, strategyFor(hub).strategy)
    const [request] = hub.to('userinfo')
    const given = String(hub.granted[0]?.['access_token'])
    expect(request?.headers['authorization']).toBe(`Bearer ${given}`)
    expect(request?.head).toMatch(/^GET \/oauth\/userinfo HTTP\/1\.1\r\n/)
    expect(request?.head.split(given)).toHaveLength(2)
  })

  test.each(['65f00000000000000000beef', '65F00000000000000000C0DE', '65f00000000000000000c0de '])(
    'userinfo of another account (%j) is not used (Core 5.3.2)',
    async (sub) => {
      const hub = await startRawHub()
      hub.answers.userinfo = respond(() => ({ ...hub.userinfo(), sub }))
      const { strategy, verified } = strategyFor(hub)
      const expected = { name: 'HubError', code: 'sub_mismatch', phase: 'userinfo', status: 502 }
      expect(errorOf(await signIn(hub, strategy))).toMatchObject(expected)
      expect(verified).toEqual([])
    },
  )

  test('a Hub whose certificate nobody vouches for gets no code', async () => {
    const hub = await startRawHub({ tls: await certificate(), host: 'localhost' })
    const { strategy, verified } = strategyFor(hub)
    expect(errorOf(await signIn(hub, strategy))).toMatchObject({ code: 'connection_failed', phase: 'token', status: 502 })
    expect(verified).toEqual([])
    expect(hub.requests).toEqual([])
  })
})
