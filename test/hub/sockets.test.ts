import { EventEmitter } from 'node:events'
import http, { type ClientRequest } from 'node:http'
import net from 'node:net'
import { expect, test } from '@jest/globals'
import { responseBytes, write } from '../support/raw-hub'
import { finallyDo, signIn, startRawHub, strategyFor, watchSignIns } from '../support/sign-in'

watchSignIns()

test("an agent that is nothing but addRequest, as npm's tunnel is, carries every request", async () => {
  const hub = await startRawHub()
  let used = 0
  const addRequest = (request: ClientRequest, { host, port }: { host: string; port: number }) => {
    used += 1
    request.onSocket(net.connect(port, host))
  }
  const agent = Object.assign(new EventEmitter(), { addRequest }) as unknown as http.Agent
  expect(await signIn(hub, strategyFor(hub, { agent }).strategy)).toMatchObject({ action: 'success' })
  expect([used, hub.requests.length]).toEqual([3, 3])
})

test("an agent that the app has put in the place of Node's carries every request", async () => {
  const hub = await startRawHub()
  const { globalAgent } = http
  class ProxyAgent extends http.Agent {
    used = 0
    addRequest(...args: unknown[]) {
      this.used += 1
      Object.getPrototypeOf(ProxyAgent.prototype).addRequest.apply(this, args)
    }
  }
  const agent = new ProxyAgent()
  http.globalAgent = agent
  finallyDo(() => {
    http.globalAgent = globalAgent
  })
  expect(await signIn(hub, strategyFor(hub).strategy)).toMatchObject({ action: 'success' })
  expect([agent.used, hub.requests.length]).toEqual([3, 3])
})

test('a response without a length is whole when the Hub ends the connection', async () => {
  const hub = await startRawHub()
  const headers = { 'content-length': undefined }
  hub.answers.token = write((request) => responseBytes(hub.tokens(request), { headers }), 'FIN')
  hub.answers.userinfo = write(() => responseBytes(hub.userinfo(), { headers }), 'FIN')
  expect(await signIn(hub, strategyFor(hub).strategy)).toMatchObject({ action: 'success', args: [{ username: 'ada' }, {}] })
})
