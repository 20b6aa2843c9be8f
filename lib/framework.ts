import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type OAuth2Strategy from 'passport-oauth2'

/** The request as passport-oauth2's types know it: Express's. */
export type Request = Parameters<OAuth2Strategy['authenticate']>[0]

/** The parts of a request that we read (Express, Koa, Fastify, node:http). */
export interface HostRequest {
  method?: string
  url?: string
  originalUrl?: string
  baseUrl?: string
  query?: unknown
  headers?: IncomingHttpHeaders
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

/** The parameters of the request's URL. A repeated one is a list, as in Express. */
export function queryOf(req: HostRequest): Record<string, unknown> {
  if (typeof req.query === 'object' && req.query !== null) {
    return req.query as Record<string, unknown>
  }
  const target = req.originalUrl ?? req.url ?? ''
  const parameters = new URLSearchParams(
    target.includes('?') ? target.slice(target.indexOf('?')) : '',
  )
  const query: Record<string, unknown> = Object.create(null)
  for (const name of parameters.keys()) {
    const values = parameters.getAll(name)
    query[name] = values.length > 1 ? values : values[0]
  }
  return query
}

/** Whether nobody has opened this page yet: it must not use up a code. */
export function isPrefetch(req: HostRequest): boolean {
  const { 'sec-purpose': secPurpose, purpose } = req.headers ?? {}
  return req.method === 'HEAD' || /\b(prefetch|prerender)\b/i.test(`${secPurpose} ${purpose}`)
}

/**
 * Scheme and host of the request, as far as the framework trusts them: `X-Forwarded-` headers count
 * only if the app says so. Undefined if there is no usable host.
 */
export function originOf(req: HostRequest, trustForwarded = false): string | undefined {
  const forwarded = (name: string) =>
    String(req.headers?.[`x-forwarded-${name}`] ?? '')
      .split(',')[0]
      ?.trim()
  const expressTrust = req.app?.get?.('trust proxy fn')
  const isExpress = typeof expressTrust === 'function'
  const trusts =
    trustForwarded || (isExpress && expressTrust(req.socket?.remoteAddress, 0) === true)
  // Fastify and Koa have decided already. Express's own `host` differs between its versions.
  const frameworkHost = req.ctx?.host || (isExpress ? undefined : req.host)
  // HTTP/2 has no Host header
  const host = req.headers?.[':authority'] ?? req.headers?.host
  const protocol = req.ctx?.protocol || req.protocol || (req.socket?.encrypted ? 'https' : 'http')
  const origin = `${(trusts && forwarded('proto')) || protocol}://${(trusts && forwarded('host')) || frameworkHost || host}`
  return /^https?:\/\/[\w.:[\]-]+$/i.test(origin) && URL.canParse(origin) ? origin : undefined
}

/** The absolute form of `callbackURL`. A relative one starts where the router is mounted. */
export function absoluteURL(
  req: HostRequest,
  callbackURL: string,
  trustForwarded: boolean,
): string | undefined {
  if (URL.canParse(callbackURL)) return callbackURL
  const origin = originOf(req, trustForwarded)
  return origin && new URL(callbackURL, `${origin}${req.baseUrl ?? ''}/`).href
}
