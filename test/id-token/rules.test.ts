import { describe, expect, test } from '@jest/globals'
import { begin, errorOf, signIn, startRawHub, strategyFor, watchSignIns } from '../hostile/sign-in'
import { clientID, clientSecret, nonceOf, respond, rsaKey, signedToken } from '../support/raw-hub'
import { certificate } from '../testing/certificate'
import { accepts, refuses, signedBy, withClaims, withHeader } from './sign-in'

watchSignIns()

const now = () => Math.floor(Date.now() / 1000)

// https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
describe('OpenID Connect Core 3.1.3.7', () => {
  test('rule 1: an encrypted ID token is refused, since the app has agreed to no encryption', async () => {
    await refuses(
      () => `${Buffer.from('{"alg":"RSA-OAEP","enc":"A256GCM"}').toString('base64url')}.a2V5.aXY.dGV4dA.dGFn`,
      /ID token cannot be trusted/,
    )
  })

  describe('rule 2: iss has to be the issuer, to the letter', () => {
    test.each<[string, (url: string) => unknown]>([
      ['of another hub', () => 'https://huggingface.co'],
      ['with a slash more', (url) => `${url}/`],
      ['in capitals', (url) => url.toUpperCase()],
      ['that is absent', () => undefined],
      ['that is a list', (url) => [url]],
    ])('one %s is refused', async (_title, iss) => {
      await refuses((request, hub) => hub.idToken(request, { iss: iss(hub.url) }), /"iss"/)
    })
  })

  describe('rule 3: aud has to be this client, and nobody beside it', () => {
    test.each<[string, unknown]>([
      ['another client', '00000000-6c1f-4f6e-9d0e-0b1a2c3d4e5f'],
      ['nobody', undefined],
      ['an empty list', []],
      ['a list without this client', ['somebody']],
      ['a list with another audience', [clientID, 'somebody']],
      ['a number', 7],
      ['the client in an object', { id: clientID }],
      ['what only begins with the client', `${clientID} `],
    ])('%s is refused', async (_title, aud) => {
      await refuses(withClaims({ aud, azp: clientID }), /"aud"/)
    })

    test('a list of this client alone is accepted', async () => {
      await accepts(withClaims({ aud: [clientID] }))
    })
  })

  describe('rules 4 and 5: azp, where it is there, has to be this client', () => {
    test.each(['somebody', '', 5, null, [clientID]])('%j is refused', async (azp) => {
      await refuses(withClaims({ azp }), /"azp"/)
    })

    test('this client is accepted', async () => {
      await accepts(withClaims({ azp: clientID }))
    })
  })

  describe("rule 6: the signature has to be by one of the issuer's keys", () => {
    test('one by another key of the same name is refused', async () => {
      const { privateKey } = await rsaKey('stranger')
      await refuses((request, hub) => signedToken({ alg: 'RS256', kid: hub.key.kid }, hub.claims(request), privateKey), /signature/)
    })

    test('claims that were changed after signing are refused', async () => {
      await refuses((request, hub) => {
        const [header, , signature] = hub.idToken(request).split('.')
        const claims = Buffer.from(JSON.stringify(hub.claims(request, { sub: '65f00000000000000000beef' }))).toString('base64url')
        return `${header}.${claims}.${signature}`
      }, /signature/)
    })

    test('a signature that is cut off is refused', async () => {
      await refuses((request, hub) => hub.idToken(request).split('.').slice(0, 2).join('.'), /ID token/)
      await refuses((request, hub) => `${hub.idToken(request).split('.').slice(0, 2).join('.')}.`, /signature/)
    })
  })

  describe('rule 7: alg has to be RS256', () => {
    test.each(['RS384', 'RS512', 'PS256'])('%s by the right key is refused', async (alg) => {
      await refuses(withHeader({ alg }), /"alg"/)
    })

    test.each(['none', 'None', 'NONE', '', null, undefined, ['RS256']])('%j is refused', async (alg) => {
      await refuses((request, hub) => {
        const [, claims] = hub.idToken(request).split('.')
        return `${Buffer.from(JSON.stringify({ alg, kid: hub.key.kid })).toString('base64url')}.${claims}.`
      }, /alg|Alg/)
    })
  })

  describe('rule 8: a MAC is refused, whatever its key', () => {
    test.each<[string, (pem: string, jwk: string) => string]>([
      ['the public key as PEM', (pem) => pem],
      ['the public key as JWK', (_pem, jwk) => jwk],
      ['the client secret', () => clientSecret],
      ['nothing', () => ''],
    ])('%s', async (_title, secret) => {
      await refuses((request, hub) => {
        const pem = hub.key.publicKey.export({ type: 'spki', format: 'pem' }).toString()
        return signedToken({ alg: 'HS256', kid: hub.key.kid }, hub.claims(request), secret(pem, JSON.stringify(hub.key.jwk)))
      }, /"alg"/)
    })
  })

  describe('rule 9: the time has to be before exp, give or take a minute', () => {
    test.each<[string, () => unknown]>([
      ['an hour ago', () => now() - 3600],
      ['a little more than a minute ago', () => now() - 62],
      ['absent', () => undefined],
      ['text', () => String(now() + 3600)],
      ['null', () => null],
    ])('one that is %s is refused', async (_title, exp) => {
      await refuses((request, hub) => hub.idToken(request, { exp: exp() }), /"exp"/)
    })

    test('half a minute ago is accepted, as clocks differ', async () => {
      await accepts((request, hub) => hub.idToken(request, { exp: now() - 30 }))
    })
  })

  describe('rule 10: iat has to be there, and not in the future, give or take a minute', () => {
    test.each<[string, () => unknown]>([
      ['in an hour', () => now() + 3600],
      ['absent', () => undefined],
      ['text', () => String(now())],
    ])('one that is %s is refused', async (_title, iat) => {
      await refuses((request, hub) => hub.idToken(request, { iat: iat() }), /"iat"/)
    })

    test('in half a minute is accepted, as clocks differ', async () => {
      await accepts((request, hub) => hub.idToken(request, { iat: now() + 30 }))
    })
  })

  describe('rule 11: nonce has to be the one of this sign-in', () => {
    test.each<[string, unknown]>([
      ['another', 'n-0S6_WzA2Mj'],
      ['absent', undefined],
      ['empty', ''],
      ['a number', 5],
      ['null', null],
    ])('one that is %s is refused', async (_title, nonce) => {
      await refuses(withClaims({ nonce }), /"nonce"/)
    })

    test('an ID token of an earlier sign-in of the same person is refused', async () => {
      const hub = await startRawHub()
      const earlier: string[] = []
      await accepts(
        (request) => {
          earlier.push(hub.idToken(request))
          return earlier[0] ?? ''
        },
        { hub },
      )
      await refuses(() => earlier[0] ?? '', /"nonce"/, { hub })
    })
  })

  test('rules 12 and 13: acr and auth_time were not asked for, so their values do not matter', async () => {
    await accepts(withClaims({ acr: 'urn:whatever', auth_time: 1 }))
  })
})

