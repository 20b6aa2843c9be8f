import { expect } from '@jest/globals'
import type { HuggingFaceAuthenticateOptions, HuggingFaceStrategy } from '../../lib'
import { CookieJar } from './browser'
import { authenticate, cookiesOf, newCode, type Outcome, type TestRequest } from './sign-in'

/** A callback URL behind https, where cookies are `__Host-` ones. */
export const secureCallback = 'https://app.example/auth/huggingface/callback'

export interface Arrival extends TestRequest {
  /** Where the browser goes. Its host and scheme are those of the request. */
  address?: string
  options?: HuggingFaceAuthenticateOptions
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

  async visit(strategy: HuggingFaceStrategy, { address = 'https://app.example/', options, headers, ...more }: Arrival): Promise<Visited> {
    const { host, pathname, search, protocol } = new URL(address)
    const freeze = (name: string, value: unknown) => (name && this.freezesSession ? Object.freeze(value) : value)
    const session = this.session && JSON.parse(JSON.stringify(this.session), freeze)
    const request = { protocol: protocol.slice(0, -1), ...(session && { session }), ...more }
    const cookie = this.jar.header(address)
    const all = { url: pathname + search, cookie, headers: { host, ...headers }, ...request }
    const { action, args, res } = await authenticate(strategy, all, options)
    this.session = session
    const setCookie = cookiesOf(res)
    this.jar.keep(address, setCookie)
    return { action, args, setCookie }
  }

  /** Begins a sign-in. Returns the `state` that goes to the Hub. */
  async begin(strategy: HuggingFaceStrategy, arrival: Arrival = {}): Promise<string> {
    const { action, args } = await this.visit(strategy, arrival)
    expect([action, args]).toEqual(['redirect', [expect.any(String)]])
    return stateOf(args[0])
  }

  /** Comes back from the Hub with a code. */
  finish(strategy: HuggingFaceStrategy, state: string, arrival: Arrival = {}): Promise<Visited> {
    return this.callback(strategy, { code: newCode(), state }, arrival)
  }

  /** Comes back having denied, which asks nothing of the Hub. Returns `access_denied` if the sign-in was found, or why it was not. */
  async deny(strategy: HuggingFaceStrategy, state: string, arrival: Arrival = {}): Promise<unknown> {
    const { action, args } = await this.callback(strategy, { error: 'access_denied', state }, arrival)
    return action === 'fail' ? (args[0] as { code: unknown }).code : action
  }

  callback(strategy: HuggingFaceStrategy, query: Record<string, string>, arrival: Arrival = {}): Promise<Visited> {
    return this.visit(strategy, { ...arrival, address: `${arrival.address ?? secureCallback}?${new URLSearchParams(query)}` })
  }

  /** The pending sign-ins that the browser sends to the app: encrypted values by handle. */
  signIns(): Record<string, string> {
    const cookies = this.jar.sentTo(secureCallback).map(([name, value]) => [/^(?:__Host-)?hf-signin\.(.*)/.exec(name)?.[1], value])
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
