import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from './pages'

/** How an endpoint misbehaves. With `delay` alone it responds as usual, only later. */
export interface EndpointFault {
  /** Wait this many milliseconds first. */
  delay?: number
  /** Respond with this status. Default: 200 if there is a `body`. */
  status?: number
  /** Respond with this text, or with this object as JSON. */
  body?: string | object
  /** More headers of that response, for example `Retry-After`. */
  headers?: Record<string, string>
  /** Never respond, and keep the connection open. */
  hang?: boolean
  /** Close the connection in the middle of the response. */
  cut?: boolean
}

/** What goes wrong on the local Hub, until `hub.faults = {}`. */
export interface Faults {
  /** Everyone denies every app. */
  deny?: boolean
  /** Authorization codes have expired when they reach the token endpoint. */
  expireCode?: boolean
  token?: EndpointFault
  userinfo?: EndpointFault
  jwks?: EndpointFault
}

/** @internal Resolves with `true` if the fault took care of the response. */
export async function applyFault(fault: EndpointFault, ctx: Context): Promise<boolean> {
  const { delay = 0, status, body, headers = {}, hang, cut } = fault
  // Without a reference, the timer keeps no process alive whose Hub is closed.
  await sleep(delay, undefined, { ref: false })
  if (cut) {
    ctx.res.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
    ctx.res.write('{"cut":', () => ctx.res.destroy())
  }
  if (hang || cut) return new Promise(() => {})
  if (status === undefined && body === undefined) return false
  ctx.status = status ?? 200
  ctx.set(headers)
  ctx.body = body ?? { error: `Fault with status ${status}` }
  return true
}
