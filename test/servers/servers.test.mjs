// Several processes of an app, of which each request reaches the next one. Some are killed meanwhile.
import assert from 'node:assert/strict'
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { startHub } from 'passport-huggingface/testing'
import { throughProxy, Visitor } from '../support/visitor.mjs'

/** For each way of keeping them. */
const signIns = 250
const browsersAtOnce = 8
const people = Array.from({ length: 40 }, (_, number) => `person-${number}`)
const origin = 'http://127.0.0.1:3000'
const redirectURIs = [`${origin}/auth/huggingface/callback`]
const client = { clientID: 'an-app', clientSecret: 'the secret of an app', redirectURIs }

for (const [kept, withRedis] of [
  ['encrypted cookies and nothing shared', false],
  ['sessions in Redis', true],
]) {
  describe(`two servers with ${kept}`, { timeout: 120_000 }, () => {
    /** By number: child process and port. Those that are killed leave a gap. */
    const servers = []
    const accidents = []
    const ends = []
    let hub
    let environment

    before(async () => {
      hub = await startHub({ clients: [client], people: people.map((username) => ({ username })) })
      ends.push(() => hub.close())
      const redis = withRedis && (await startRedis())
      if (redis) ends.push(redis.stop)
      const [CALLBACK_URL] = redirectURIs
      const { clientID: CLIENT_ID, clientSecret: CLIENT_SECRET } = client
      environment = { HUB_URL: hub.url, CLIENT_ID, CLIENT_SECRET, CALLBACK_URL, REDIS_URL: redis ? redis.url : '' }
      for (const number of [0, 1]) await startServer(number)
    })
    after(async () => {
      for (const number of [0, 1]) await kill(number)
      for (const end of ends) await end()
    })

    async function startServer(number) {
      const env = { ...process.env, ...environment, SERVER: String(number) }
      const child = fork(path.join(import.meta.dirname, 'app.mjs'), { env, execArgv: ['--max-old-space-size=64'] })
      const onExit = (code, signal) => accidents.push(`server ${number} ended by itself: ${code ?? signal}`)
      child.once('exit', onExit)
      const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')])
      assert.deepEqual(accidents, [])
      servers[number] = { child, port: message.port, onExit }
    }

    /** Without warning, in the middle of whatever it does. */
    async function kill(number) {
      if (servers[number] === undefined) return
      const { child, onExit } = servers[number]
      servers[number] = undefined
      child.off('exit', onExit).kill('SIGKILL')
      await once(child, 'exit')
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
          return await throughProxy(server.port)(url, init)
        } catch ({ code }) {
          return code === 'ECONNREFUSED' ? this.relay(url, init) : new Response('lost in flight', { status: 502 })
        }
      }
      at(server, address) {
        this.server = server
        return this.get(address)
      }
    }

    for (const [begins, ends] of [
      [0, 1],
      [1, 0],
    ]) {
      test(`a sign-in begun on server ${begins} ends on server ${ends}`, async () => {
        const browser = new Browser()
        const { location } = await browser.at(begins, '/auth/huggingface?tab=1')
        const { status, json } = await browser.at(ends, await hub.signIn(location, 'person-7'))
        assert.deepEqual([status, json], [200, { username: 'person-7', state: { tab: '1' }, server: String(ends) }])
        if (withRedis) assert.equal((await browser.at(begins, '/me')).json.username, 'person-7')
      })
    }

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

    test(`of ${signIns} sign-ins only what was in flight is lost while servers are killed, and none is mixed up`, async () => {
      const outcome = { ended: 0, crossed: 0, inFlight: 0, wrong: [] }
      const killAt = [signIns * 0.3, signIns * 0.65]
      /** One server at a time, and never the last one. */
      let kills = Promise.resolve()
      let opened = 0

      /** A person with up to five tabs, each for somebody else, who opens them one by one and comes back in another order. */
      const useBrowser = async (numbers) => {
        const browser = new Browser()
        const tabs = []
        for (const number of numbers) {
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
          if (outcome.ended >= (killAt[0] ?? Number.POSITIVE_INFINITY)) {
            killAt.shift()
            const victim = killAt.length
            kills = kills.then(() => kill(victim)).then(() => startServer(victim))
          }
        }
      }

      const worker = async () => {
        while (opened < signIns) {
          const first = opened
          opened = Math.min(first + 1 + (first % 5), signIns)
          await useBrowser(Array.from({ length: opened - first }, (_, tab) => first + tab))
        }
      }
      await Promise.all(Array.from({ length: browsersAtOnce }, worker))
      await kills

      assert.deepEqual([accidents, killAt, outcome.wrong], [[], [], []])
      assert.equal(outcome.ended + outcome.inFlight, signIns)
      // at most one request of each browser was in flight at each of the kills, with at most four tabs after it
      assert.ok(outcome.inFlight <= 2 * browsersAtOnce * (withRedis ? 5 : 1), JSON.stringify(outcome))
      assert.ok(outcome.crossed > signIns / 5, JSON.stringify(outcome))
    })
  })
}

/** A Redis of the test's own, that keeps nothing on disk. */
async function startRedis() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  await once(probe.close(), 'close')
  const folder = mkdtempSync(path.join(tmpdir(), 'redis-'))
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', maxmemory: '64mb', dir: folder }
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const redis = spawn('redis-server', flags, { stdio: ['ignore', 'pipe', 'ignore'] })
  const stop = async () => {
    if (redis.kill('SIGKILL')) await once(redis, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
  await new Promise((resolve, reject) => {
    redis.once('error', (cause) => reject(new Error('redis-server does not start (apt-get install redis-server)', { cause })))
    redis.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)))
    createInterface(redis.stdout).on('line', (line) => /ready to accept connections/i.test(line) && resolve())
  })
  return { url: `redis://127.0.0.1:${port}`, stop }
}
