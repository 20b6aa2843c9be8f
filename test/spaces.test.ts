import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { HuggingFaceStrategy, spaceOptions } from '../lib/index'
import { authenticate, startRawHub, watchSignIns } from './support/sign-in'

watchSignIns()

const space = {
  SPACE_ID: 'ada/tides',
  SPACE_HOST: 'ada-tides.hf.space',
  OAUTH_CLIENT_ID: 'the-client',
  OAUTH_CLIENT_SECRET: 'the-secret',
  OAUTH_SCOPES: 'openid profile inference-api',
  OPENID_PROVIDER_URL: 'https://huggingface.co',
}

describe('spaceOptions', () => {
  test("turns a Space's environment into options", () => {
    expect(spaceOptions(space)).toMatchObject({
      clientID: 'the-client',
      clientSecret: 'the-secret',
      callbackURL: 'https://ada-tides.hf.space/auth/huggingface/callback',
      scope: ['openid', 'profile', 'inference-api'],
      hubURL: 'https://huggingface.co',
    })
  })

  test("takes the Space's own host where a custom domain stands beside it", () => {
    expect(spaceOptions({ ...space, SPACE_HOST: 'ada-tides.hf.space, tides.example' }).callbackURL).toBe(
      'https://ada-tides.hf.space/auth/huggingface/callback',
    )
  })

  test.each(['https://hub.example', 'https://hub.example/', 'https://hub.example/.well-known/openid-configuration'])(
    'takes %s for the hub at https://hub.example',
    (OPENID_PROVIDER_URL) => {
      expect(spaceOptions({ ...space, OPENID_PROVIDER_URL }).hubURL).toBe('https://hub.example')
    },
  )

  test('has the defaults of a Space where the environment does not say', () => {
    expect(spaceOptions({ ...space, OAUTH_SCOPES: undefined, OPENID_PROVIDER_URL: undefined })).toMatchObject({
      scope: ['openid', 'profile'],
      hubURL: 'https://huggingface.co',
    })
  })

  test("begins sign-ins with a cookie that the Hub's frame does not lose", async () => {
    const res = new ServerResponse(new IncomingMessage(new Socket()))
    const hubURL = (await startRawHub()).url
    const strategy = new HuggingFaceStrategy({ ...spaceOptions(space), hubURL }, async () => 'somebody')
    expect(await authenticate(strategy, { url: '/', res })).toMatchObject({ action: 'redirect' })
    expect(res.getHeader('Set-Cookie')).toEqual([expect.stringMatching(/^__Host-.*; HttpOnly; Secure; Partitioned; SameSite=None$/)])
  })

  test.each<[string, object, string]>([
    ['outside a Space', { SPACE_ID: undefined }, 'SPACE_ID'],
    ['without hf_oauth', { OAUTH_CLIENT_ID: undefined }, 'hf_oauth: true'],
    ['without a secret', { OAUTH_CLIENT_SECRET: '' }, 'hf_oauth: true'],
    ['without a host', { SPACE_HOST: undefined }, 'SPACE_HOST'],
  ])('throws %s, and names the cure', (_, change, message) => {
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