// https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowTokenValidation
describe('OpenID Connect Core 3.1.3.8', () => {
  const atHash = (accessToken: unknown) => nonceOf({ form: new URLSearchParams({ code_verifier: String(accessToken) }) } as never)

  test.each<[string, unknown]>([
    ['of another access token', Buffer.from(atHash('another'), 'base64url').subarray(0, 16).toString('base64url')],
    ['that is a number', 1],
    ['that is null', null],
  ])('an at_hash %s is refused', async (_title, at_hash) => {
    await refuses(withClaims({ at_hash }), /"at_hash"/)
  })

  test('the at_hash of this access token is accepted', async () => {
    const hub = await startRawHub()
    hub.answers.token = respond((request) => {
      const tokens = hub.tokens(request)
      const at_hash = Buffer.from(atHash(tokens['access_token']), 'base64url').subarray(0, 16).toString('base64url')
      return { ...tokens, id_token: hub.idToken(request, { at_hash }) }
    })
    expect(await signIn(hub, strategyFor(hub).strategy)).toMatchObject({ action: 'success' })
  })
})

// https://openid.net/specs/openid-connect-core-1_0.html#IDToken
describe('OpenID Connect Core 2', () => {
  test.each<[string, unknown]>([
    ['is absent', undefined],
    ['is null', null],
    ['is empty', ''],
    ['is a number', 42],
    ['is longer than 255 characters', 'a'.repeat(256)],
    ['is no ASCII', '65f0é'],
    ['has a line break', '65f0\n'],
  ])('a sub that %s is refused', async (_title, sub) => {
    await refuses(withClaims({ sub }), /"sub"/)
  })

  test('an ID token that is not valid yet is refused', async () => {
    await refuses((request, hub) => hub.idToken(request, { nbf: now() + 3600 }), /"nbf"/)
  })

  test('claims that are not understood are ignored', async () => {
    await accepts(withClaims({ sid: 'x', amr: ['pwd'], ['https://example.com/claim']: { a: [1] } }))
  })
})

