import { randomUUID } from 'node:crypto'
import { Agent, type IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { afterAll, afterEach, expect, jest } from '@jest/globals'
import { type HuggingFaceAuthenticateOptions, HuggingFaceStrategy, type HuggingFaceStrategyOptions } from '../../lib/index'
import { clientID, clientSecret, type Json, RawHub, respond } from './raw-hub'
import { secretsIn } from './secrets'
import { until } from './until'

export const callbackURL = 'http://127.0.0.1:4567/auth/huggingface/callback'

/** One of Passport's actions, and what it was called with. */
export interface Outcome {
  action: 'success' | 'fail' | 'redirect' | 'pass' | 'error'
  args: unknown[]
}

/** What was done for each request of this file: one thing each, if all is well. */
const answered: Outcome[][] = []
/** What the failures and errors of this test say, and the codes that none of them may show. */
const told: unknown[] = []
const codes: string[] = []
const hubs: RawHub[] = []
const atEnd: (() => unknown)[] = []

/**
 * Checks after each test of the file: one action for each request, no secret in it, no connection
 * left. Anything thrown or rejected that nobody handles fails the test without our help.
 */
export function watchSignIns(): void {
  // for machines that have much else to do
  jest.setTimeout(30_000)
  const expectOneActionEach = () => expect(answered.filter((outcomes) => outcomes.length !== 1)).toEqual([])
  afterEach(async () => {
    jest.restoreAllMocks()
    for (const done of atEnd.splice(0)) await done()
    const ended = hubs.splice(0)
    await Promise.all(ended.map((hub) => hub.drained().finally(() => hub.close())))
    expectOneActionEach()
    const secrets = ended.flatMap((hub) => [...hub.secrets])
    expect(secretsIn(told.splice(0), [...secrets, ...codes.splice(0)])).toEqual([])
  })
  afterAll(expectOneActionEach)
}

type HubOptions = Parameters<typeof RawHub.start>[0]

/** A Hub that is gone when the test is over. */
export async function startRawHub(options: HubOptions = {}): Promise<RawHub> {
  const hub = await RawHub.start(options)
  hubs.push(hub)
  if (options.keepAlive) finallyDo(() => hub.hangUp())
  return hub
}

/** Something to undo when the test is over, before its Hubs are asked for open connections. */
export function finallyDo(undo: () => unknown): void {
  atEnd.push(undo)
}

export interface TestRequest {
  url?: string
  cookie?: string
  headers?: IncomingHttpHeaders
  /** Whatever else a framework puts on its request. An undefined one takes away the usual, such as `res`. */
  [field: string]: unknown
}

/** Runs a request through a strategy as Passport does by name: on a copy that has the actions. */
export async function authenticate(
  strategy: HuggingFaceStrategy,
  { cookie, headers, ...fields }: TestRequest = {},
  options?: HuggingFaceAuthenticateOptions,
) {
  const req = new IncomingMessage(new Socket())
  const usual = { res: new ServerResponse(req), method: 'GET', url: '/auth/huggingface' }
  Object.assign(req, usual, { headers: { host: '127.0.0.1:4567', ...(cookie && { cookie }), ...headers } }, fields)
  const res = (fields['res'] as ServerResponse | undefined) ?? usual.res
  const outcomes: Outcome[] = []
  answered.push(outcomes)
  const outcome = await new Promise<Outcome>((resolve, reject) => {
    const bound = setTimeout(() => reject(new Error('no action within eight seconds')), 8000)
    const take = (action: Outcome['action']) => {
      return (...args: unknown[]) => {
        clearTimeout(bound)
        outcomes.push({ action, args })
        if (action === 'fail' || action === 'error') told.push(...args)
        resolve({ action, args })
      }
    }
    const actions = { success: take('success'), fail: take('fail'), redirect: take('redirect'), pass: take('pass'), error: take('error') }
    const attempt: HuggingFaceStrategy = Object.assign(Object.create(strategy), actions)
    attempt.authenticate(req as unknown as Parameters<HuggingFaceStrategy['authenticate']>[0], options)
  })
  return {
    ...outcome,
    res,
    cookie: cookiesOf(res)
      .map((line) => line.split(';')[0])
      .join('; '),
  }
}

/** The `Set-Cookie` lines of a response. */
export const cookiesOf = (res: ServerResponse): string[] => [res.getHeader('set-cookie') ?? []].flat().map(String)

/** A strategy for this hub, with a verify that takes everybody and keeps their profiles. */
export function strategyFor(hub: Pick<RawHub, 'url'>, options: Partial<HuggingFaceStrategyOptions> = {}) {
  const verified: unknown[] = []
  const usual = { clientID, clientSecret, callbackURL, hubURL: hub.url, scope: 'openid profile', timeout: 4000 }
  const strategy = new HuggingFaceStrategy({ ...usual, ...options }, (_accessToken, _refreshToken, profile, done) => {
    verified.push(profile)
    done(null, profile ?? 'somebody')
  })
  return { strategy, verified }
}

/** A Hub and a strategy. If warm, somebody has signed in over a connection that is kept; the keys are yet to come. */
export async function start(options: Partial<HuggingFaceStrategyOptions> = {}, { warm = false, keepAlive = false } = {}) {
  const hub = await startRawHub({ keepAlive: keepAlive || warm })
  const agent = new Agent({ keepAlive: true })
  finallyDo(() => agent.destroy())
  const { strategy, verified } = strategyFor(hub, { agent, ...options })
  if (warm) {
    const { jwks } = hub.answers
    hub.answers.jwks = respond({}, { status: 500, keepAlive: true })
    expect(await signIn(strategy, { scope: 'profile' })).toMatchObject({ action: 'success' })
    hub.answers.jwks = jwks
    verified.length = 0
    await until(() => Object.keys(agent.freeSockets).length > 0)
  }
  return { hub, strategy, verified, agent }
}

/** A code that no failure or error may show. */
export function newCode(): string {
  const code = `code/+${randomUUID()}`
  codes.push(code)
  return code
}

/** First leg. The second is `comeBack`, with a code unless its query says otherwise: undefined leaves a parameter out. */
export async function begin(strategy: HuggingFaceStrategy, options?: HuggingFaceAuthenticateOptions) {
  const { action, args, cookie } = await authenticate(strategy, {}, options)
  expect([action, args]).toEqual(['redirect', [expect.any(String)]])
  const url = new URL(String(args[0]))
  const state = url.searchParams.get('state') ?? ''
  const comeBack = (change: Json = {}, request: TestRequest = {}) => {
    const pairs = Object.entries({ code: newCode(), state, ...change }).filter(([, value]) => value !== undefined)
    return authenticate(strategy, { url: '/auth/huggingface/callback', query: Object.fromEntries(pairs), cookie, ...request }, options)
  }
  return { url, state, cookie, comeBack }
}

/** Both legs, with the person's consent. Resolves with what the second did. */
export async function signIn(strategy: HuggingFaceStrategy, options?: HuggingFaceAuthenticateOptions): Promise<Outcome> {
  return (await begin(strategy, options)).comeBack()
}

/** The error that a sign-in ended in. */
export function errorOf(outcome: Outcome): Error & Record<string, unknown> {
  expect(outcome).toMatchObject({ action: 'error', args: [expect.any(Error)] })
  return outcome.args[0] as Error & Record<string, unknown>
}
