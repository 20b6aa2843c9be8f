import { expect, jest, test } from '@jest/globals'

test('without oidc-provider the error says what to install', async () => {
  jest.unstable_mockModule('oidc-provider', () => {
    throw Object.assign(new Error("Cannot find package 'oidc-provider'"), { code: 'ERR_MODULE_NOT_FOUND' })
  })
  const { startHub } = await import('../../testing/index.js')
  await expect(startHub()).rejects.toThrow('npm install --save-dev oidc-provider')
})
