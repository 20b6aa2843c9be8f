import http, { type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import https from 'node:https'
import type { TcpSocketConnectOpts } from 'node:net'
import { promisify } from 'node:util'
import { answerDetails, HubError, type HubErrorCode, type HubPhase } from './errors'

export interface Exchange {
  phase: HubPhase
  method: string
  url: string
  headers: OutgoingHttpHeaders
  body?: string | undefined
  /** Milliseconds, from connecting to the last byte. */
  timeout: number
  /** Aborted when the browser has left. */
  signal?: AbortSignal | undefined
  agent?: http.Agent | boolean | undefined
  /** What must not be shown, should the Hub repeat it. */
  secrets: readonly (string | undefined)[]
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** Bytes of an answer's body, counted as received and again when decoded. */
const largestBody = 1024 * 1024

const tooLarge = `the Hub's answer is larger than ${largestBody} bytes`

/** Milliseconds that an idle connection to the Hub is kept for the next sign-in. */
const keptIdle = 60_000

/**
 * One HTTP exchange: it ends within `timeout`, follows no redirect, and answers whole or throws a HubError.
 *
 * @throws {HubError} timeout, aborted, connection_failed, response_too_large, response_truncated, unexpected_redirect or invalid_response
 */
export async function exchange(request: Exchange): Promise<Answer> {
  const fail: Fail = (code, message, { cause, answer } = {}) =>
    new HubError(code, request.phase, message, { cause, ...(answer && answerDetails(answer.status, answer.headers, request.secrets)) })
  const interrupt = new AbortController()
  const expire = () => interrupt.abort(fail('timeout', `no complete answer within ${request.timeout} ms; is the Hub reachable from here?`))
  const leave = () => interrupt.abort(fail('aborted', 'the browser closed the connection before the sign-in was done'))
  const timer = setTimeout(expire, request.timeout)
  if (request.signal?.aborted) leave()
  request.signal?.addEventListener('abort', leave, { once: true })
  try {
    const received = await send(request, interrupt.signal, fail, () => {
      // the kept connections went idle together: the others to this host are as dead as the one that failed, so none of them is tried
      for (const socket of idleConnections(request)) socket.destroy()
      return send(request, interrupt.signal, fail)
    })
    const { status, headers } = received
    if (status >= 300 && status < 400) {
      const message = `the Hub answered ${status} and redirects are not followed; check hubURL and the other addresses`
      throw fail('unexpected_redirect', message, { answer: received })
    }
    return { status, headers, body: new TextDecoder().decode(await decoded(received, fail)) }
  } catch (error) {
    throw error instanceof HubError ? error : fail('connection_failed', 'the request to the Hub could not be made', { cause: error })
  } finally {
    clearTimeout(timer)
    request.signal?.removeEventListener('abort', leave)
  }
}

interface Received {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

type Fail = (code: HubErrorCode, message: string, about?: { cause?: unknown; answer?: Omit<Received, 'body'> }) => HubError

/** Sends once. `again` is called where a kept connection turned out to be dead: reused, and closed before one byte of an answer came. */
function send(request: Exchange, interrupt: AbortSignal, fail: Fail, again?: () => Promise<Received>): Promise<Received> {
  return new Promise((resolve, reject) => {
    interrupt.throwIfAborted()
    const options: http.RequestOptions & Pick<TcpSocketConnectOpts, 'autoSelectFamilyAttemptTimeout'> = {
      method: request.method,
      headers: request.headers,
      agent: agentFor(request),
      // Node gives each of a host's addresses 250 ms, less than a slow handshake takes
      autoSelectFamilyAttemptTimeout: Math.max(Math.ceil(request.timeout / 2), 10),
    }
    const outgoing = libraryFor(request.url).request(request.url, options)
    interrupt.addEventListener('abort', () => {
      reject(interrupt.reason)
      outgoing.destroy()
    })
    let bytesBefore = 0
    outgoing.on('socket', (socket) => {
      bytesBefore = socket.bytesRead
    })
    let over = false
    const disconnected = (error?: Error) => {
      if (over) return
      over = true
      if (again && outgoing.reusedSocket && outgoing.socket?.bytesRead === bytesBefore) return resolve(again())
      const reason = error && (error.message || (error as NodeJS.ErrnoException).code)
      const message = `the connection to the Hub failed${reason ? ` (${reason})` : ''}`
      reject(fail('connection_failed', message, { cause: error }))
    }
    outgoing.on('error', disconnected)
    outgoing.on('response', (response) => {
      over = true
      receive(response, fail)
        .then(resolve, reject)
        .finally(() => response.complete || outgoing.destroy())
    })
    outgoing.on('close', disconnected)
    outgoing.end(request.body)
  })
}

function receive(response: IncomingMessage, fail: Fail): Promise<Received> {
  return new Promise((resolve, reject) => {
    const answer = { status: Number(response.statusCode), headers: response.headers }
    const chunks: Buffer[] = []
    let size = 0
    const cutShort = () => reject(fail('response_truncated', "the Hub's answer was cut short", { answer }))
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > largestBody) reject(fail('response_too_large', tooLarge, { answer }))
      else chunks.push(chunk)
    })
    response.on('end', () => resolve({ ...answer, body: Buffer.concat(chunks) }))
    response.on('error', cutShort)
    response.on('close', () => response.complete || cutShort())
  })
}

