// `npm run test:servers`: needs Debian's redis-server, and `npm run build` before
const { collectCoverageFrom: _, ...config } = require('../../jest.config.js')

/** @type {import('jest').Config} */
module.exports = {
  ...config,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/servers/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 120_000,
}
