import { type IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { expect, jest } from '@jest/globals'
import type { HuggingFaceAuthenticateOptions, HuggingFaceStrategy } from '../../lib'
import { CookieJar } from './browser'
import type { RawHub } from './raw-hub'
import { authenticate, type Outcome } from './sign-in'

/** A callback URL behind https, where cookies are `__Host-` ones. */
export const secureCallback = 'https://app.example/auth/huggingface/callback'

export interface Arrival {
  /** Where the browser goes. Its host and scheme are those of the request. */
  address?: string
  method?: string
  headers?: IncomingHttpHeaders
  /** The scheme that the framework tells, if it is not that of the address. */
  protocol?: string
  /** A framework whose request does not lead to its response. */
  res?: undefined
  options?: HuggingFaceAuthenticateOptions
  /** `Set-Cookie` that the response has already. */
  setCookie?: string | string[]
}

type Visited = Outcome & { setCookie: string[] }

/** Somebody with a browser, and perhaps a session, in front of a strategy that runs in no framework. */
export class Person {
  readonly jar = new CookieJar()
  /** Put through JSON between requests, as session stores do. */
  session: Record<string, unknown> | undefined
  /** Lets what is in the session be assigned anew, but not changed: some session stores would not notice. */
  freezesSession = false

  constructor(session?: Record<string, unknown>) {
    this.session = session
  }

  async visit(strategy: HuggingFaceStrategy, address: string, arrival: Arrival = {}): Promise<Visited> {
    const { options, setCookie, headers, ...more } = arrival
    const { host, pathname, search, protocol } = new URL(address)
    const res = new ServerResponse(new IncomingMessage(new Socket()))
    if (setCookie) res.setHeader('Set-Cookie', setCookie)
    const session = this.session && JSON.parse(JSON.stringify(this.session))
    if (this.freezesSession) for (const value of Object.values(session)) deepFreeze(value)
    const request = { protocol: protocol.slice(0, -1), res, ...(session && { session }), ...more }
    const cookie = this.jar.header(address)
    const outcome = await authenticate(strategy, { url: pathname + search, cookie, headers: { host, ...headers }, ...request }, options)
    this.session = session
    const lines = [res.getHeader('Set-Cookie') ?? []].flat().map(String)
    this.jar.keep(address, lines)
    return { ...outcome, setCookie: lines }
  }

  /** Begins a sign-in. Returns the `state` that goes to the Hub. */
  async begin(strategy: HuggingFaceStrategy, arrival: Arrival = {}): Promise<string> {
    const { action, args } = await this.visit(strategy, arrival.address ?? 'https://app.example/auth/huggingface', arrival)
    expect([action, args]).toEqual(['redirect', [expect.any(String)]])
    return stateOf(args[0])
  }

  /** Comes back from the Hub with a code. */
  finish(hub: RawHub, strategy: HuggingFaceStrategy, state: string, arrival: Arrival = {}): Promise<Visited> {
    return this.callback(strategy, { code: hub.secret('code/+'), state }, arrival)
  }

  /** Comes back having denied, which asks nothing of the Hub. Returns `access_denied` if the sign-in was found, or why it was not. */
  async deny(strategy: HuggingFaceStrategy, state: string, arrival: Arrival = {}): Promise<unknown> {
    return codeOf(await this.callback(strategy, { error: 'access_denied', state }, arrival))
  }

  callback(strategy: HuggingFaceStrategy, query: Record<string, string>, arrival: Arrival = {}): Promise<Visited> {
    return this.visit(strategy, `${arrival.address ?? secureCallback}?${new URLSearchParams(query)}`, arrival)
  }

  /** The pending sign-ins that the browser sends to an address: encrypted values by handle. */
  signIns(address = secureCallback): Record<string, string> {
    const cookies = this.jar.sentTo(address).map(([name, value]) => [/^(?:__Host-)?hf-signin\.(.*)/.exec(name)?.[1], value])
    return Object.fromEntries(cookies.filter(([handle]) => handle !== undefined))
  }

  /** The handles of the pending sign-ins that this browser has, oldest first: by cookie or by session. */
  pending(): string[] {
    const inSession = Object(this.session?.['huggingface:sign-ins']) as object
    return [...Object.keys(this.signIns()), ...Object.keys(inSession)].sort()
  }

  /** Puts a cookie for a sign-in into the browser. */
  plant(handle: string, value: string, prefix = '__Host-hf-signin.'): void {
    this.jar.set(secureCallback, prefix + handle, value)
  }
}

/** The `state` of an authorization URL. */
export function stateOf(authorizationURL: unknown): string {
  return new URL(String(authorizationURL)).searchParams.get('state') ?? ''
}

/** The code of a failure. */
export function codeOf({ action, args: [info] }: Outcome): unknown {
  return action === 'fail' ? (info as { code: unknown }).code : action
}

function deepFreeze(value: unknown): void {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
}

/** Makes each reading of the clock a millisecond later, so that of two sign-ins one is the older. Jest's `restoreAllMocks` ends it. */
export function tickClock(): void {
  let now = Date.now()
  jest.spyOn(Date, 'now').mockImplementation(() => (now += 1))
}
