import { describe, expect, test } from '@jest/globals'
import { HuggingFaceStrategy, spaceOptions } from '../lib/index'
import { authenticate, cookiesOf, watchSignIns } from './support/sign-in'

watchSignIns()

const space = {
  SPACE_ID: 'ada/tides',
  SPACE_HOST: ' ada-tides.hf.space , tides.example',
  OAUTH_CLIENT_ID: 'the-client',
  OAUTH_CLIENT_SECRET: 'the-secret',
  OAUTH_SCOPES: ' openid profile  inference-api',
  OPENID_PROVIDER_URL: 'https://hub.example',
}

describe('spaceOptions', () => {
  const credentials = { clientID: 'the-client', clientSecret: 'the-secret' }
  // with a custom domain, the Space's own host comes first
  const usual = { ...credentials, callbackURL: 'https://ada-tides.hf.space/auth/huggingface/callback', hubURL: 'https://hub.example' }
  test.each<[object, object]>([
    [{}, { scope: ['openid', 'profile', 'inference-api'] }],
    [{ SPACE_HOST: 'ada-tides.hf.space' }, {}],
    [{ OPENID_PROVIDER_URL: 'https://hub.example//' }, {}],
    [{ OPENID_PROVIDER_URL: 'https://hub.example/.well-known/openid-configuration' }, {}],
    [
      { OAUTH_SCOPES: undefined, OPENID_PROVIDER_URL: undefined },
      { scope: ['openid', 'profile'], hubURL: 'https://huggingface.co' },
    ],
    [{ OPENID_PROVIDER_URL: '' }, { hubURL: 'https://huggingface.co' }],
  ])("turns a Space's environment with %j into options", (change, expected) => {
    expect(spaceOptions({ ...space, ...change })).toMatchObject({ ...usual, ...expected })
  })

  test("begins sign-ins with a cookie that the Hub's frame does not lose", async () => {
    const strategy = new HuggingFaceStrategy({ ...spaceOptions(space), hubURL: 'http://127.0.0.1:9' }, async () => 'somebody')
    const { res } = await authenticate(strategy)
    expect(cookiesOf(res)).toEqual([expect.stringMatching(/^__Host-.*; HttpOnly; Secure; Partitioned; SameSite=None$/)])
  })

  test.each<[string, object]>([
    ['SPACE_ID', { SPACE_ID: undefined }],
    ['hf_oauth: true', { OAUTH_CLIENT_ID: undefined }],
    ['hf_oauth: true', { OAUTH_CLIENT_SECRET: '' }],
    ['SPACE_HOST', { SPACE_HOST: undefined }],
  ])('throws an error that names %s with %j', (message, change) => {
    expect(() => spaceOptions({ ...space, ...change })).toThrow(message)
  })

  test('reads process.env if it is given nothing', () => {
    expect(() => spaceOptions()).toThrow('SPACE_ID')
    const before = process.env
    process.env = space
    expect(spaceOptions().clientID).toBe('the-client')
    process.env = before
  })
})
