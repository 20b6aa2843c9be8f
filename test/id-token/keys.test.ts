import { generateKeyPairSync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { HubKeys, verifyIdToken } from '../../lib/id-token'
import { begin, errorOf, finallyDo, finish, signIn, startRawHub, strategyFor, until, watchSignIns } from '../hostile/sign-in'
import { ellipticKey, type Json, type RawHub, respond, rsaKey, type SigningKey, signedToken, silent, write } from '../support/raw-hub'
import { accepts, answerWith, refuses, type TokenMaker, withHeader } from './sign-in'

watchSignIns()

afterEach(() => {
  jest.restoreAllMocks()
})

/** As though so many milliseconds had gone by. */
function later(milliseconds: number): void {
  const then = Date.now() + milliseconds
  jest.spyOn(Date, 'now').mockImplementation(() => then)
}

const signed =
  (key: SigningKey, header: Json = { kid: key.kid }): TokenMaker =>
  (request, hub) =>
    signedToken({ alg: 'RS256', ...header }, hub.claims(request), key.privateKey)

describe('an ID token that brings its own key along', () => {
  test.each<[string, (stranger: SigningKey, url: string) => Json]>([
    ['as jwk', ({ jwk }) => ({ jwk })],
    ['as jwk, under the name of a good one', ({ jwk }) => ({ kid: 'usual', jwk })],
    ['at jku', (_key, url) => ({ jku: `${url}/oauth/jwks?theirs` })],
    ['at x5u', (_key, url) => ({ x5u: `${url}/oauth/jwks?theirs` })],
    ['as x5c', ({ publicKey }) => ({ x5c: [publicKey.export({ type: 'spki', format: 'der' }).toString('base64')] })],
    ['by a path as kid', () => ({ kid: '../../../../dev/null' })],
  ])('%s is refused', async (_title, header) => {
    const stranger = await rsaKey('stranger')
    const hub = await refuses(
      (request, hub) => signedToken({ alg: 'RS256', ...header(stranger, hub.url) }, hub.claims(request), stranger.privateKey),
      /ID token/,
    )
    expect(hub.requests.filter(({ head }) => head.includes('theirs'))).toEqual([])
  })
})

describe('an ID token that is none', () => {
  test.each<[string, TokenMaker]>([
    ['empty', () => ''],
    ['a word', () => 'token'],
    ['two dots', () => '..'],
    ['four dots', () => '....'],
    ['a hundred thousand dots', () => '.'.repeat(100_000)],
    ['no base64', () => '{"alg":"RS256"}.{}.x'],
    ['JSON inside', (request, hub) => JSON.stringify({ token: hub.idToken(request) })],
    ['a token whose header is null', (_request, hub) => signedToken('null', {}, hub.key.privateKey)],
    ['a token whose header is no JSON', (_request, hub) => signedToken('header', {}, hub.key.privateKey)],
  ])('%s is refused', async (_title, make) => {
    await refuses(make, /ID token/)
  })

  test.each<[string, unknown]>([
    ['a list', []],
    ['a number', 5],
    ['null', null],
    ['text', '"text"'],
    ['no JSON', 'claims'],
    ['empty', '{}'],
  ])('a signed token whose claims are %s is refused', async (_title, claims) => {
    await refuses((_request, hub) => signedToken({ alg: 'RS256', kid: hub.key.kid }, claims, hub.key.privateKey), /ID token/)
  })

  test.each<[string, Json]>([
    ['that has to be understood and is not', { crit: ['secret'], secret: 1 }],
    ['that has to be understood, of any length', { crit: ['x'.repeat(50_000)], ['x'.repeat(50_000)]: 1 }],
    ['that has to be understood, of control characters', { crit: ['\r\nSet-Cookie: a\u001b[31m'], '\r\nSet-Cookie: a\u001b[31m': 1 }],
    ['whose crit is empty', { crit: [] }],
    ['that says the claims are not encoded', { crit: ['b64'], b64: false }],
    ['whose kid is a number', { kid: 5 }],
  ])('a token with a header %s is refused', async (_title, header) => {
    await refuses(withHeader(header), /ID token/)
  })

  test('a token whose claims are nested as deep as can be is refused or taken, and the server lives', async () => {
    const hub = await startRawHub()
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    answerWith(hub, (request) => {
      const claims = `${JSON.stringify(hub.claims(request)).slice(0, -1)},"deep":${deep}}`
      return signedToken({ alg: 'RS256', kid: hub.key.kid }, claims, hub.key.privateKey)
    })
    expect(await signIn(hub, strategyFor(hub).strategy)).toMatchObject({ action: 'success' })
    const { strategy, verified } = strategyFor(hub, { profileSource: 'id_token' } as object)
    const { action, args } = await signIn(hub, strategy)
    if (action !== 'success') expect(args).toEqual([expect.objectContaining({ name: 'HubError', code: 'invalid_id_token' })])
    expect(verified).toHaveLength(action === 'success' ? 1 : 0)
  })
})

describe('a key set', () => {
  test.each<[string, unknown]>([
    ['without keys', {}],
    ['whose keys are null', { keys: null }],
    ['whose keys are an object', { keys: { usual: {} } }],
    ['with null among its keys', { keys: [null] }],
    ['with a number among its keys', { keys: [1] }],
    ['with a list among its keys', { keys: [[]] }],
  ])('%s is no key set', async (_title, answer) => {
    const hub = await startRawHub()
    hub.answers.jwks = respond(JSON.stringify(answer))
    const { strategy, verified } = strategyFor(hub)
    expect(errorOf(await signIn(hub, strategy))).toMatchObject({ name: 'HubError', code: 'invalid_response', phase: 'jwks', status: 502 })
    expect(verified).toEqual([])
  })

  test.each<[string, () => Promise<unknown[]>]>([
    ['nothing', async () => []],
    ['a key without a type', async () => [{ kid: 'usual', use: 'sig', alg: 'RS256' }]],
    ['a key whose numbers are none', async () => [{ kty: 'RSA', kid: 'usual', n: '!!', e: 5 }]],
    ['a secret of that name', async () => [{ kty: 'oct', kid: 'usual', k: 'AAAA' }]],
    ['an elliptic key of that name', async () => [(await ellipticKey('usual')).jwk]],
    ['the key for another use', async () => [{ ...(await rsaKey('usual')).jwk, use: 'enc' }]],
    ['the key for another algorithm', async () => [{ ...(await rsaKey('usual')).jwk, alg: 'RS512' }]],
    ['a private key', async () => [{ ...(await rsaKey('usual')).privateKey.export({ format: 'jwk' }), kid: 'usual' }]],
    [
      'a key that is too small',
      async () => [{ ...generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }), kid: 'usual' }],
    ],
  ])('that has only %s verifies nothing', async (_title, keys) => {
    await refuses(withHeader({}), /ID token/, { keys: await keys() })
  })

  test('with garbage beside the good key still serves, by name and without', async () => {
    const usual = await rsaKey('usual')
    const tooSmall = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
    const garbage = [
      {},
      { kty: 'RSA', alg: 'RS256', n: '!!', e: 'AQAB' },
      { kty: 'OKP', crv: 'Ed25519', x: 'AAAA', kid: 'other' },
      { kty: 'new' },
      tooSmall,
    ]
    const secret = { ...usual.privateKey.export({ format: 'jwk' }), alg: 'RS256' }
    const keys = [...garbage, secret, usual.jwk, (await ellipticKey('elliptic')).jwk]
    await accepts(withHeader({}), { keys })
    await accepts(withHeader({ kid: undefined }), { keys })
  })

  test('with the key under a name that the token does not use does not serve a token that names another', async () => {
    await refuses(withHeader({ kid: 'unheard of' }), /none of the Hub's/)
  })
})