/** We ask for no encoding; a proxy on the way may encode all the same. Of an answer that is an error anyway, a body that cannot be decoded is none. */
async function decoded(answer: Received, fail: Fail): Promise<Buffer> {
  const encoding = answer.headers['content-encoding']?.trim().toLowerCase() || 'identity'
  if (encoding === 'identity' || answer.body.length === 0) return answer.body
  try {
    // rare, and slow to load
    const { brotliDecompress, unzip } = await import('node:zlib')
    const decode = { gzip: unzip, 'x-gzip': unzip, deflate: unzip, br: brotliDecompress }[encoding]
    if (!decode) throw fail('invalid_response', 'the answer has a content encoding that was not asked for', { answer })
    return await promisify<Buffer, { maxOutputLength: number }, Buffer>(decode)(answer.body, { maxOutputLength: largestBody })
  } catch (cause) {
    if (answer.status >= 400) return Buffer.alloc(0)
    if (cause instanceof HubError) throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw fail('response_too_large', tooLarge, { answer })
    throw fail('invalid_response', 'the answer cannot be decoded', { cause, answer })
  }
}

function idleConnections({ url, agent }: Pick<Exchange, 'url' | 'agent'>) {
  const pool = agentFor({ url, agent })
  const { hostname, port, protocol } = new URL(url)
  const host = `${hostname.replace(/^\[|\]$/g, '')}:${port || (protocol === 'https:' ? 443 : 80)}:`
  if (typeof pool !== 'object') return []
  return Object.entries(pool.freeSockets).flatMap(([name, sockets = []]) => (name.startsWith(host) ? sockets : []))
}

/** Whether the next request would find a kept connection to the Hub. */
export function isConnected(target: Pick<Exchange, 'url' | 'agent'>): boolean {
  return idleConnections(target).length > 0
}

function libraryFor(url: string): typeof http | typeof https {
  return url.startsWith('https:') ? https : http
}

const keptAgents = new Map<typeof http | typeof https, http.Agent>()

/** One agent for all strategies of the process, so that a strategy built per request finds connections too. It starts from what the app has set on Node's own. */
function agentFor({ url, agent }: Pick<Exchange, 'url' | 'agent'>): http.Agent | boolean {
  if (agent !== undefined) return agent
  const library = libraryFor(url)
  let kept = keptAgents.get(library)
  if (!kept) {
    kept = new library.Agent({ ...(library.globalAgent as https.Agent).options, keepAlive: true, timeout: keptIdle })
    keptAgents.set(library, kept)
  }
  return kept
}
