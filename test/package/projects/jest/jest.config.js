// What an app needs: a local Hub for all tests. No flag, and no transform of its own.
const globals = { globalSetup: './hub.js', globalTeardown: './hub-end.js' }
const typed = { displayName: 'ts-jest', testMatch: ['**/*.test.ts'], transform: { '\\.ts$': ['ts-jest', { diagnostics: false }] } }
module.exports = { ...globals, projects: [{ displayName: 'babel-jest', testMatch: ['**/*.test.js'] }, typed] }
