import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { HubError, TokenError } from '../../lib/index'
import { endpoints, respond } from '../support/raw-hub'
import { authenticate, signIn, start, strategyFor, type TestRequest, watchSignIns } from '../support/sign-in'

watchSignIns()

const words = (text: string) => text.split(/\s+/)

/** Names that mean something to JavaScript itself, or to us. */
const names = words(
  `__proto__ constructor toString valueOf toJSON then length hasOwnProperty cause message stack sub name preferred_username profile
  picture email email_verified isPro orgs roleInOrg resourceGroups access_token refresh_token id_token token_type expires_in scope
  error error_description error_uri keys kty kid n e alg use key_ops d`,
)
const parameterNames = words('code state error error_description error_uri iss code[] code[x] error[] state[] __proto__ length')

const characters = (first: number, last: number) => fc.integer({ min: first, max: last }).map((code) => String.fromCharCode(code))
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.string({ unit: characters(0xd700, 0xe000) }))

// a header is bytes, which Node reads as Latin-1
const headerText = fc.string({ unit: characters(0x20, 0xff) })
const prefix = fc.constantFrom('', 'hf-signin.', '__Host-hf-signin.')
const handle = fc.nat().map((time) => `${time.toString(36)}.${'A'.repeat(22)}`)
const value = fc.oneof(headerText, fc.constantFrom('', '~~~', '%', '%ED%A0%80', '%00'))
const cookie = fc.tuple(prefix, fc.oneof(headerText, handle), fc.constant('='), value).map((parts) => parts.join(''))
const cookies = fc.array(cookie).map((all) => all.join('; '))

test('any query, parsed or in the address, and any cookies begin a sign-in or fail', async () => {
  const { strategy } = strategyFor({ url: 'http://127.0.0.1:9' }, { restart: false })
  const parameter = fc.oneof(fc.constantFrom(...parameterNames), fc.string())
  const parsed = fc.oneof(anyText, fc.array(fc.string()), fc.dictionary(fc.string(), fc.string()), fc.constant(undefined))
  // what Node's parser lets through as a request target
  const target = fc.string({ unit: characters(0x21, 0xff) })
  const pair = fc.tuple(fc.constantFrom(...parameterNames), target).map((each) => each.join('='))
  const search = fc.array(pair).map((pairs) => `?${pairs.join('&')}`)
  const path = fc.constantFrom('', '/', '//', '//[', '/\\', 'http://', '*', 'http://a:b')
  const url = fc.tuple(path, fc.oneof(target, search)).map((parts) => parts.join(''))
  const all = { query: fc.dictionary(parameter, parsed), url, originalUrl: url, cookie: cookies }
  const code = expect.stringMatching(/^(invalid_callback|state_missing|issuer_mismatch|state_unknown|state_lost)$/)
  const property = fc.asyncProperty(fc.record<TestRequest>(all, { requiredKeys: [] }), async (request) => {
    const { action, args } = await authenticate(strategy, request)
    if (action === 'fail') expect(args).toEqual([expect.objectContaining({ code }), expect.any(Number)])
    else expect([action, args]).toEqual(['redirect', [expect.any(String)]])
  })
  await fc.assert(property, { numRuns: 1000 })
})

test.each(endpoints)('any response of the %s endpoint ends a sign-in in one action', async (endpoint) => {
  const { hub, strategy } = await start()
  const key = fc.oneof(fc.constantFrom(...names), fc.string())
  const values = [fc.constantFrom(null, '', 'bearer'), fc.boolean(), fc.double(), fc.string({ unit: 'binary' })]
  const json = fc.object({ key, values, maxDepth: 4 })
  const usable = json.map((content) => ({ ...content, access_token: 'x', sub: 'x' }))
  const body = fc.oneof(anyText, fc.oneof(json, usable).map(JSON.stringify))
  // 204 and 304 have no body
  const status = fc.oneof(fc.constantFrom(200, 201, 400, 401, 429, 500), fc.integer({ min: 305, max: 999 }))
  const property = fc.asyncProperty(body, status, async (content, code) => {
    hub.answers[endpoint] = respond(content, { status: code })
    const { action, args } = await signIn(strategy)
    if (action === 'success') return
    expect(action).toBe('error')
    expect(args[0] instanceof HubError || args[0] instanceof TokenError).toBe(true)
  })
  await fc.assert(property, { numRuns: 80 })
})
