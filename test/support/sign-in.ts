import { Agent, type IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, expect, jest } from '@jest/globals'
import { type HuggingFaceAuthenticateOptions, HuggingFaceStrategy, type HuggingFaceStrategyOptions } from '../../lib/index'
import { clientID, clientSecret, RawHub, respond } from './raw-hub'
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
/** What the failures and errors of this test say. */
let told: unknown[] = []
let hubs: RawHub[] = []
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
    for (const done of atEnd.splice(0)) await done()
    const ended = hubs
    hubs = []
    await Promise.all(ended.map((hub) => hub.drained().finally(() => hub.close())))
    await sleep(0)
    expectOneActionEach()
    const secrets = ended.flatMap((hub) => [...hub.secrets])
    const shown = told
    told = []
    expect(secretsIn(shown, secrets)).toEqual([])
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
  url: string
  cookie?: string
  headers?: IncomingHttpHeaders
  /** Whatever else a framework puts on its request. An undefined one takes away the usual, such as `res`. */
  [field: string]: unknown
}

/** Runs a request through a strategy as Passport does by name: on a copy that has the actions. */
export async function authenticate(
  strategy: HuggingFaceStrategy,
  { url, cookie = '', headers, ...fields }: TestRequest,
  options?: HuggingFaceAuthenticateOptions,
): Promise<Outcome & { cookie: string }> {
  const req = new IncomingMessage(new Socket())
  const res = new ServerResponse(req)
  Object.assign(req, { res, method: 'GET', url, headers: { host: '127.0.0.1:4567', cookie, ...headers }, ...fields })
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
  const lines = [res.getHeader('set-cookie') ?? []].flat().map(String)
  return { ...outcome, cookie: lines.map((line) => line.split(';')[0]).join('; ') }
}

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
export async function start(warm = false, options: Partial<HuggingFaceStrategyOptions> = {}, hubOptions: HubOptions = {}) {
  const hub = await startRawHub({ keepAlive: warm, ...hubOptions })
  const agent = new Agent({ keepAlive: true })
  finallyDo(() => agent.destroy())
  const { strategy, verified } = strategyFor(hub, { agent, ...options })
  if (warm) {
    const { jwks } = hub.answers
    hub.answers.jwks = respond({}, { status: 500, keepAlive: true })
    expect(await signIn(hub, strategy, { scope: 'profile' })).toMatchObject({ action: 'success' })
    hub.answers.jwks = jwks
    verified.length = 0
    await until(() => Object.keys(agent.freeSockets).length > 0)
  }
  return { hub, strategy, verified, agent }
}

/** First leg, the person's consent, second leg; resolves with what the second leg did. */
export async function signIn(hub: RawHub, strategy: HuggingFaceStrategy, options?: HuggingFaceAuthenticateOptions): Promise<Outcome> {
  const { url, cookie } = await begin(strategy, options)
  return finish(hub, strategy, url, cookie, options)
}

export async function begin(strategy: HuggingFaceStrategy, options?: HuggingFaceAuthenticateOptions) {
  const { action, args, cookie } = await authenticate(strategy, { url: '/auth/huggingface' }, options)
  expect([action, args]).toEqual(['redirect', [expect.any(String)]])
  return { url: new URL(String(args[0])), cookie }
}

export function finish(
  hub: RawHub,
  strategy: HuggingFaceStrategy,
  authorizationURL: URL,
  cookie: string,
  options?: HuggingFaceAuthenticateOptions,
): Promise<Outcome> {
  const query = new URLSearchParams({ code: hub.secret('code/+'), state: authorizationURL.searchParams.get('state') ?? '' })
  return authenticate(strategy, { url: `/auth/huggingface/callback?${query}`, cookie }, options)
}

/** The error that a sign-in ended in. */
export function errorOf(outcome: Outcome): Error & Record<string, unknown> {
  expect(outcome).toMatchObject({ action: 'error', args: [expect.any(Error)] })
  return outcome.args[0] as Error & Record<string, unknown>
}
