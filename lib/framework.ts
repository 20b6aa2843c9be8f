import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { parse } from 'node:querystring'
import type OAuth2Strategy from 'passport-oauth2'
import { isLoopback } from './config'
import { assertSignIn } from './errors'

/** The request as passport-oauth2's types know it: Express's. */
export type Request = Parameters<OAuth2Strategy['authenticate']>[0]

/** The parts of a request that we read (Express, Koa, Fastify, node:http). */
export interface HostRequest {
  method?: string
  url?: string
  originalUrl?: string
  baseUrl?: string
  query?: unknown
  headers: IncomingHttpHeaders
  protocol?: string
  host?: string
  socket?: { remoteAddress?: string | undefined; encrypted?: boolean }
  app?: { get?: (setting: string) => unknown }
  res?: Partial<ServerResponse>
  ctx?: { res?: Partial<ServerResponse>; protocol?: string; host?: string }
  session?: Record<string, unknown> | null
  next?: (error: unknown) => void
}

/** The response, if it can be reached. In koa-passport `req.res` is a stand-in for `ctx.res`. */
export function responseOf(req: HostRequest): ServerResponse | undefined {
  const response = [req.ctx?.res, req.res].find(
    (each) => typeof each?.setHeader === 'function' && typeof each.getHeader === 'function',
  )
  return response as ServerResponse | undefined
}

/** What to change if `responseOf` returns undefined. */
export const responseIsMissing =
  'the response cannot be reached from the request; set req.res = res before passport.authenticate'

/** The parameters of the request's URL. A repeated one is a list, as in Express. */
export function queryOf(req: HostRequest): Record<string, unknown> {
  const target = req.originalUrl ?? req.url ?? ''
  return Object(req.query ?? parse(target.slice(target.indexOf('?') + 1)))
}

/** Whether nobody has opened this page yet: it must not use up a code. */
export function isPrefetch({ method, headers }: HostRequest): boolean {
  const purpose = `${headers['sec-purpose']} ${headers['purpose']}`
  return method === 'HEAD' || /\b(prefetch|prerender)\b/i.test(purpose)
}

/**
 * Scheme and host of the request, as far as the framework trusts them: `X-Forwarded-` headers count
 * only if the app says so. Undefined if there is no usable host.
 */
export function originOf(req: HostRequest, trustForwarded = false): string | undefined {
  const { app, ctx, headers, socket } = req
  const trustFn = app?.get?.('trust proxy fn')
  const isExpress = typeof trustFn === 'function'
  const trusts = trustForwarded || (isExpress && trustFn(socket?.remoteAddress, 0) === true)
  const forwarded = (name: string) =>
    trusts &&
    String(headers[`x-forwarded-${name}`] ?? '')
      .split(',', 1)[0]
      ?.trim()
  // Fastify and Koa have decided already. Express's own `host` differs between its versions.
  const frameworkHost = ctx?.host || (isExpress ? undefined : req.host)
  // HTTP/2 has no Host header
  const host = frameworkHost || headers[':authority'] || headers.host
  const protocol = ctx?.protocol || req.protocol || (socket?.encrypted ? 'https' : 'http')
  const origin = `${forwarded('proto') || protocol}://${forwarded('host') || host || ''}`
  return /^https?:\/\/[\w.:[\]-]+$/i.test(origin) && URL.canParse(origin) ? origin : undefined
}

/**
 * Whether the request came over https. On a machine of one's own it does not count: serverless-http
 * says so of every request.
 */
export function isHTTPS(req: HostRequest): boolean {
  const { protocol, hostname } = new URL(originOf(req) ?? 'http://localhost')
  return protocol === 'https:' && !isLoopback(hostname)
}

/**
 * The absolute form of `callbackURL`. A relative one starts where the router is mounted.
 *
 * @throws {SignInFailure} invalid_host
 */
export function absoluteURL(
  req: HostRequest,
  callbackURL: string,
  trustForwarded: boolean,
): string {
  if (URL.canParse(callbackURL)) return callbackURL
  const origin = originOf(req, trustForwarded)
  const detail = 'callbackURL is relative, and the request names no usable host.'
  assertSignIn(origin, 'invalid_host', detail, 'This address cannot be used to sign in.', 400)
  return new URL(callbackURL, `${origin}${req.baseUrl ?? ''}/`).href
}
