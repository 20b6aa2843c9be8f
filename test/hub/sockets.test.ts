import http from 'node:http'
import { expect, test } from '@jest/globals'
import { responseBytes, write } from '../support/raw-hub'
import { finallyDo, startRawHub, strategyFor, watchSignIns } from '../support/sign-in'

watchSignIns()

test("an agent that the app has put in the place of Node's carries every request", async () => {
  const hub = await startRawHub()
  const { globalAgent } = http
  let used = 0
  class ProxyAgent extends http.Agent {
    override createConnection(...args: Parameters<http.Agent['createConnection']>) {
      used += 1
      return super.createConnection(...args)
    }
  }
  http.globalAgent = new ProxyAgent()
  finallyDo(() => {
    http.globalAgent = globalAgent
  })
  const { strategy } = strategyFor(hub)
  const { accessToken } = await strategy.refreshAccessToken('opaque')
  await strategy.fetchProfile(accessToken)
  expect([used, hub.requests.length]).toEqual([2, 2])
})

test('a response without a length is whole when the Hub ends the connection', async () => {
  const hub = await startRawHub()
  hub.answers.userinfo = write(() => responseBytes(hub.userinfo(), { headers: { 'content-length': undefined } }), 'FIN')
  expect(await strategyFor(hub).strategy.fetchProfile('opaque')).toMatchObject({ username: 'ada' })
})
