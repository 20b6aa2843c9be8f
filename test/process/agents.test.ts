import { describe, expect, jest, test } from '@jest/globals'
import { type AppConfig, startApp, startHub, Visitor } from '../support/process'
import { respond } from '../support/raw-hub'

jest.setTimeout(20_000)

async function start(config: AppConfig) {
  const hub = await startHub({ keepAlive: true })
  const app = await startApp(hub, config)
  return { hub, app, visitor: new Visitor(app) }
}

test('an agent that is nothing but addRequest, as of tunnel, signs in', async () => {
  const { app, visitor } = await start({ strategies: { huggingface: { agent: 'tunnel' } } })
  for (let times = 0; times < 2; times += 1) {
    expect(await visitor.signIn()).toMatchObject({ status: 200 })
  }
  expect((await app.log()).agentUsed).toBeGreaterThanOrEqual(2)
})

test("an agent that the app has put in the place of Node's is used", async () => {
  const { app, visitor } = await start({ globalAgent: true })
  expect(await visitor.signIn()).toMatchObject({ status: 200 })
  expect((await app.log()).agentUsed).toBeGreaterThanOrEqual(2)
})

describe('of two strategies for one Hub', () => {
  test.each(['refused', 'hanging'] as const)('one whose agent is dead (%s) does not keep the other from signing in', async (agent) => {
    const { visitor } = await start({ strategies: { dead: { agent, timeout: 6000 }, huggingface: { timeout: 2000 } } })
    await visitor.begin({}, 'dead')
    // a visit is given up after five seconds
    expect(await visitor.signIn()).toMatchObject({ status: 200 })
  })

  test('each verifies by keys that it has fetched itself', async () => {
    const { hub, visitor } = await start({ strategies: { lax: { agent: 'own' }, huggingface: {} } })
    expect(await visitor.signIn({}, 'lax')).toMatchObject({ status: 200 })
    hub.answers.jwks = respond({}, { status: 500, keepAlive: true })
    const body = { code: 'unexpected_status', phase: 'jwks' }
    expect(await visitor.signIn()).toMatchObject({ status: 502, body })
    expect(await visitor.signIn({}, 'lax')).toMatchObject({ status: 200 })
  })
})
