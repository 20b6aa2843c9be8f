const shared = require('../../jest.config.js')

/** @type {import('jest').Config} */
module.exports = {
  ...shared,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/browser/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  // one Chromium at a time: a machine for tests is small
  maxWorkers: 1,
  testTimeout: 30_000,
}
