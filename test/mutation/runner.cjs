const { default: TestRunner } = require('jest-runner')

/** The names of the tests in each file, once it was run in this process. */
const names = new Map()
/** The files that found a mutant, the latest first. It is likely to find the next one too. */
let finders = []

/**
 * For each mutant runs only the files with tests that reach it, and none after one that failed.
 * Stryker gives Jest the names of these tests, so that the other files would be loaded in vain.
 */
module.exports = class extends TestRunner {
  async runTests(tests, watcher, options) {
    // there is none in the first run, without a mutant
    const { testNamePattern } = this._globalConfig
    if (!testNamePattern) return super.runTests(tests, watcher, options)
    const pattern = new RegExp(testNamePattern, 'i')
    const rank = ({ path }) => (finders.includes(path) ? finders.indexOf(path) : finders.length)
    for (const test of tests.toSorted((a, b) => rank(a) - rank(b))) {
      if (names.get(test.path)?.some((name) => pattern.test(name)) === false) continue
      this.failed = false
      await super.runTests([test], watcher, options)
      if (!this.failed) continue
      finders = [test.path, ...finders.filter((path) => path !== test.path)]
      return
    }
  }

  on(event, listener) {
    if (event === 'test-file-success') return super.on(event, ([test, result]) => listener([test, this.note(test, result)]))
    if (event === 'test-file-failure') return super.on(event, (failure) => this.fail(listener, failure))
    return super.on(event, listener)
  }

  fail(listener, failure) {
    this.failed = true
    return listener(failure)
  }

  note({ path }, result) {
    const { testResults, testExecError } = result
    names.set(
      path,
      testResults.map(({ fullName }) => fullName),
    )
    this.failed = testResults.some(({ status }) => status === 'failed')
    if (!testExecError || !this._globalConfig.testNamePattern) return result
    // Stryker does not count a mutant for which a hook fails
    this.failed = true
    const failure = { ...testResults[0], status: 'failed', failureMessages: [String(testExecError.message)] }
    return { ...result, testExecError: undefined, testResults: [...testResults, failure] }
  }
}
