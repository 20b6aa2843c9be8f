import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { HuggingFaceStrategy, SignInFailureInfo, StateMeta, StateStore } from '../../lib'
import type { AnyRequest } from '../../lib/request'
import { CookieJar } from '../frameworks/browser'

export const callbackURL = 'https://app.example/auth/huggingface/callback'
export const meta: StateMeta = {
  authorizationURL: 'https://hub.example/oauth/authorize',
  tokenURL: 'https://hub.example/oauth/token',
  clientID: 'an-app',
  callbackURL,
}
export const verifier = 'a-code-verifier-that-nobody-else-may-know-0'

export interface Answer {
  verifier?: unknown
  state?: unknown
  kept?: unknown
  /** Where the store does not know the sign-in. */
  info?: SignInFailureInfo
  setCookie: string[]
}

export interface Arrival {
  meta?: StateMeta
  /** Where the request is sent to. Default: the callback URL. */
  address?: string
  headers?: Record<string, string>
  /** `Set-Cookie` that the response has already. */
  setCookie?: string | string[]
}

export type Action =
  | { action: 'redirect'; url: string }
  | { action: 'success'; user: unknown; info: { state?: unknown } }
  | { action: 'fail'; info: SignInFailureInfo; status: number | undefined }
  | { action: 'error'; error: unknown }

/** Somebody with a browser, in front of a store or a strategy that runs in no framework. */
export class Person {
  readonly jar = new CookieJar()
  /** Put through JSON between requests, as session stores do. */
  session: Record<string, unknown> | undefined
  /** What is in the session cannot be changed, only assigned anew: a store that does otherwise fails. */
  freezesSession = false

  /** Begins a sign-in; the state that goes to the Hub. */
  async begin(store: StateStore, state?: unknown, arrival: Arrival = {}): Promise<string> {
    const { answers } = await this.call(store, 'store', [verifier, state, arrival.meta ?? meta], arrival)
    return String(answers[0])
  }

  async finish(store: StateStore, handle: string, arrival: Arrival = {}): Promise<Answer> {
    const { answers, setCookie } = await this.call(store, 'verify', [handle, arrival.meta ?? meta], arrival)
    const [ok, state, kept] = answers
    return ok ? { verifier: ok, state, kept, setCookie } : { info: state as SignInFailureInfo, setCookie }
  }

  /** One request to the strategy: every action that it takes. */
  async visit(strategy: HuggingFaceStrategy, address: string, options: object = {}): Promise<Action[]> {
    const { req, leave } = this.arrive({ address })
    const actions: Action[] = []
    await new Promise<void>((resolve) => {
      const take = (action: Action) => {
        actions.push(action)
        resolve()
      }
      const perRequest = Object.assign(Object.create(strategy), {
        redirect: (url: string) => take({ action: 'redirect', url }),
        success: (user: unknown, info: object) => take({ action: 'success', user, info }),
        fail: (info: SignInFailureInfo, status?: number) => take({ action: 'fail', info, status }),
        error: (error: unknown) => take({ action: 'error', error }),
      }) as HuggingFaceStrategy
      perRequest.authenticate(req as never, options)
    })
    // what comes too late comes within a few turns
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    leave()
    return actions
  }

  /** The sign-in cookies that go to the app: sealed values by state. */
  get sealed(): Record<string, string> {
    const cookies = this.jar.sentTo(callbackURL).filter(([name]) => name.startsWith('__Host-hf-signin.') && !name.endsWith('.used'))
    return Object.fromEntries(cookies.map(([name, value]) => [name.slice('__Host-hf-signin.'.length), value]))
  }

  replant(handle: string, sealed: string): void {
    this.jar.set(callbackURL, `__Host-hf-signin.${handle}`, sealed)
  }

  private arrive({ address = callbackURL, headers = {}, setCookie }: Arrival) {
    const { host, pathname, search, protocol, searchParams } = new URL(address)
    const res = new ServerResponse(new IncomingMessage(new Socket()))
    if (setCookie) res.setHeader('Set-Cookie', setCookie)
    const cookie = this.jar.header(address)
    const session = this.session && JSON.parse(JSON.stringify(this.session))
    if (this.freezesSession) deepFreeze(session)
    const req: AnyRequest = {
      method: 'GET',
      url: pathname + search,
      query: Object.fromEntries(searchParams),
      headers: { host, ...(cookie && { cookie }), ...headers },
      protocol: protocol.slice(0, -1),
      res,
      ...(session && { session: { ...session } }),
    }
    const leave = () => {
      if (req.session) this.session = req.session
      const lines = [res.getHeader('Set-Cookie') ?? []].flat().map(String)
      this.jar.keep(address, lines)
      return lines
    }
    return { req, leave }
  }

  private async call(store: StateStore, method: 'store' | 'verify', args: unknown[], arrival: Arrival) {
    const { req, leave } = this.arrive(arrival)
    const answers = await new Promise<unknown[]>((resolve, reject) => {
      const done = (error: unknown, ...values: unknown[]) => (error ? reject(error) : resolve(values))
      const call = store[method] as (...all: unknown[]) => unknown
      call.call(store, req, ...args, done)
    })
    return { answers, setCookie: leave() }
  }
}

function deepFreeze(value: unknown): void {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
}
