import type { ServerResponse } from 'node:http'

/** How an endpoint misbehaves. Without `status`, `body`, `hang` and `cut` it answers as usual, only later. */
export interface EndpointFault {
  /** Milliseconds to wait before anything else. */
  delay?: number
  /** Answer with this status. Default with a `body`: 200. */
  status?: number
  /** Answer with this text, or this object as JSON. */
  body?: string | object
  /** More headers for that answer, `Retry-After` for one. */
  headers?: Record<string, string>
  /** Never answer; the connection stays open. */
  hang?: boolean
  /** Close the connection in the middle of the answer. */
  cut?: boolean
}

/** What goes wrong at the local Hub, until the next `hub.faults = {}`. */
export interface Faults {
  /** Everybody denies every app. */
  deny?: boolean
  /** Authorization codes have expired when they come to the token endpoint. */
  expireCode?: boolean
  token?: EndpointFault
  userinfo?: EndpointFault
  jwks?: EndpointFault
}

/** Misbehaves as asked. Returns whether the request was dealt with. */
export async function applyFault(fault: EndpointFault, res: ServerResponse): Promise<boolean> {
  if (fault.delay !== undefined) {
    const { delay } = fault
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delay)
      // The asker may give up, and the Hub may close: neither may leave a timer behind.
      res.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
  if (res.closed || fault.hang) {
    return true
  }
  if (fault.cut) {
    res.writeHead(fault.status ?? 200, { 'content-type': 'application/json', 'content-length': '1000' })
    res.write('{"cut":', () => res.destroy())
    return true
  }
  if (fault.status === undefined && fault.body === undefined) {
    return false
  }
  const isText = typeof fault.body === 'string'
  res.writeHead(fault.status ?? 200, {
    'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
    ...fault.headers,
  })
  res.end(isText ? fault.body : JSON.stringify(fault.body ?? { error: `Fault with status ${fault.status}` }))
  return true
}
