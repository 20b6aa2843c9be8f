import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { HubError, TokenError } from '../../lib/index'
import { type Endpoint, respond } from '../support/raw-hub'
import { authenticate, begin, signIn, start, strategyFor, type TestRequest, watchSignIns } from '../support/sign-in'

watchSignIns()

const words = (text: string) => text.split(' ')

/** Names that mean something to JavaScript itself, or to us. */
const trickyNames = words('__proto__ constructor toString valueOf toJSON then length hasOwnProperty cause message stack')
const claimNames = words(
  'sub name preferred_username profile picture website email email_verified isPro canPay orgs roleInOrg resourceGroups',
)
const tokenNames = words('access_token refresh_token id_token token_type expires_in scope error error_description error_uri')
const keyNames = words('keys kty kid n e alg use key_ops d')
const parameterNames = words('code state error error_description error_uri iss code[] code[x] error[] state[]')

/** How objects and values of JSON are made, with tricky ones more often than by chance. */
const json = (names: readonly string[]) => ({
  key: fc.oneof(fc.constantFrom(...names, ...trickyNames), fc.string()),
  values: [fc.constantFrom(null, '', 'bearer'), fc.boolean(), fc.double(), fc.string({ unit: 'binary' })],
  maxDepth: 4,
})

const characters = (first: number, last: number) => fc.integer({ min: first, max: last }).map((code) => String.fromCharCode(code))
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.string({ unit: characters(0xd700, 0xe000) }))

const nobody = { url: 'http://127.0.0.1:9' }

test('any text is shown on one line, well-formed, and without a long run that could be a secret', () => {
  const { strategy } = strategyFor(nobody)
  const unit = fc.constantFrom('a', 'a', 'a', 'é', ' ', '\n', '\u200b', '\0', '\ud83e', '🤗')
  const property = fc.property(fc.oneof(anyText, fc.string({ unit, minLength: 200 })), (text) => {
    const error = strategy.parseErrorResponse(JSON.stringify({ error: 'e', error_description: text }), 400)
    const [, shown = ' '] = /^The Hub responded with e(?:: "(.*)")?\.$/.exec(error?.message ?? '') ?? ['', '']
    expect(shown).toMatch(/^[^\p{Cc}\p{Cf}\p{Cs}]{1,301}$/u)
    expect(shown).not.toMatch(/[\w.~+/=%-]{20}/)
  })
  fc.assert(property, { numRuns: 500 })
})

// a header is bytes, which Node reads as Latin-1
const headerText = (maxLength: number) => fc.string({ unit: characters(0x20, 0xff), maxLength })
const handle = fc.nat().map((time) => `${time.toString(36)}.${'A'.repeat(22)}`)
const prefix = fc.constantFrom('', 'hf-signin.', '__Host-hf-signin.')
const cookieName = fc.tuple(prefix, fc.oneof(headerText(20), fc.constantFrom('__proto__', 'é'), handle)).map((parts) => parts.join(''))
const cookieValue = fc.oneof(headerText(60), fc.constantFrom('', '~~~', '%', '%ED%A0%80', '%00'))
const someCookies = fc.array(
  fc.tuple(cookieName, cookieValue).map((pair) => pair.join('=')),
  { maxLength: 12 },
)
const cookies = fc.oneof(
  headerText(200),
  someCookies.map((all) => all.join('; ')),
)

test('any query, parsed or in the address, and any cookies begin a sign-in or fail', async () => {
  const { strategy } = strategyFor(nobody, { restart: false })
  const value = fc.oneof(anyText, fc.array(fc.string()), fc.dictionary(fc.string(), fc.string()), fc.constant(undefined))
  const query = fc.dictionary(fc.oneof(fc.constantFrom(...parameterNames, ...trickyNames), fc.string()), value)
  // what Node's parser lets through as a request target
  const target = fc.string({ unit: characters(0x21, 0xff) })
  const pair = fc.tuple(fc.constantFrom(...parameterNames, ...trickyNames), target).map((each) => each.join('='))
  const search = fc.array(pair).map((pairs) => `?${pairs.join('&')}`)
  const path = fc.constantFrom('', '/', '//', '//[', '/\\', 'http://', '*', 'http://a:b')
  const url = fc.tuple(path, fc.oneof(target, search)).map((parts) => parts.join(''))
  const request = fc.record<TestRequest>({ query, url, originalUrl: url, cookie: cookies }, { requiredKeys: [] })
  const code = expect.stringMatching(/^(invalid_callback|state_missing|issuer_mismatch|state_unknown|state_lost)$/)
  const property = fc.asyncProperty(request, async (req) => {
    const { action, args } = await authenticate(strategy, req)
    expect([action, args]).toEqual(
      action === 'fail' ? ['fail', [expect.objectContaining({ code }), expect.any(Number)]] : ['redirect', [expect.any(String)]],
    )
  })
  const examples = ['//', '//[', 'http://a:b', '//?code=a&state=b', '?code=a&state=b#?error=c'].map((each): [TestRequest] => [
    { url: each },
  ])
  await fc.assert(property, { numRuns: 1000, examples })
})

test('a browser with any cookies beside ours can sign in', async () => {
  const { strategy } = await start({ scope: 'profile', skipUserProfile: true }, { warm: true })
  const property = fc.asyncProperty(cookies, async (junk) => {
    const { cookie, comeBack } = await begin(strategy)
    expect(await comeBack({}, { cookie: `${cookie}; ${junk}` })).toMatchObject({ action: 'success' })
  })
  await fc.assert(property, { numRuns: 60 })
})

test.each<[Endpoint, string[]]>([
  ['token', tokenNames],
  ['userinfo', claimNames],
  ['jwks', keyNames],
])('any response of the %s endpoint ends a sign-in in one action', async (endpoint, names) => {
  const { hub, strategy } = await start()
  const usable = fc.object(json(names)).map((value) => ({ ...value, access_token: 'x', sub: 'x' }))
  const anyJson = fc.oneof(fc.anything(json(names)), fc.object(json(names)), usable).map((value) => JSON.stringify(value) ?? 'null')
  // 204 and 304 have no body
  const status = fc.oneof(fc.constantFrom(200, 200, 201, 400, 401, 429, 500), fc.integer({ min: 305, max: 999 }))
  const header = fc.constantFrom(...words('x-request-id retry-after content-type content-encoding www-authenticate'))
  const headers = fc.dictionary(header, fc.string({ unit: characters(0x20, 0x7e) }))
  const property = fc.asyncProperty(fc.oneof(anyText, anyJson), status, headers, async (body, code, extra) => {
    hub.answers[endpoint] = respond(body, { status: code, headers: extra })
    const { action, args } = await signIn(strategy)
    if (action === 'success') return
    expect(action).toBe('error')
    expect(args[0] instanceof HubError || args[0] instanceof TokenError).toBe(true)
  })
  await fc.assert(property, { numRuns: 80 })
})
