import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Hub, startHub } from '../../testing'
import { Browser, type Page } from '../support/browser'
import { freePort } from '../support/process'
import { Cluster, startRedis } from './cluster'

const signIns = 500
const browsersAtOnce = 8
const people = Array.from({ length: 40 }, (_, number) => `person-${number}`)

describe.each([
  { kept: 'encrypted cookies and nothing shared', redis: false },
  { kept: 'sessions in Redis', redis: true },
])('two servers with $kept', ({ redis: withRedis }) => {
  let hub: Hub
  let cluster: Cluster
  let redis: Awaited<ReturnType<typeof startRedis>> | undefined

  beforeAll(async () => {
    const port = await freePort()
    const callbackURL = `http://127.0.0.1:${port}/auth/huggingface/callback`
    const client = { clientID: 'an-app', clientSecret: 'the secret of an app', redirectURIs: [callbackURL] }
    hub = await startHub({ clients: [client], people: people.map((username) => ({ username })) })
    if (withRedis) redis = await startRedis()
    cluster = new Cluster(port, 2, {
      HUB_URL: hub.url,
      CLIENT_ID: client.clientID,
      CLIENT_SECRET: client.clientSecret,
      CALLBACK_URL: callbackURL,
      REDIS_URL: redis?.url ?? '',
    })
    await cluster.start()
  })
  afterAll(async () => {
    await cluster?.stop()
    await hub?.close()
    await redis?.stop()
  })

  /** Visits one of the two servers. */
  const at = (server: number, browser: Browser, url: string): Promise<Page> =>
    browser.visit(url, { headers: { 'x-to-server': String(server) } })

  test.each([
    [0, 1],
    [1, 0],
  ])('a sign-in begun on server %i ends on server %i', async (begins, ends) => {
    const browser = new Browser(cluster.port)
    const { location = '' } = await at(begins, browser, '/auth/huggingface?tab=1')
    expect(await at(ends, browser, await hub.signIn(location, 'person-7'))).toMatchObject({
      status: 200,
      headers: { 'x-server': String(ends) },
      json: { username: 'person-7', state: { tab: '1' } },
    })
    if (withRedis) expect(await at(begins, browser, '/me')).toMatchObject({ json: { username: 'person-7' } })
  })

  test('a callback that one server has dealt with begins again on the other, which does not send its code', async () => {
    const browser = new Browser(cluster.port)
    const callback = await hub.signIn((await at(0, browser, '/auth/huggingface')).location ?? '', 'person-7')
    expect(await at(0, browser, callback)).toMatchObject({ status: 200 })
    hub.requests.length = 0
    const again = await at(1, browser, callback)
    expect(again).toMatchObject({ status: 302, location: expect.stringContaining(`${hub.url}/oauth/authorize?`) })
    expect(hub.requests.filter(({ endpoint }) => endpoint === 'token')).toEqual([])
    expect(await at(0, browser, await hub.signIn(again.location ?? '', 'person-7'))).toMatchObject({ status: 200 })
  })

  test(`of ${signIns} sign-ins only what was in flight is lost while servers are killed, and none is mixed up`, async () => {
    const outcome = { ended: 0, crossed: 0, inFlight: 0, wrong: [] as string[] }
    const killAt = [signIns * 0.3, signIns * 0.65]
    /** One server at a time, and never the last one. */
    let kills = Promise.resolve()
    let opened = 0

    /** A person with up to five tabs, each for somebody else, who opens them one by one and comes back in another order. */
    const useBrowser = async (numbers: number[]) => {
      const browser = new Browser(cluster.port)
      const tabs: { number: number; username: string; server: unknown; callback: string }[] = []
      for (const number of numbers) {
        const username = people[number % people.length] ?? ''
        const click = () => browser.visit(`/auth/huggingface?tab=${number}`)
        let begun = await click()
        // lost in flight, or no server there yet: they click again
        for (let clicks = 0; clicks < 20 && begun.location === undefined; clicks += 1) begun = await click()
        tabs.push({ number, username, server: begun.headers['x-server'], callback: await hub.signIn(begun.location ?? '', username) })
      }
      let lostInFlight = false
      for (const { number, username, server, callback } of tabs.sort(() => Math.random() - 0.5)) {
        const { status, text, json, headers } = await browser.visit(callback)
        if (status === 200) {
          expect(json).toEqual({ username, state: { tab: String(number) } })
          outcome.ended += 1
          if (headers['x-server'] !== server) outcome.crossed += 1
        } else if (status === 502 || (lostInFlight && withRedis)) {
          // with sessions, Passport had perhaps changed the session already whose cookie was in that response
          lostInFlight = true
          outcome.inFlight += 1
        } else outcome.wrong.push(`${status} ${text}`)
        if (outcome.ended >= (killAt[0] ?? Number.POSITIVE_INFINITY)) {
          killAt.shift()
          const victim = killAt.length
          kills = kills.then(() => cluster.kill(victim)).then(() => cluster.startServer(victim))
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

    expect([cluster.accident, killAt, outcome.wrong]).toEqual([undefined, [], []])
    expect(outcome.ended + outcome.inFlight).toBe(signIns)
    // at most one request of each browser was in flight at each of the kills, with at most four tabs after it
    expect(outcome.inFlight).toBeLessThanOrEqual(2 * browsersAtOnce * (withRedis ? 5 : 1))
    expect(outcome.crossed).toBeGreaterThan(signIns / 5)
  })
})
