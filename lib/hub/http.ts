import http, { type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import https from 'node:https'
import { HubError, type HubErrorCode, type HubPhase, type HubResponseDetails } from '../errors'
import { requestId, sanitizedCause } from './display-text'

export interface HubRequest {
  phase: HubPhase
  method: string
  url: string
  headers: OutgoingHttpHeaders
  body?: string | undefined
  /** For the whole request, from connecting to the last byte, in milliseconds. */
  timeout: number
  agent?: http.Agent | undefined
}

interface ResponseHead {
  status: number
  headers: IncomingHttpHeaders
}

export interface HubResponse extends ResponseHead {
  body: string
}

/** Maximum size of a response body, in bytes. */
const maxBodySize = 1024 * 1024

/** How long an idle connection is kept for the next sign-in, in milliseconds. */
const idleTimeout = 60_000

/**
 * Sends one request and resolves with the complete response. Redirects are not followed.
 *
 * @throws {HubError} timeout, connection_failed, response_too_large, response_truncated or
 * invalid_response
 */
export async function send(request: HubRequest): Promise<HubResponse> {
  const { phase, url, method, headers, timeout } = request
  const library = url.startsWith('https:') ? https : http
  const { agent = defaultAgent(library) } = request
  // Node gives each address of a host 250 ms, which is less than a slow handshake takes.
  const autoSelectFamilyAttemptTimeout = Math.max(Math.ceil(timeout / 2), 10)
  const options = { method, headers, agent, autoSelectFamilyAttemptTimeout }
  let outgoing: http.ClientRequest | undefined
  let isExpired = false
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      isExpired = true
      const message = `no complete response within ${timeout} ms; is the Hub reachable?`
      reject(new HubError('timeout', phase, message))
    }, timeout)
  })

  const exchange = async (): Promise<HubResponse> => {
    for (let attempt = 1; ; attempt++) {
      const sent = library.request(url, options)
      outgoing = sent
      let isReused = false
      let bytesBefore = 0
      sent.on('socket', (socket) => {
        isReused = sent.reusedSocket
        bytesBefore = socket.bytesRead
        // Deno sends such a request again, even one that was destroyed (denoland/deno#36786).
        sent.reusedSocket = false
      })
      try {
        const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
          // These listeners stay: a socket may fail again later, and that must not be unhandled.
          sent.on('response', resolve)
          sent.on('error', reject)
          // A 101 response emits neither of them.
          sent.on('close', () => reject(new Error('closed without a response')))
          sent.end(request.body)
        })
        const body = await readBody(response, phase)
        // Complete, so the agent may keep the connection.
        outgoing = undefined
        return { status: response.statusCode ?? 0, headers: response.headers, body }
      } catch (error) {
        // The Hub may close a kept connection just as it is used again. Not one byte of a response
        // came then, so even a code is sent once more, over a new connection. The Hub takes it once.
        const wasDead = isReused && sent.socket?.bytesRead === bytesBefore
        if (!wasDead || attempt > 1 || isExpired) throw error
        // Other idle connections are probably dead too. Some agents do not name theirs.
        for (const idle of Object.values(agent.freeSockets ?? {}).flat()) idle?.destroy()
      }
    }
  }

  try {
    return await Promise.race([exchange(), deadline])
  } catch (error) {
    if (error instanceof HubError) throw error
    const cause = sanitizedCause(error)
    const message = `the request failed (${cause.message})`
    throw new HubError('connection_failed', phase, message, { cause })
  } finally {
    clearTimeout(timer)
    outgoing?.destroy()
  }
}

async function readBody(response: http.IncomingMessage, phase: HubPhase): Promise<string> {
  const { statusCode: status = 0, headers } = response
  const chunks: Buffer[] = []
  let size = 0
  const isCut = await new Promise<boolean>((resolve) => {
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > maxBodySize) resolve(false)
      else chunks.push(chunk)
    })
    response.on('end', () => resolve(false))
    response.on('error', () => resolve(true)).on('close', () => resolve(true))
  })
  const fail = (code: HubErrorCode, message: string) =>
    new HubError(code, phase, message, responseDetails({ status, headers }))
  if (isCut) throw fail('response_truncated', 'the response was cut short')
  if (size > maxBodySize) {
    throw fail('response_too_large', `the response exceeds ${maxBodySize} bytes`)
  }
  // We ask for no content encoding. If there is one, only the status is of use.
  const encoding = headers['content-encoding']?.trim().toLowerCase() || 'identity'
  if (encoding === 'identity' || size === 0) {
    // RFC 8259 8.1: a byte order mark may be ignored
    return Buffer.concat(chunks)
      .toString()
      .replace(/^\ufeff/, '')
  }
  if (status >= 300) return ''
  throw fail('invalid_response', 'the response has an unexpected content encoding')
}

/** What a response says in addition to its body, for error messages. */
export function responseDetails({ status, headers }: ResponseHead): HubResponseDetails {
  const id = requestId(headers['x-request-id'])
  const after = headers['retry-after'] ?? ''
  return {
    hubStatus: status,
    ...(id === undefined ? {} : { requestId: id }),
    // RFC 9110 10.2.3. A date is of no use, unless the clocks agree.
    ...(/^\d{1,9}$/.test(after) ? { retryAfter: Number(after) } : {}),
  }
}

const agents = new Map<unknown, http.Agent>()

/**
 * One agent for the process, so that a strategy made for one request finds open connections too.
 * An agent that the app has put in place of Node's own, such as a proxy agent, is respected.
 */
function defaultAgent({ Agent, globalAgent }: typeof http | typeof https): http.Agent {
  if (globalAgent.constructor !== Agent) return globalAgent
  const { options } = globalAgent as https.Agent
  const agent =
    agents.get(Agent) ?? new Agent({ ...options, keepAlive: true, timeout: idleTimeout })
  agents.set(Agent, agent)
  return agent
}
