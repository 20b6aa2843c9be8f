import { createHash, generateKeyPair, type JsonWebKey, type KeyObject, randomBytes, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { until } from './until'

export type Endpoint = 'token' | 'userinfo' | 'jwks'

export const endpoints: Endpoint[] = ['token', 'userinfo', 'jwks']

/** A request as it came over the wire. */
export interface RawRequest {
  endpoint: Endpoint
  /** Method and target. */
  line: string
  /** By lower-case name. */
  headers: Record<string, string>
  form: URLSearchParams
  /** The connection that it came on, counted from 1. */
  connection: number
}

/** What an endpoint does with a request: it may write any bytes to the connection, or none. */
export type Behaviour = (socket: Socket, request: RawRequest, hub: RawHub) => unknown

export type Json = Record<string, unknown>

export const clientID = '4ba7c3a2-6c1f-4f6e-9d0e-0b1a2c3d4e5f'

/** In the form of the Hub's own. */
export const clientSecret = 'oauth_app_secret_abcdefghijklmnopqrstuvwxyzABCDEFGH'

const subject = '65f00000000000000000c0de'

interface HubOptions {
  tls?: { key: string; cert: string }
  /** The name in its address. */
  host?: string
  /** Leave connections open after a usual answer. */
  keepAlive?: boolean
}

/**
 * A Hub of bytes: a server that answers at the three endpoints as a real one would, until an answer
 * is replaced. Node reads the requests. The answers are written to the connection itself.
 */
export class RawHub {
  /** `hubURL` and `iss`. */
  readonly url: string
  /** Signs the ID tokens, and is published. */
  readonly key: SigningKey
  readonly requests: RawRequest[] = []
  /** What no error may show: all that went over the wire in confidence. */
  readonly secrets = new Set<string>([clientSecret])
  /** What the token endpoint has given, unless its answer was replaced. */
  readonly granted: Json[] = []
  /** Replace one to make it misbehave. */
  readonly answers: Record<Endpoint, Behaviour>
  /** Connections that were ever made. */
  connections = 0

  private readonly server: Server
  /** Those that are open, with their numbers. */
  private readonly sockets = new Map<Socket, number>()

  private constructor(server: Server, url: string, key: SigningKey, keepAlive: boolean) {
    this.server = server
    this.url = url
    this.key = key
    this.answers = {
      token: respond((request) => this.tokens(request), { keepAlive }),
      userinfo: respond(() => this.userinfo(), { keepAlive }),
      jwks: respond(() => ({ keys: [this.key.jwk] }), { keepAlive }),
    }
    server.on('request', (req: IncomingMessage) => this.take(req))
    server.on(url.startsWith('https:') ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.sockets.set(socket, ++this.connections)
      socket.on('close', () => this.sockets.delete(socket))
    })
  }

  static async start({ tls, host = '127.0.0.1', keepAlive = false }: HubOptions = {}): Promise<RawHub> {
    const server = tls ? createTlsServer(tls) : createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    return new RawHub(server, `${tls ? 'https' : 'http'}://${host}:${port}`, await rsaKey('usual'), keepAlive)
  }

  /** The usual answer of the token endpoint. */
  tokens(request: RawRequest, claims: Json = {}): Json {
    const lifetime = { token_type: 'bearer', expires_in: 28800, scope: 'openid profile' }
    const id_token = signedToken({ alg: 'RS256', kid: this.key.kid }, this.claims(request, claims), this.key.privateKey)
    this.secrets.add(id_token)
    const tokens = { access_token: this.secret(), refresh_token: this.secret(), id_token, ...lifetime }
    this.granted.push(tokens)
    return tokens
  }

  /** The usual claims of an ID token that answers this token request. An undefined one is left out. */
  claims(request: RawRequest, claims: Json = {}): Json {
    const now = Math.floor(Date.now() / 1000)
    // the nonce that the strategy sends: S256 of the code verifier
    const hash = createHash('sha256').update(request.form.get('code_verifier') ?? '')
    const usual = { sub: subject, preferred_username: 'ada', aud: clientID, iss: this.url, nonce: hash.digest('base64url') }
    return { ...usual, iat: now, exp: now + 3600, ...claims }
  }

  userinfo(): Json {
    return { sub: subject, preferred_username: 'ada', name: 'Ada', isPro: false, orgs: [] }
  }

  /** A random secret, which no error may show. */
  secret(): string {
    const secret = randomBytes(24).toString('base64url')
    this.secrets.add(secret)
    return secret
  }

  /** The requests that came to one endpoint. */
  to(endpoint: Endpoint): RawRequest[] {
    return this.requests.filter((request) => request.endpoint === endpoint)
  }

  /** From now on an endpoint responds, as usual or otherwise, when it is told to. */
  hold(endpoint: Endpoint): ((behaviour?: Behaviour) => void)[] {
    const usual = this.answers[endpoint]
    const waiting: ((behaviour?: Behaviour) => void)[] = []
    this.answers[endpoint] = (socket, request) => waiting.push((behaviour = usual) => behaviour(socket, request, this))
    return waiting
  }

  /** Resolves when no connection is open any more; rejects after two seconds. */
  async drained(): Promise<void> {
    await until(() => this.sockets.size === 0, 100).catch(() => {
      // from version 24 on, Node keeps a connection for the next request that was still opening when its own was given up
      for (const [socket] of this.sockets) if (socket.bytesRead === 0) socket.end()
      return until(() => this.sockets.size === 0, 2000)
    })
  }

  /** Ends each connection, as a server does with idle ones. */
  hangUp(): void {
    for (const [socket] of this.sockets) socket.end()
  }

  async close(): Promise<void> {
    for (const [socket] of this.sockets) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private async take(req: IncomingMessage): Promise<void> {
    const { method, url = '', socket } = req
    const endpoint = /\/oauth\/(token|userinfo|jwks)$/.exec(url)?.[1] as Endpoint | undefined
    if (endpoint === undefined) throw new Error(`nobody asks for ${url}`)
    const headers = req.headers as Record<string, string>
    const form = new URLSearchParams(await text(req))
    const request = { endpoint, line: `${method} ${url}`, headers, form, connection: this.sockets.get(socket) ?? 0 }
    this.requests.push(request)
    const fields = ['code', 'code_verifier', 'refresh_token'].map((name) => form.get(name))
    for (const secret of [headers['authorization']?.replace(/^\w+ /, ''), ...fields]) if (secret) this.secrets.add(secret)
    this.answers[endpoint](socket, request, this)
  }
}

// Answers

export interface ResponseOptions {
  status?: number
  headers?: Record<string, string | number | undefined>
  /** Leave the connection open for the next request. */
  keepAlive?: boolean
}

type Content = Json | unknown[] | string | Buffer

/** The bytes of a whole, well-formed response. An undefined header is left out. */
export function responseBytes(content: Content, { status = 200, headers = {}, keepAlive = false }: ResponseOptions = {}): Buffer {
  const body = Buffer.isBuffer(content) ? content : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))
  const usual = { 'content-type': 'application/json', 'content-length': body.length, connection: keepAlive ? 'keep-alive' : 'close' }
  const pairs = Object.entries({ ...usual, ...headers }).filter(([, value]) => value !== undefined)
  const lines = pairs.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Some Words\r\n${lines}\r\n`, 'latin1'), body])
}

/** Answers with a whole response. */
export function respond(content: Content | ((request: RawRequest, hub: RawHub) => Content), options?: ResponseOptions): Behaviour {
  return (socket, request, hub) => socket.write(responseBytes(typeof content === 'function' ? content(request, hub) : content, options))
}

/** Writes these bytes, and then ends the connection: not at all, in order, or by a reset. */
export function write(bytes: string | Buffer | ((request: RawRequest, hub: RawHub) => Buffer), end?: 'FIN' | 'RST'): Behaviour {
  return (socket, request, hub) => {
    const done = () => {
      if (end === 'FIN') socket.end()
      // a reset may overtake the bytes before it
      if (end === 'RST') setTimeout(() => socket.resetAndDestroy(), 20)
    }
    const content = typeof bytes === 'function' ? bytes(request, hub) : bytes
    if (content.length) socket.write(content, done)
    else done()
  }
}

/** Never says a word. */
export const silent: Behaviour = () => {}

// Signing keys

export interface SigningKey {
  kid: string
  privateKey: KeyObject
  publicKey: KeyObject
  /** The public key, as the keys endpoint has it. */
  jwk: JsonWebKey & Json
}

const generate = promisify(generateKeyPair)
const keys = new Map<string, Promise<SigningKey>>()

/** An RSA key by its name, made once. */
export function rsaKey(kid: string, modulusLength = 2048): Promise<SigningKey> {
  const make = async () => {
    const { privateKey, publicKey } = await generate('rsa', { modulusLength })
    return { kid, privateKey, publicKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' } }
  }
  const key = keys.get(kid) ?? make()
  keys.set(kid, key)
  return key
}

/** A JWT in compact form, signed by RS256 whatever its header says. */
export function signedToken(header: Json, claims: Json, key: KeyObject): string {
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${input}.${signatureOf(input, key).toString('base64url')}`
}

export const signatureOf = (input: string, key: KeyObject): Buffer => sign('sha256', Buffer.from(input), key)
