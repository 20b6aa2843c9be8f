import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from '../frameworks/express'

interface Server {
  child: ChildProcess
  port: number
}

/** Several processes of the app behind a proxy that gives each request to the next one. */
export class Cluster {
  /** The proxy's port: what browsers connect to. */
  readonly port: number
  /** Set when a server ended that was not killed. */
  accident: Error | undefined
  private readonly servers: (Server | undefined)[] = []
  private readonly environment: Record<string, string>
  private turn = 0
  private readonly proxy = createServer((req, res) => this.relay(req, res))

  constructor(port: number, environment: Record<string, string>) {
    this.port = port
    this.environment = environment
  }

  async start(size: number): Promise<void> {
    for (let number = 0; number < size; number++) await this.startServer(number)
    await once(this.proxy.listen(this.port, '127.0.0.1'), 'listening')
  }

  async startServer(number: number): Promise<void> {
    const env = { ...process.env, ...this.environment, SERVER: String(number), NODE_OPTIONS: '' }
    const child = fork(join(__dirname, 'app.mjs'), { env, execArgv: ['--max-old-space-size=64'] })
    child.once('exit', (code, signal) => {
      this.accident = new Error(`server ${number} ended by itself: ${code ?? signal}`)
    })
    const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')])
    if (this.accident) throw this.accident
    this.servers[number] = { child, port: message.port }
  }

  /** Without warning, in the middle of whatever it does. */
  async kill(number: number): Promise<void> {
    const child = this.servers[number]?.child
    this.servers[number] = undefined
    child?.removeAllListeners('exit')
    if (child?.kill('SIGKILL')) await once(child, 'exit')
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((_, number) => this.kill(number)))
    this.proxy.closeAllConnections()
    this.proxy.close()
  }

  /** A request that names a server goes there, any other to the next that runs. What had not reached a server goes to another. */
  private relay(req: IncomingMessage, res: ServerResponse, attempts = 3): void {
    const running = this.servers.filter((each) => each !== undefined)
    const wanted = req.headers['x-to-server']
    const server = wanted === undefined ? running[this.turn++ % running.length] : this.servers[Number(wanted)]
    if (!server || attempts === 0) return void res.writeHead(503).end('no server')
    const lost = (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') this.relay(req, res, attempts - 1)
      else if (res.headersSent) res.destroy()
      else res.writeHead(502).end('lost in flight')
    }
    const { method, url: path, headers } = req
    const upstream = httpRequest({ host: '127.0.0.1', port: server.port, method, path, headers, agent: false })
    upstream.on('error', lost).on('response', (response) => {
      res.writeHead(response.statusCode ?? 500, response.headers)
      response.on('error', lost).pipe(res)
    })
    upstream.end()
  }
}

/** A Redis of the test's own, that keeps nothing on disk. */
export async function startRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'redis-'))
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', maxmemory: '64mb', dir: folder }
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const redis = spawn('redis-server', flags, { stdio: ['ignore', 'pipe', 'ignore'] })
  const stop = async () => {
    if (redis.kill('SIGKILL')) await once(redis, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
  await new Promise<void>((resolve, reject) => {
    redis.once('error', (cause) => reject(new Error('redis-server does not start (apt-get install redis-server)', { cause })))
    redis.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)))
    createInterface(redis.stdout).on('line', (line) => /ready to accept connections/i.test(line) && resolve())
  })
  return { url: `redis://127.0.0.1:${port}`, stop }
}
