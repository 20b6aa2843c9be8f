const { setTimeout: sleep } = require('node:timers/promises')
const { TestEnvironment } = require('jest-environment-node')

const events = ['warning', 'unhandledRejection', 'uncaughtException']

/**
 * Fails a test file in which the process warns, or something is thrown or rejected with nobody to
 * handle it, up to 50 ms after the last test. A test cannot hear this: its `process` is a copy.
 */
module.exports = class extends TestEnvironment {
  problems = []
  note = (problem) => {
    // such as Node's own, of --experimental-vm-modules
    if (problem?.name !== 'ExperimentalWarning') this.problems.push(problem)
  }

  async setup() {
    await super.setup()
    for (const event of events) process.on(event, this.note)
  }

  async teardown() {
    await sleep(50)
    for (const event of events) process.off(event, this.note)
    await super.teardown()
    const { problems } = this
    if (problems.length > 0) throw new AggregateError(problems, problems.map(String).join())
  }
}
