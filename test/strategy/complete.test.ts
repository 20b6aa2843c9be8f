import { describe, expect, test } from '@jest/globals'
import { AuthorizationError } from '../../lib/index'
import { authenticate, begin, errorOf, start, watchSignIns } from '../support/sign-in'

watchSignIns()

type Query = Record<string, unknown>

describe('a callback', () => {
  test.each<[string, number, string, Query | ((hubURL: string) => Query)]>([
    ['invalid_callback', 400, 'a repeated code', { code: ['a', 'b'] }],
    ['invalid_callback', 400, 'an empty code', { code: '' }],
    ['invalid_callback', 400, 'a very long code', { code: 'x'.repeat(4097) }],
    ['invalid_callback', 400, 'a code in brackets', { code: undefined, 'code[]': 'x' }],
    ['invalid_callback', 400, 'a code and an error', { error: 'access_denied' }],
    ['invalid_callback', 400, 'an error that is an object', { code: undefined, error: { x: '1' } }],
    ['invalid_callback', 400, 'an error in brackets', { code: undefined, 'error[x]': '1' }],
    ['invalid_callback', 400, 'a repeated state', { state: ['a', 'b'] }],
    ['invalid_callback', 400, 'a repeated iss', { iss: ['x', 'y'] }],
    ['issuer_mismatch', 403, 'an iss that differs by a slash', (hubURL) => ({ iss: `${hubURL}/` })],
  ])('ends in %s (%i), sends nothing and spoils nothing after %s', async (code, status, _, query) => {
    const { hub, strategy } = await start()
    const { comeBack } = await begin(strategy)
    const outcome = await comeBack(typeof query === 'function' ? query(hub.url) : query)
    expect(outcome).toMatchObject({ action: 'fail', args: [{ code, message: expect.any(String) }, status], cookie: '' })
    expect(hub.to('token')).toEqual([])
    expect(await comeBack({ iss: hub.url, code: 'x'.repeat(4096) })).toMatchObject({ action: 'success' })
  })

  test('that nobody has parsed is read from its address', async () => {
    const { strategy } = await start()
    const { state, cookie } = await begin(strategy)
    const target = `/cb?code=opaque&state=${state}`
    const twice = await authenticate(strategy, { url: `${target}&code=again`, cookie })
    expect(twice).toMatchObject({ action: 'fail', args: [{ code: 'invalid_callback' }, 400] })
    expect(await authenticate(strategy, { url: '/', originalUrl: target, cookie })).toMatchObject({ action: 'success' })
  })

  test.each([{ query: { state: 'california', codes: '1', promo_code: '2' } }, { query: null, url: undefined as unknown as string }])(
    '%j is not one, so a sign-in begins',
    async (request) => {
      const { strategy } = await start()
      expect(await authenticate(strategy, { url: '/', ...request })).toMatchObject({ action: 'redirect' })
    },
  )
})

describe('an error that comes back from the Hub', () => {
  test.each<[string, string, number]>([
    ['server_error', 'server_error', 502],
    ['temporarily_unavailable', 'temporarily_unavailable', 503],
    ['invalid_scope', 'invalid_scope', 500],
    ['constructor', 'constructor', 500],
    ['Not a code!', 'server_error', 502],
  ])('%s is an AuthorizationError %s with status %i, and shows no state that it repeats', async (said, code, status) => {
    const { comeBack, state } = await begin((await start()).strategy)
    const uri = 'https://hub.example/docs?'
    const query = { code: undefined, error: said, error_description: `it burns ${state}`, error_uri: uri + state }
    const error = errorOf(await comeBack(query))
    expect(error).toBeInstanceOf(AuthorizationError)
    expect(error).toMatchObject({ code, uri: `${uri}***`, status, statusCode: status, expose: false })
    expect(error.message).toContain('it burns ***')
  })
})