// https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse
describe('OpenID Connect Core 5.3.2', () => {
  const userinfo = async (change: object) => {
    const hub = await startRawHub()
    hub.answers.userinfo = respond(() => ({ ...hub.userinfo(), ...change }))
    const { strategy, verified } = strategyFor(hub)
    const error = errorOf(await signIn(hub, strategy))
    expect(verified).toEqual([])
    return error
  }

  test('userinfo without sub is refused', async () => {
    expect(await userinfo({ sub: undefined })).toMatchObject({ code: 'invalid_response', phase: 'userinfo' })
  })

  test('userinfo whose sub is not exactly that of the ID token is not used', async () => {
    expect(await userinfo({ sub: '65F00000000000000000C0DE' })).toMatchObject({ code: 'sub_mismatch', phase: 'userinfo' })
  })

  test('the server is verified by its certificate, so one that nobody vouches for gets no code', async () => {
    const hub = await startRawHub({ tls: certificate, host: 'localhost' })
    const { strategy, verified } = strategyFor(hub)
    expect(errorOf(await signIn(hub, strategy))).toMatchObject({ code: 'connection_failed', phase: 'token', status: 502 })
    expect(verified).toEqual([])
    expect(hub.requests).toEqual([])
  })
})

// The modules of the plan oidcc-client-basic-certification-test-plan, with the names that they had in the suite before it
describe("the Basic RP profile of the OpenID Foundation's conformance suite", () => {
  test('oidcc-client-test (rp-response_type-code): the authorization request asks for a code, and the code is exchanged for a profile', async () => {
    const hub = await startRawHub()
    const { strategy, verified } = strategyFor(hub)
    const { url } = await begin(strategy)
    expect(`${url.origin}${url.pathname}`).toBe(`${hub.url}/oauth/authorize`)
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: 'code',
      client_id: clientID,
      redirect_uri: expect.stringMatching(/^http/),
      scope: 'openid profile',
      state: expect.stringMatching(/.{22}/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    })
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
    expect(verified).toMatchObject([{ id: '65f00000000000000000c0de', username: 'ada' }])
  })

  test('oidcc-client-test-invalid-iss (rp-id_token-issuer-mismatch): an ID token of another issuer is refused', async () => {
    await refuses(withClaims({ iss: 'https://example.com' }), /"iss"/)
  })

  test('oidcc-client-test-missing-sub (rp-id_token-sub): an ID token without sub is refused', async () => {
    await refuses(withClaims({ sub: undefined }), /"sub"/)
  })

  test('oidcc-client-test-invalid-aud (rp-id_token-aud): an ID token for another client is refused', async () => {
    await refuses(withClaims({ aud: 'https://it-wont-be-you.example' }), /"aud"/)
  })

  test('oidcc-client-test-missing-iat (rp-id_token-iat): an ID token without iat is refused', async () => {
    await refuses(withClaims({ iat: undefined }), /"iat"/)
  })

  test('oidcc-client-test-kid-absent-single-jwks (rp-id_token-kid-absent-single-jwks): without kid, the only key is used', async () => {
    await accepts(withHeader({ kid: undefined }))
  })

  test('a claim that is wrong is wrong by whichever of several keys the token is signed', async () => {
    const hub = await startRawHub()
    const other = await rsaKey('another')
    await refuses(
      (request) => signedToken({ alg: 'RS256' }, { ...hub.claims(request), aud: 'somebody-else' }, hub.key.privateKey),
      /"aud"/,
      {
        hub,
        keys: [other.jwk, hub.key.jwk],
      },
    )
  })

  test('oidcc-client-test-kid-absent-multiple-jwks (rp-id_token-kid-absent-multiple-jwks): without kid, only a signature by one of several keys is accepted', async () => {
    const [usual, second, stranger] = await Promise.all(['usual', 'second', 'stranger'].map((kid) => rsaKey(kid)))
    if (!usual || !second || !stranger) throw new Error('there are three keys')
    for (const { privateKey } of [usual, second]) await accepts(signedBy({ alg: 'RS256' }, privateKey), { keys: [usual.jwk, second.jwk] })
    await refuses(signedBy({ alg: 'RS256' }, stranger.privateKey), /none of the Hub's/, { keys: [usual.jwk, second.jwk] })
  })

  test('oidcc-client-test-idtoken-sig-rs256 (rp-id_token-sig-rs256): an ID token signed by RS256 is accepted', async () => {
    await accepts(withHeader({}))
  })

  test('oidcc-client-test-idtoken-sig-none (rp-id_token-sig-none): an ID token without signature is refused, as the Hub signs', async () => {
    await refuses((request, hub) => signedToken({ alg: 'none' }, hub.claims(request), ''), /alg/)
  })

  test('oidcc-client-test-invalid-sig-rs256 (rp-id_token-bad-sig-rs256): an ID token with a wrong signature is refused', async () => {
    await refuses((request, hub) => {
      const [header, claims, signature = ''] = hub.idToken(request).split('.')
      return [header, claims, Buffer.from(signature, 'base64url').reverse().toString('base64url')].join('.')
    }, /signature/)
  })

  test('oidcc-client-test-userinfo-invalid-sub (rp-userinfo-bad-sub-claim): userinfo of somebody else is refused', async () => {
    const hub = await startRawHub()
    hub.answers.userinfo = respond(() => ({ ...hub.userinfo(), sub: `${hub.userinfo()['sub']}BAD` }))
    expect(errorOf(await signIn(hub, strategyFor(hub).strategy))).toMatchObject({ code: 'sub_mismatch' })
  })

  test('oidcc-client-test-nonce-invalid (rp-nonce-invalid): an ID token with another nonce is refused', async () => {
    await refuses((request, hub) => hub.idToken(request, { nonce: `${nonceOf(request)}BAD` }), /"nonce"/)
  })

  test('oidcc-client-test-scope-userinfo-claims (rp-scope-userinfo-claims): the scopes are asked for, and the claims come from userinfo', async () => {
    const hub = await startRawHub()
    hub.answers.userinfo = respond(() => ({ ...hub.userinfo(), email: 'ada@example.com', email_verified: true }))
    const { strategy, verified } = strategyFor(hub, { scope: ['openid', 'profile', 'email'] })
    const { url } = await begin(strategy)
    expect(url.searchParams.get('scope')).toBe('openid profile email')
    await signIn(hub, strategy)
    expect(verified).toMatchObject([{ emails: [{ value: 'ada@example.com', verified: true }] }])
  })

  test('oidcc-client-test-client-secret-basic (rp-token_endpoint-client_secret_basic): the client authenticates by the Authorization header, and by nothing else', async () => {
    const hub = await startRawHub()
    await signIn(hub, strategyFor(hub).strategy)
    const [request] = hub.to('token')
    const encode = (text: string) => new URLSearchParams([['', text]]).toString().slice(1)
    expect(request?.headers['authorization']).toBe(`Basic ${btoa(`${encode(clientID)}:${encode(clientSecret)}`)}`)
    expect(request?.headers['content-type']).toBe('application/x-www-form-urlencoded')
    expect([...(request?.form.keys() ?? [])].sort()).toEqual(['code', 'code_verifier', 'grant_type', 'redirect_uri'])
  })

  test('oidcc-client-test-userinfo-bearer-header (rp-userinfo-bearer-header): userinfo is asked for with the access token in the header, and not in the URL', async () => {
    const hub = await startRawHub()
    const given: unknown[] = []
    hub.answers.token = respond((request) => {
      const tokens = hub.tokens(request)
      given.push(tokens['access_token'])
      return tokens
    })
    await signIn(hub, strategyFor(hub).strategy)
    const [request] = hub.to('userinfo')
    expect(request?.headers['authorization']).toBe(`Bearer ${given[0]}`)
    expect(request?.head).toMatch(/^GET \/\w+\/oauth\/userinfo HTTP\/1\.1\r\n/)
    expect(request?.head.split(String(given[0]))).toHaveLength(2)
  })
})
