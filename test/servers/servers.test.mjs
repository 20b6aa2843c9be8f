// Several processes of an app, of which each request reaches the next one. Some are killed meanwhile.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startHub } from 'passport-huggingface/testing'
import { start } from '../support/program.mjs'
import { throughProxy, Visitor } from '../support/visitor.mjs'

/** For each way of keeping them. */
const signIns = 250
const browsersAtOnce = 8
const people = Array.from({ length: 40 }, (_, number) => `person-${number}`)
const origin = 'http://127.0.0.1:3000'
const callbackURL = `${origin}/auth/huggingface/callback`
const client = { clientID: 'an-app', clientSecret: 'the secret of an app', redirectURIs: [callbackURL] }

for (const [kept, withRedis] of [
  ['encrypted cookies and nothing shared', false],
  ['sessions in Redis', true],
]) {
  describe(`two servers with ${kept}`, { timeout: 120_000 }, () => {
    /** By number. One that is killed leaves a gap until there is another. */
    const servers = []
    const folder = mkdtempSync(path.join(tmpdir(), 'servers-'))
    let hub
    let redis
    let environment

    before(async () => {
      hub = await startHub({ clients: [client], people: people.map((username) => ({ username })) })
      const socket = withRedis ? path.join(folder, 'redis') : ''
      const settings = ['--port', '0', '--unixsocket', socket, '--save', '', '--maxmemory', '64mb']
      if (withRedis) redis = spawn('redis-server', settings, { cwd: folder, stdio: 'ignore' })
      const { clientID, clientSecret } = client
      const app = { CLIENT_ID: clientID, CLIENT_SECRET: clientSecret, CALLBACK_URL: callbackURL }
      environment = { ...process.env, ...app, HUB_URL: hub.url, REDIS: socket }
      for (const number of [0, 1]) await startServer(number)
    })
    after(async () => {
      for (const server of servers) await server?.stop()
      redis?.kill('SIGKILL')
      await hub.close()
      rmSync(folder, { recursive: true })
    })

    async function startServer(number) {
      const app = path.join(import.meta.dirname, 'app.mjs')
      servers[number] = await start(process.execPath, ['--max-old-space-size=64', app], { env: environment })
    }

    /** Kills a server in the middle of whatever it does, and starts another. */
    async function replace(number) {
      const server = servers[number]
      servers[number] = undefined
      assert.ok(server.isRunning())
      await server.stop()
      await startServer(number)
    }

    let turn = 0
    /** A browser, and a proxy that gives its requests to one server, or to the next that runs. What had not reached a server goes to another. */
    class Browser extends Visitor {
      server
      constructor() {
        super(hub, origin, (url, init) => this.relay(url, init))
      }
      async relay(url, init) {
        const running = servers.filter((each) => each !== undefined)
        const server = this.server === undefined ? running[turn++ % running.length] : servers[this.server]
        this.reached = servers.indexOf(server)
        try {
          return await throughProxy(server.line)(url, init)
        } catch ({ code }) {
          return code === 'ECONNREFUSED' ? this.relay(url, init) : new Response('lost in flight', { status: 502 })
        }
      }
      at(server, address) {
        this.server = server
        return this.get(address)
      }
    }

    test('a sign-in begun on one server ends on the other', async () => {
      const browser = new Browser()
      const { location } = await browser.at(0, '/auth/huggingface?tab=1')
      const { status, json } = await browser.at(1, await hub.signIn(location, 'person-7'))
      assert.deepEqual([status, json], [200, { username: 'person-7', state: { tab: '1' } }])
      if (withRedis) assert.equal((await browser.at(0, '/me')).json.username, 'person-7')
    })

    test('a callback that one server has dealt with begins again on the other, which does not send its code', async () => {
      const browser = new Browser()
      const callback = await hub.signIn((await browser.at(0, '/auth/huggingface')).location, 'person-7')
      assert.equal((await browser.at(0, callback)).status, 200)
      hub.requests.length = 0
      const again = await browser.at(1, callback)
      assert.equal(again.location.split('?')[0], `${hub.url}/oauth/authorize`)
      assert.ok(!hub.requests.some(({ endpoint }) => endpoint === 'token'))
      assert.equal((await browser.at(0, await hub.signIn(again.location, 'person-7'))).status, 200)
    })

    test('of hundreds of sign-ins only what was in flight is lost while servers are killed, and none is mixed up', async () => {
      const outcome = { ended: 0, crossed: 0, inFlight: 0, wrong: [] }
      const killAt = [signIns * 0.3, signIns * 0.65]
      /** One server at a time, and never the last one. */
      let kills = Promise.resolve()
      let opened = 0

      /** A person with five tabs, each for somebody else, who opens them one by one and comes back in another order. */
      const useBrowser = async () => {
        const browser = new Browser()
        const tabs = []
        for (let tab = 0; tab < 5; tab++) {
          const number = opened++
          const username = people[number % people.length]
          let begun
          // lost in flight: they click again
          do begun = await browser.get(`/auth/huggingface?tab=${number}`)
          while (begun.status === 502)
          tabs.push({ number, username, server: browser.reached, callback: await hub.signIn(begun.location, username) })
        }
        let lostInFlight = false
        for (const { number, username, server, callback } of tabs.sort(() => Math.random() - 0.5)) {
          const { status, body, json } = await browser.get(callback)
          if (status === 200) {
            assert.deepEqual([json.username, json.state], [username, { tab: String(number) }])
            outcome.ended++
            if (browser.reached !== server) outcome.crossed++
          } else if (status === 502 || (lostInFlight && withRedis)) {
            // with sessions, Passport had perhaps changed the session already whose cookie was in that response
            lostInFlight = true
            outcome.inFlight++
          } else outcome.wrong.push(`${status} ${body}`)
          if (outcome.ended >= killAt[0]) {
            killAt.shift()
            const victim = killAt.length
            kills = kills.then(() => replace(victim))
          }
        }
      }

      const worker = async () => {
        while (opened < signIns) await useBrowser()
      }
      await Promise.all(Array.from({ length: browsersAtOnce }, worker))
      await kills

      const survivors = servers.map((server) => server.isRunning())
      assert.deepEqual([survivors, killAt, outcome.wrong], [[true, true], [], []])
      assert.equal(outcome.ended + outcome.inFlight, opened)
      // at most one request of each browser was in flight at each of the kills, with at most four tabs after it
      assert.ok(outcome.inFlight <= 2 * browsersAtOnce * (withRedis ? 5 : 1), JSON.stringify(outcome))
      assert.ok(outcome.crossed > signIns / 5, JSON.stringify(outcome))
    })
  })
}
