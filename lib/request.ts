import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { refused } from './errors'

/** What is read of a request, whichever framework made it: Express, Koa (through koa-passport), Fastify or plain Node. */
export interface AnyRequest {
  method?: string
  url?: string
  originalUrl?: string
  baseUrl?: string
  query?: unknown
  headers?: IncomingHttpHeaders
  protocol?: string
  host?: string
  socket?: Pick<Socket, 'once' | 'removeListener' | 'remoteAddress' | 'destroyed'> & { encrypted?: boolean }
  app?: { get?: (setting: string) => unknown }
  res?: Partial<ServerResponse>
  ctx?: { res?: Partial<ServerResponse>; protocol?: string; host?: string }
  session?: Record<string, unknown> | null
}

/** What the Hub sent back through the browser. */
export interface Callback {
  state: string
  code: string | undefined
  error: string | undefined
  /** What else the Hub said; not checked. */
  description: unknown
  uri: unknown
  /** RFC 9207 */
  iss: string | undefined
}

/** Characters that no parameter of an honest callback exceeds. */
const longestParameter = 4096

/**
 * The callback's parameters, or undefined where this request begins a sign-in.
 *
 * @throws {SignInFailure} invalid_callback, state_missing
 */
export function readCallback(req: AnyRequest): Callback | undefined {
  const query = queryOf(req)
  // `code[]` and `code[x]` are attempts at a callback too: to begin a sign-in for them would make a loop
  if (!Object.keys(query).some((name) => /^(code|error)(\[|$)/.test(name))) return undefined
  const single = (name: string): string | undefined => {
    const value = query[name]
    if (value === undefined) return undefined
    if (typeof value === 'string' && value !== '' && value.length <= longestParameter) return value
    throw refused('invalid_callback', `The callback's "${name}" is not a single value of a sane length. Begin the sign-in again.`, 400)
  }
  const code = single('code')
  const error = single('error')
  if ((code === undefined) === (error === undefined)) {
    throw refused('invalid_callback', 'A callback carries either a code or an error. Begin the sign-in again.', 400)
  }
  const state = single('state')
  if (state === undefined) {
    throw refused('state_missing', 'The callback has no state, so this app did not ask for it. Begin the sign-in again.')
  }
  return { state, code, error, description: query['error_description'], uri: query['error_uri'], iss: single('iss') }
}

function queryOf(req: AnyRequest): Record<string, unknown> {
  if (typeof req.query === 'object' && req.query !== null) return req.query as Record<string, unknown>
  const target = req.originalUrl ?? req.url ?? ''
  const parameters = new URLSearchParams(target.includes('?') ? target.slice(target.indexOf('?')) : '')
  const values = (name: string) => (parameters.getAll(name).length > 1 ? parameters.getAll(name) : parameters.get(name))
  return Object.fromEntries([...new Set(parameters.keys())].map((name) => [name, values(name)]))
}

/** A HEAD, and what a browser fetches before anybody has clicked, must not use up a code. */
export function isSpeculative(req: AnyRequest): boolean {
  const purpose = `${req.headers?.['sec-purpose'] ?? ''} ${req.headers?.['purpose'] ?? ''}`
  return req.method === 'HEAD' || /\b(prefetch|prerender)\b/i.test(purpose)
}

/** The response, where the framework lets it be reached from the request. koa-passport's `req.res` is a stand-in; the real one is the context's. */
export function responseOf(req: AnyRequest): ServerResponse | undefined {
  const response = [req.ctx?.res, req.res].find(
    (candidate) => typeof candidate?.setHeader === 'function' && typeof candidate.getHeader === 'function',
  )
  return response as ServerResponse | undefined
}

/** Scheme and host of the request, as far as the framework trusts them: an `X-Forwarded-` header counts only where the app has said so. None where it names no host. */
export function originOf(req: AnyRequest, trustForwarded = false): string | undefined {
  const forwarded = (name: string) =>
    String(req.headers?.[`x-forwarded-${name}`] ?? '')
      .split(',')[0]
      ?.trim()
  const express = req.app?.get?.('trust proxy fn')
  const trusts = trustForwarded || (typeof express === 'function' && express(req.socket?.remoteAddress, 0) === true)
  const authority = req.headers?.[':authority'] ?? req.headers?.host
  // Fastify and Koa have decided already; Express's own `host` differs between its versions
  const host = (trusts && forwarded('host')) || req.ctx?.host || (typeof express !== 'function' && req.host) || authority
  const protocol = (trusts && forwarded('proto')) || req.ctx?.protocol || req.protocol || (req.socket?.encrypted ? 'https' : 'http')
  const origin = `${protocol}://${host}`
  return /^https?:\/\/[\w.:[\]-]+$/i.test(origin) && URL.canParse(origin) ? origin : undefined
}

/** An absolute `callbackURL`: a relative one starts where the app is mounted. */
export function absoluteCallbackURL(req: AnyRequest, callbackURL: string | undefined, trustForwarded: boolean): string | undefined {
  if (callbackURL === undefined || URL.canParse(callbackURL)) return callbackURL
  const origin = originOf(req, trustForwarded)
  if (!origin) {
    throw new Error('callbackURL is relative and this request does not say which host it was sent to; give an absolute callbackURL')
  }
  return new URL(callbackURL, `${origin}${req.baseUrl ?? ''}/`).href
}

/** Aborted when the browser closes its connection, and when `stop` ends the watch. */
export function untilBrowserLeaves(req: AnyRequest): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController()
  // with a reason, since without one each sign-in would make an error for it, stack and all
  const leave = () => controller.abort('the browser has left')
  const { socket } = req
  if (socket?.destroyed) leave()
  socket?.once?.('close', leave)
  const stop = () => {
    socket?.removeListener?.('close', leave)
    leave()
  }
  return { signal: controller.signal, stop }
}
