import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, jest, test } from '@jest/globals'
import { type Answer, heap, shareProcess, startApp, Visitor } from '../support/process'
import {
  type Behaviour,
  type Json,
  type RawHub,
  type RawRequest,
  respond,
  responseBytes,
  rsaKey,
  signedToken,
  silent,
  write,
} from '../support/raw-hub'

shareProcess()
jest.setTimeout(60_000)

const signIns = 2000
const atOnce = 50
const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31))

/** Mulberry32: numbers from 0 up to 1, the same ones for the same seed. */
function randomNumbers(state: number): () => number {
  let a = state
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

// The person, and what is theirs: person 7 comes with the code of-7 and gets the token hf_oauth_of-7.

const personOf = (request: RawRequest): string =>
  request.form.get('code') ?? String(request.headers['authorization']).replace('Bearer hf_oauth_', '')

function tokens(request: RawRequest, hub: RawHub, claims: Json = {}): Json {
  const sub = personOf(request)
  return { ...hub.tokens(request, { sub, ...claims }), access_token: `hf_oauth_${sub}` }
}

const userinfo = (request: RawRequest): Json => ({ sub: personOf(request), name: 'Somebody' })

const truth = (request: RawRequest, hub: RawHub): Json => {
  if (request.endpoint === 'token') return tokens(request, hub)
  return request.endpoint === 'userinfo' ? userinfo(request) : { keys: [hub.key.jwk] }
}

/** Makes a Hub answer as chance has it; `closed` gathers codes that it hung up on without a byte. */
async function lie(hub: RawHub, random: () => number, closed: Set<string>): Promise<void> {
  const { privateKey } = await rsaKey('of nobody')
  const keepAlive = true
  const honest = respond(truth, { keepAlive })
  const bytes = (options: object) => (request: RawRequest) => responseBytes(truth(request, hub), { keepAlive, ...options })
  const close =
    (end: 'FIN' | 'RST'): Behaviour =>
    (...asked) => {
      closed.add(personOf(asked[1]))
      return write('', end)(...asked)
    }
  const faults: Behaviour[] = [
    silent,
    close('FIN'),
    close('RST'),
    write((request) => bytes({})(request).subarray(0, 60), 'RST'),
    write((request) => bytes({})(request).subarray(0, -9), 'FIN'),
    write(bytes({ headers: { 'content-length': undefined } })),
    write(bytes({ headers: { 'content-encoding': 'constructor' } })),
    write('HTTP/1.1 101 Some Words\r\nConnection: Upgrade\r\nUpgrade: else\r\n\r\n'),
    write('no HTTP at all\r\n\r\n'),
    respond('no JSON at all', { keepAlive }),
    respond({ error: 'Too Many Requests' }, { status: 429, keepAlive }),
    respond({}, { status: 503, keepAlive }),
    respond((request) => tokens(request, hub, { nonce: 'of another' }), { keepAlive }),
    respond((request) => tokens(request, hub, { sub: 'a second' }), { keepAlive }),
    respond(
      (request) => {
        const token = signedToken({ alg: 'RS256', kid: 'new' }, hub.claims(request), privateKey)
        return { ...tokens(request, hub), id_token: token }
      },
      { keepAlive },
    ),
    respond({ sub: 'a third', keys: [], access_token: 'hf_oauth_another' }, { keepAlive }),
  ]
  const answer: Behaviour = (...asked) => {
    const luck = random()
    if (luck < 0.7) return honest(...asked)
    if (luck < 0.8) return setTimeout(() => honest(...asked), random() * 150)
    return faults[Math.floor(random() * faults.length)]?.(...asked)
  }
  Object.assign(hub.answers, { token: answer, userinfo: answer, jwks: answer })
}

/** One browser: it waits, leaves, or asks again, as chance has it. */
async function visit(url: string, person: string, random: () => number): Promise<Answer[]> {
  const visitor = new Visitor(url)
  const callback = (await visitor.begin()).replace(/code=\w+/, `code=${person}`)
  const luck = random()
  if (luck < 0.7) return [await visitor.get(callback)]
  const socket = visitor.open(callback)
  await sleep(random() * 60)
  if (luck < 0.85) socket.destroy()
  if (luck < 0.8) return []
  // a reload: the first request may be over, under way, or given up
  const answer = await visitor.get(callback)
  socket.destroy()
  return [answer]
}

test.each(['name', 'instance'] as const)(`a process lives through ${signIns} sign-ins by %s (SEED=${seed})`, async (by) => {
  const random = randomNumbers(seed)
  const { url, hub, visitor } = await startApp({ by, strategies: { huggingface: { timeout: 200, restart: true } } })
  const closed = new Set<string>()
  await lie(hub, random, closed)
  const counts: Record<number, number> = {}
  let begun = 0
  const run = async (until: number) => {
    while (begun < until) {
      const person = `of-${begun++}`
      for (const { status, answers, body } of await visit(url, person, random)) {
        counts[status] = (counts[status] ?? 0) + 1
        if (status === 200) expect(body['user']).toMatchObject({ id: person })
        expect(answers).toBe(1)
      }
    }
  }
  /** Runs many browsers at once, and answers with the memory in use when all is over. */
  const runAll = async (until: number) => {
    await Promise.all(Array.from({ length: atOnce }, () => run(until)))
    await sleep(400)
    return heap()
  }
  const early = await runAll(signIns / 4)
  const late = await runAll(signIns)

  expect(Object.keys(counts).filter((status) => !/^(200|302|403|502|504)$/.test(status))).toEqual([])
  expect(counts[200]).toBeGreaterThan(signIns / 4)
  expect(late - early).toBeLessThan(4 * 2 ** 20)
  const sent = new Map<string, number>()
  for (const request of hub.to('token')) {
    sent.set(personOf(request), (sent.get(personOf(request)) ?? 0) + 1)
  }
  const repeated = [...sent].filter(([code, times]) => times > (closed.has(code) ? 2 : 1))
  expect(repeated).toEqual([])
  // and when the Hub is itself again, so is the app
  const honest = respond(truth, { keepAlive: true })
  Object.assign(hub.answers, { token: honest, userinfo: honest, jwks: honest })
  expect(await visitor.signIn()).toMatchObject({ status: 200 })
})
