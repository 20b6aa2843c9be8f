// Changes lib/ in one place at a time, and runs the tests that reach it: one of them should fail.
// `npm run test:mutation -- requests lib/hub/http.ts:50-100` tries this part, and only these lines of it.
import { Stryker } from '@stryker-mutator/core'

const leastScore = 90

/** Each with the tests that are about it. Nearly all the others sign people in too, which takes longer and finds little more. */
const parts = {
  'sign-in': { mutate: ['lib/!(errors).ts', 'lib/state/*.ts'], tests: ['*', 'state/*', 'strategy/*'] },
  requests: {
    mutate: ['lib/hub/{client,display-text,http,json}.ts', 'lib/errors.ts'],
    tests: ['messages', 'strategy/{requests,subclass}', 'hub/{connections,refresh,responses,secrets}'],
  },
  'id-tokens': { mutate: ['lib/hub/{id-token,signing-keys}.ts'], tests: ['messages', 'hub/{id-token,signing-keys}'] },
}

const [part, ...places] = process.argv.slice(2)
const mutants = []
for (const [name, { mutate, tests }] of Object.entries(parts)) {
  if (part && part !== name) continue
  const testMatch = tests.map((test) => `<rootDir>/test/${test}.test.ts`)
  const stryker = new Stryker({
    mutate: places.length > 0 ? places : mutate,
    // what is evaluated once, when a file is loaded, would need all tests
    ignoreStatic: true,
    // TypeScript 7 has nothing that reads it for Stryker
    tsconfigFile: 'none',
    testRunner: 'jest',
    testRunnerNodeArgs: ['--experimental-vm-modules', '--no-warnings'],
    jest: { configFile: 'test/mutation/jest.config.js', config: { testMatch }, enableFindRelatedTests: false },
    coverageAnalysis: 'perTest',
    concurrency: 2,
    // Jest keeps some memory of each run
    maxTestRunnerReuse: 100,
    // long, since a mutant that no test finds would pass for found: environment.cjs ends what waits for ever
    timeoutMS: 30_000,
    timeoutFactor: 3,
    reporters: ['progress-append-only', 'clear-text', 'json'],
    clearTextReporter: { reportTests: false, allowColor: false },
    jsonReporter: { fileName: `reports/mutation-${name}.json` },
  })
  mutants.push(...(await stryker.runMutationTest()))
}

const count = (...statuses) => mutants.filter(({ status }) => statuses.includes(status)).length
const found = count('Killed', 'Timeout')
const all = found + count('Survived', 'NoCoverage')
const score = (100 * found) / all
console.log(`${found} of ${all} mutants were found: ${score.toFixed(1)} %, at least ${leastScore} % are needed`)
process.exitCode = score >= leastScore ? 0 : 1
