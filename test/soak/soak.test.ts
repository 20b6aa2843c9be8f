import { setTimeout as sleep } from 'node:timers/promises'
import { expect, jest, test } from '@jest/globals'
import type { Page } from '../support/browser'
import { heap, shareProcess, startApp, Visitor } from '../support/process'
import { type Behaviour, type Json, type RawHub, type RawRequest, respond, responseBytes, silent, write } from '../support/raw-hub'

shareProcess()
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

/** One browser: it waits, leaves, or asks again, as chance has it. */
async function visit(port: number, person: string): Promise<Page[]> {
  const visitor = new Visitor(port)
  const callback = (await visitor.consent()).replace(/code=\w+/, `code=${person}`)
  const luck = Math.random()
  if (luck < 0.7) return [await visitor.visit(callback)]
  const leaving = new AbortController()
  visitor.visit(callback, { signal: leaving.signal }).catch(() => {})
  await sleep(Math.random() * 60)
  if (luck < 0.85) leaving.abort()
  // a reload: the first request may be over, under way, or given up
  return luck < 0.8 ? [] : [await visitor.visit(callback)]
}

test.each(['name', 'instance'] as const)(`a process lives through ${signIns} sign-ins by %s`, async (by) => {
  const { port, hub, visitor } = await startApp({ by, strategies: { huggingface: { timeout: 200, restart: true } } })
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
        for (const { status, json } of await visit(port, person)) {
          statuses.push(status)
          if (status === 200) expect(json).toMatchObject({ user: { id: person } })
        }
      }
    }
    await Promise.all(Array.from({ length: atOnce }, run))
    await sleep(400)
    return heap()
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
  expect(await visitor.signIn()).toMatchObject({ status: 200 })
})
