// Two processes of an app. A person's requests reach now one, now the other.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startHub } from 'passport-huggingface/testing'
import { Browser, toPort } from '../support/browser.js'
import { start } from '../support/program.mjs'

const origin = 'http://127.0.0.1:3000'

for (const [kept, withRedis] of [
  ['encrypted cookies and nothing shared', false],
  ['sessions in Redis', true],
]) {
  describe(`two servers with ${kept}`, { timeout: 120_000 }, () => {
    const servers = []
    const folder = mkdtempSync(path.join(tmpdir(), 'servers-'))
    let hub
    let redis

    before(async () => {
      hub = await startHub()
      const socket = withRedis ? path.join(folder, 'redis') : ''
      const settings = ['--port', '0', '--unixsocket', socket, '--save', '', '--maxmemory', '64mb']
      if (withRedis) redis = spawn('redis-server', settings, { cwd: folder, stdio: 'ignore' })
      const env = { ...process.env, HF_HUB_URL: hub.url, REDIS: socket }
      const args = [path.join(import.meta.dirname, withRedis ? 'app.mjs' : '../support/app.mjs')]
      for (const number of [0, 1]) servers[number] = await start(process.execPath, args, { env })
    })
    after(async () => {
      for (const { stop } of servers) await stop()
      redis?.kill('SIGKILL')
      await hub.close()
      rmSync(folder, { recursive: true })
    })

    /** One request, which reaches that server. */
    const visit = (browser, number, address) => {
      browser.send = toPort(new URL(servers[number].line).port)
      return browser.visit(address)
    }

    test('a callback that one server has dealt with begins again on the other, which does not send its code', async () => {
      const browser = new Browser(origin)
      const callback = await hub.signIn((await visit(browser, 0, '/auth/huggingface')).location, 'ada')
      assert.equal((await visit(browser, 0, callback)).status, 200)
      hub.requests.length = 0
      const again = await visit(browser, 1, callback)
      assert.equal(again.location.split('?')[0], `${hub.url}/oauth/authorize`)
      assert.ok(!hub.requests.some(({ endpoint }) => endpoint === 'token'))
      assert.equal((await visit(browser, 0, await hub.signIn(again.location, 'ada'))).status, 200)
    })

    test('when a server is killed in the middle of a sign-in, this one and all others end on the other server', async () => {
      const browser = new Browser(origin)
      const tabs = []
      for (const username of ['ada', 'bo', 'chidi', 'dana', 'emi']) {
        const { location } = await visit(browser, tabs.length % 2, '/auth/huggingface')
        tabs.push({ username, callback: await hub.signIn(location, username) })
      }
      hub.requests.length = 0
      hub.faults = { token: { hang: true } }
      const inFlight = assert.rejects(visit(browser, 0, tabs[0].callback))
      while (hub.requests.length === 0) await sleep(10)
      hub.faults = {}
      await servers[0].stop()
      await inFlight
      for (const { username, callback } of tabs.reverse()) {
        assert.equal((await visit(browser, 1, callback)).json.user.username, username)
      }
      if (withRedis) assert.equal((await visit(browser, 1, '/')).json.user.username, 'ada')
    })
  })
}
