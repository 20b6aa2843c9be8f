import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Hub, startHub } from '../../testing'
import { Browser } from '../frameworks/browser'
import { freePort } from '../frameworks/express'
import { Cluster, startRedis } from './cluster'

const signIns = 500
const browsersAtOnce = 8
const people = Array.from({ length: 40 }, (_, number) => `person-${number}`)

/** A sign-in in a tab of a browser: each for somebody else, so that one taken for another is seen. */
interface Tab {
  number: number
  username: string
  callback: string
}

describe.each([
  { kept: 'sealed cookies and nothing shared', redis: false },
  { kept: 'sessions in Redis', redis: true },
])('two servers with $kept', ({ redis: withRedis }) => {
  let hub: Hub
  let cluster: Cluster
  let redis: Awaited<ReturnType<typeof startRedis>> | undefined

  beforeAll(async () => {
    const port = await freePort()
    const client = {
      clientID: 'an-app',
      clientSecret: 'the secret of an app',
      redirectURIs: [`http://127.0.0.1:${port}/auth/huggingface/callback`],
    }
    hub = await startHub({ clients: [client], people: people.map((username) => ({ username })) })
    if (withRedis) redis = await startRedis()
    cluster = new Cluster(2, {
      HUB_URL: hub.url,
      CLIENT_ID: client.clientID,
      CLIENT_SECRET: client.clientSecret,
      CALLBACK_URL: client.redirectURIs[0] ?? '',
      REDIS_URL: redis?.url ?? '',
    })
    cluster.port = port
    await cluster.start()
  })
  afterAll(async () => {
    await cluster?.stop()
    await hub?.close()
    await redis?.stop()
  })

  test.each([
    ['0', '1'],
    ['1', '0'],
    ['0', '0'],
    ['1', '1'],
  ])('a sign-in begun on server %s ends on server %s', async (begins, ends) => {
    const browser = new Browser(cluster.port)
    const begun = await browser.visit('/auth/huggingface?tab=1', { headers: { 'x-to-server': begins } })
    expect(begun).toMatchObject({ status: 302, headers: { 'x-server': begins } })
    const callback = await hub.signIn(begun.location ?? '', 'person-7')
    expect(await browser.visit(callback, { headers: { 'x-to-server': ends } })).toMatchObject({
      status: 200,
      headers: { 'x-server': ends },
      json: { username: 'person-7', state: { tab: '1' } },
    })
    if (withRedis) {
      expect(await browser.visit('/me', { headers: { 'x-to-server': begins } })).toMatchObject({ json: { username: 'person-7' } })
    }
  })

  test('a callback that one server has dealt with is done for the other', async () => {
    const browser = new Browser(cluster.port)
    const callback = await hub.signIn(await browser.begin('/auth/huggingface', { headers: { 'x-to-server': '0' } }), 'person-7')
    expect(await browser.visit(callback, { headers: { 'x-to-server': '0' } })).toMatchObject({ status: 200 })
    expect(await browser.visit(callback, { headers: { 'x-to-server': '1' } })).toMatchObject({ status: 403 })
  })

  test(`of ${signIns} sign-ins none is lost or mixed up while servers are killed, but what was in flight there`, async () => {
    const outcome = { ended: 0, crossed: 0, inFlight: 0, wrong: [] as string[] }
    let opened = 0
    const killAt = [signIns * 0.3, signIns * 0.65]
    const kills: Promise<void>[] = []

    /** One server at a time, and never the last one. */
    const killAndStartAgain = (number: number) => {
      const before = kills.at(-1) ?? Promise.resolve()
      kills.push(before.then(() => cluster.kill(number)).then(() => cluster.startServer(number)))
    }

    /** A person with up to five tabs, who opens them one by one and comes back in another order. */
    const useBrowser = async (tabs: Tab[]) => {
      const browser = new Browser(cluster.port)
      const begunBy = new Map<Tab, unknown>()
      for (const tab of tabs) {
        let begun = await browser.visit(`/auth/huggingface?tab=${tab.number}`)
        // lost in flight, or no server there yet: they click again
        for (let click = 0; click < 20 && begun.location === undefined; click++)
          begun = await browser.visit(`/auth/huggingface?tab=${tab.number}`)
        begunBy.set(tab, begun.headers['x-server'])
        tab.callback = await hub.signIn(begun.location ?? '', tab.username)
      }
      let lostInFlight = false
      for (const tab of shuffled(tabs)) {
        const { status, text, json, headers } = await browser.visit(tab.callback)
        if (status === 200) {
          expect({ tab: tab.number, ...(json as object) }).toEqual({
            tab: tab.number,
            username: tab.username,
            state: { tab: String(tab.number) },
          })
          outcome.ended += 1
          if (headers['x-server'] !== begunBy.get(tab)) outcome.crossed += 1
        } else if (status === 502 || (lostInFlight && withRedis)) {
          // with sessions, Passport had perhaps changed the session already whose cookie was in that answer
          lostInFlight = true
          outcome.inFlight += 1
        } else outcome.wrong.push(`${status} ${text}`)
        if (outcome.ended >= (killAt[0] ?? Number.POSITIVE_INFINITY)) {
          killAt.shift()
          killAndStartAgain(killAt.length % 2)
        }
      }
    }

    const worker = async () => {
      while (opened < signIns) {
        const count = Math.min(1 + (opened % 5), signIns - opened)
        const tabs = Array.from({ length: count }, (_, at) => ({
          number: opened + at,
          username: people[(opened + at) % people.length] ?? '',
          callback: '',
        }))
        opened += count
        await useBrowser(tabs)
      }
    }
    await Promise.all(Array.from({ length: browsersAtOnce }, worker))
    await Promise.all(kills)

    expect(cluster.accident).toBeUndefined()
    expect(kills).toHaveLength(2)
    expect(outcome.wrong).toEqual([])
    expect(outcome.ended + outcome.inFlight).toBe(signIns)
    // at most one request of each browser was in flight at each of the kills, with at most four tabs after it
    expect(outcome.inFlight).toBeLessThanOrEqual(2 * browsersAtOnce * (withRedis ? 5 : 1))
    expect(outcome.crossed).toBeGreaterThan(signIns / 5)
  })
})

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
