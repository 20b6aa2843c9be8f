import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, jest, test } from '@jest/globals'
import { Browser } from '../support/browser'
import { stateOf } from '../support/person'
import type { Behaviour, Json, RawRequest } from '../support/raw-hub'
import { clientID, clientSecret, RawHub, respond, responseBytes, silent, write } from '../support/raw-hub'

jest.setTimeout(60_000)

const signIns = 2000
const atOnce = 50

/** Person 7 comes with the code of-7, and gets the token hf_oauth_of-7. */
const personOf = ({ form, headers }: RawRequest): string =>
  form.get('code') ?? String(headers['authorization']).replace('Bearer hf_oauth_', '')

function tokens(request: RawRequest, hub: RawHub, claims: Json = {}): Json {
  const sub = personOf(request)
  return { ...hub.tokens(request, { sub, ...claims }), access_token: `hf_oauth_${sub}` }
}

function truth(request: RawRequest, hub: RawHub): Json {
  if (request.endpoint === 'token') return tokens(request, hub)
  return request.endpoint === 'userinfo' ? { sub: personOf(request), name: 'Somebody' } : { keys: [hub.key.jwk] }
}

const keepAlive = true
const honest = respond(truth, { keepAlive })
const part = (request: RawRequest, hub: RawHub) => responseBytes(truth(request, hub), { keepAlive }).subarray(0, -9)
/** These hang up without a byte, so that the code may be sent once more. */
const hangUps = [write('', 'FIN'), write('', 'RST')]
/** One for each way that a request can end. */
const faults: Behaviour[] = [
  ...hangUps,
  silent,
  write(part),
  write(part, 'RST'),
  write('HTTP/1.1 101 Some Words\r\nConnection: Upgrade\r\nUpgrade: else\r\n\r\n'),
  write('no HTTP at all\r\n\r\n'),
  respond('no JSON at all', { keepAlive }),
  respond({}, { status: 503, keepAlive }),
  respond({ sub: 'a third', keys: [], access_token: 'hf_oauth_another' }, { keepAlive }),
  respond((request, hub) => tokens(request, hub, { nonce: 'of another' }), { keepAlive }),
]

/** Somebody who has consented at the Hub, and what the Hub sends them back to. */
async function consent(origin: string, person: string) {
  const visitor = new Browser(origin)
  return { visitor, callback: `/auth/huggingface/callback?code=${person}&state=${stateOf(await visitor.begin())}` }
}

/** One browser: it waits, leaves, or asks again, as chance has it. */
async function visit(origin: string, person: string) {
  const { visitor, callback } = await consent(origin, person)
  const luck = Math.random()
  if (luck < 0.7) return [await visitor.visit(callback)]
  const leaving = new AbortController()
  visitor.visit(callback, { signal: leaving.signal }).catch(() => {})
  await sleep(Math.random() * 60)
  if (luck < 0.85) leaving.abort()
  // a reload: the first request may be over, under way, or given up
  return luck < 0.8 ? [] : [await visitor.visit(callback)]
}

let hub: RawHub
let app: { line: string; stop: () => Promise<string> }
afterEach(async () => {
  await app?.stop()
  await hub.close()
})

test.each(['name', 'instance'])(`a process lives through ${signIns} sign-ins by %s`, async (by) => {
  hub = await RawHub.start({ keepAlive })
  const { start } = await import('../support/program.mjs')
  const client = { HF_HUB_URL: hub.url, HF_CLIENT_ID: clientID, HF_CLIENT_SECRET: clientSecret }
  const env = { ...process.env, NODE_OPTIONS: '', ...client, TIMEOUT: '200', BY_INSTANCE: by === 'instance' ? 'yes' : '' }
  app = await start(process.execPath, ['--expose-gc', join(__dirname, '../support/app.mjs')], { env })
  const closed = new Set<string>()
  const answer: Behaviour = (...asked) => {
    const luck = Math.random()
    if (luck < 0.7) return honest(...asked)
    if (luck < 0.8) return setTimeout(honest, Math.random() * 150, ...asked)
    const fault = faults[Math.floor(Math.random() * faults.length)] ?? silent
    if (hangUps.includes(fault)) closed.add(personOf(asked[1]))
    return fault(...asked)
  }
  Object.assign(hub.answers, { token: answer, userinfo: answer, jwks: answer })

  const statuses: number[] = []
  let begun = 0
  /** Runs many browsers at once, and answers with the memory in use when all is over. */
  const runUntil = async (end: number) => {
    const run = async () => {
      while (begun < end) {
        const person = `of-${begun++}`
        for (const { status, json } of await visit(app.line, person)) {
          statuses.push(status)
          if (status === 200) expect(json).toMatchObject({ user: { id: person } })
        }
      }
    }
    await Promise.all(Array.from({ length: atOnce }, run))
    await sleep(400)
    return Number(await (await fetch(`${app.line}/heap`)).json())
  }
  const early = await runUntil(signIns / 4)
  const late = await runUntil(signIns)

  expect(statuses.filter((status) => ![200, 302, 403, 502, 504].includes(status))).toEqual([])
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(signIns / 4)
  expect(late - early).toBeLessThan(4 * 2 ** 20)
  const sent = new Map<string, number>()
  for (const code of hub.to('token').map(personOf)) sent.set(code, (sent.get(code) ?? 0) + 1)
  expect([...sent].filter(([code, times]) => times > (closed.has(code) ? 2 : 1))).toEqual([])
  // and when the Hub is itself again, so is the app
  Object.assign(hub.answers, { token: honest, userinfo: honest, jwks: honest })
  const { visitor, callback } = await consent(app.line, 'of-the-end')
  expect(await visitor.visit(callback)).toMatchObject({ status: 200 })
  expect(await app.stop()).toBe('')
})