describe('keys that change', () => {
  const publish = (hub: RawHub, ...keys: SigningKey[]) => {
    hub.answers.jwks = respond({ keys: keys.map(({ jwk }) => jwk) })
  }

  test('a key that the Hub signs with from now on costs nobody a sign-in', async () => {
    const hub = await accepts(withHeader({}))
    const next = await rsaKey('second')
    publish(hub, next)
    await accepts(signed(next), { hub })
  })

  test('a key without a name that the Hub signs with from now on costs nobody a sign-in', async () => {
    const [first, next] = [await rsaKey('usual'), await rsaKey('second')]
    const nameless = ({ jwk: { kid, ...jwk } }: SigningKey) => jwk
    const hub = await accepts(signed(first, {}), { keys: [nameless(first)] })
    await accepts(signed(next, {}), { hub, keys: [nameless(next)] })
  })

  test('a key that changes just while a token is being verified costs nobody a sign-in', async () => {
    const [first, next] = [await rsaKey('usual'), await rsaKey('second')]
    const keys = new HubKeys()
    await keys.fetch(async () => ({ keys: [first.jwk] }))
    const expected = { issuer: 'https://huggingface.co', clientID: 'app', nonce: 'nonce', accessToken: 'token' }
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: expected.issuer, aud: 'app', nonce: 'nonce', sub: 'somebody', iat: now, exp: now + 60 }
    const token = signedToken({ alg: 'RS256', kid: next.kid }, claims, next.privateKey)
    let asked = () => {}
    const fetching = new Promise<void>((resolve) => {
      asked = resolve
    })
    let answer: (keySet: unknown) => void = () => {}
    const answered = new Promise<unknown>((resolve) => {
      answer = resolve
    })
    const fetchKeys = () => {
      asked()
      return answered
    }
    const one = verifyIdToken(token, keys, fetchKeys, expected)
    await fetching
    const another = verifyIdToken(token, keys, fetchKeys, expected)
    answer({ keys: [next.jwk] })
    expect(await Promise.all([one, another])).toMatchObject([{ sub: 'somebody' }, { sub: 'somebody' }])
  })

  test('a key that changes while fifty people come back costs none of them the sign-in', async () => {
    const hub = await accepts(withHeader({}))
    const next = await rsaKey('second')
    publish(hub, next)
    answerWith(hub, signed(next))
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => signIn(hub, strategyFor(hub).strategy)))
    expect(outcomes.filter(({ action }) => action !== 'success')).toEqual([])
  })

  test('fifty tokens with keys that nobody knows do not make a flood of requests', async () => {
    const hub = await accepts(withHeader({}))
    const stranger = await rsaKey('stranger')
    answerWith(hub, (request) => signed(stranger, { kid: hub.secret('kid') })(request, hub))
    const before = hub.to('jwks').length
    for (let round = 0; round < 5; round++) {
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => signIn(hub, strategyFor(hub).strategy)))
      for (const outcome of outcomes) expect(errorOf(outcome)).toMatchObject({ code: 'invalid_id_token' })
    }
    // one for a connection to the Hub, and one for the keys
    expect(hub.to('jwks').length - before).toBeLessThanOrEqual(2)
  })

  /** Somebody has signed in, over a connection that is kept, so that only the age of the keys makes them be fetched again. */
  async function longAfterASignIn() {
    const hub = await startRawHub({ keepAlive: true })
    finallyDo(() => hub.hangUp())
    const { strategy } = strategyFor(hub, { timeout: 60_000 })
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
    later(11 * 60_000)
    return { hub, strategy }
  }

  test('a key that is no longer published is not trusted for ever', async () => {
    const { hub, strategy } = await longAfterASignIn()
    publish(hub, await rsaKey('second'))
    const { url, cookie } = await begin(strategy)
    await until(() => hub.to('jwks').length === 2)
    await sleep(20)
    expect(errorOf(await finish(hub, strategy, url, cookie))).toMatchObject({ code: 'invalid_id_token' })
  })

  test('keys that have grown old serve on while new ones are fetched, and nobody waits for these', async () => {
    const { hub, strategy } = await longAfterASignIn()
    hub.answers.jwks = silent
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => signIn(hub, strategy)))
    expect(outcomes.filter(({ action }) => action !== 'success')).toEqual([])
    expect(hub.to('jwks')).toHaveLength(2)
    // it is asked once more when the silent connection ends
    hub.answers.jwks = write('', 'FIN')
  })

  test.each([
    ['refuses connections', write('', 'RST')],
    ['answers with 503', respond('', { status: 503 })],
    ['answers with null', respond('null')],
    ['answers with HTML', respond('<html>')],
    ['is silent', silent],
  ])('keys that are held go on serving while the keys endpoint %s', async (_title, behaviour) => {
    const options = { timeout: 300 }
    const hub = await accepts(withHeader({}), { options })
    hub.answers.jwks = behaviour
    await accepts(withHeader({}), { hub, options })
    later(60 * 60_000)
    await accepts(withHeader({}), { hub, options })
    await accepts(withHeader({}), { hub, options })
  })

  test('keys are fetched once for all who wait for them', async () => {
    const hub = await startRawHub()
    await Promise.all(Array.from({ length: 20 }, () => signIn(hub, strategyFor(hub).strategy)))
    expect(hub.to('jwks')).toHaveLength(1)
    expect(hub.to('token')).toHaveLength(20)
  })

  test('keys are not asked for when openid was not', async () => {
    const hub = await startRawHub()
    const { strategy, verified } = strategyFor(hub, { scope: 'profile' })
    hub.answers.jwks = respond('', { status: 500 })
    hub.answers.token = respond((request) => ({ ...hub.tokens(request), id_token: 'not asked for' }))
    expect(await signIn(hub, strategy)).toMatchObject({ action: 'success' })
    expect(verified).toHaveLength(1)
  })
})
