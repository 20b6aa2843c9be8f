import type { ServerResponse } from 'node:http'

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

/** Resolves with `true` if the fault took care of the response. */
export async function applyFault(fault: EndpointFault, res: ServerResponse): Promise<boolean> {
  const { delay, status, body, headers, hang, cut } = fault
  if (delay !== undefined) {
    await wait(delay, res)
  }
  if (res.closed || hang) {
    return true
  }
  if (cut) {
    res.writeHead(status ?? 200, { 'content-type': 'application/json', 'content-length': '1000' })
    res.write('{"cut":', () => res.destroy())
    return true
  }
  if (status === undefined && body === undefined) {
    return false
  }
  const isText = typeof body === 'string'
  const contentType = isText ? 'text/plain; charset=utf-8' : 'application/json'
  res.writeHead(status ?? 200, { 'content-type': contentType, ...headers })
  res.end(isText ? body : JSON.stringify(body ?? { error: `Fault with status ${status}` }))
  return true
}

/** Ends early if the connection closes, so that no timer outlives the Hub. */
async function wait(delay: number, res: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, delay)
    res.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
