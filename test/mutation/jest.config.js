const base = require('../../jest.config.js')

const [[files, [transformer, options]]] = Object.entries(base.transform)

/** @type {import('jest').Config} */
module.exports = {
  ...base,
  rootDir: '../..',
  roots: ['<rootDir>/lib', '<rootDir>/test', '<rootDir>/testing'],
  runner: '<rootDir>/test/mutation/runner.cjs',
  // Stryker needs the path
  testEnvironment: require.resolve('./environment.cjs'),
  // nobody reads the stack traces
  transform: { [files]: [transformer, { ...options, sourceMaps: false }] },
}
