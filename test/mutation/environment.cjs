const http = require('node:http')
const https = require('node:https')
const { TestEnvironment } = require('jest-environment-node')

const { ClientRequest, get, request } = http
const secure = { get: https.get, request: https.request }

/** Its inputs are random: it would find a mutant in one run and not in the next. */
const leftOut = / is verified by jose as it is here/

/** This one takes a second on an idle machine. */
const slow = / the latest ten thousand are remembered$/

/** In milliseconds. No other test takes longer than half a second on an idle machine. */
const longest = 3000

/** Runs no further test of a file after one that failed. Stryker itself waits for all of them. */
module.exports = class extends TestEnvironment {
  failed = false

  async handleTestEvent({ name, test }, state) {
    if (name === 'test_start') {
      const title = `${test.parent.name} ${test.name}`
      if (this.failed || leftOut.test(title)) test.mode = 'skip'
      // a mutant that makes the test wait for ever is found after this time
      state.testTimeout = slow.test(title) ? 10 * longest : longest
    }
    if (name === 'test_done' && test.errors.length > 0) this.failed = true
  }

  async teardown() {
    // what nock has replaced, if the test that puts it back was left out
    Object.assign(http, { ClientRequest, get, request })
    Object.assign(https, secure)
    await super.teardown()
  }
}
