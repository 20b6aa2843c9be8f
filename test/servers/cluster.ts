import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../support/process'

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
  private readonly servers: (Server | undefined)[]
  private readonly environment: Record<string, string>
  private turn = 0
  private readonly proxy = createServer((req, res) => this.relay(req, res))

  constructor(port: number, size: number, environment: Record<string, string>) {
    this.port = port
    this.servers = Array(size).fill(undefined)
    this.environment = environment
  }

  async start(): Promise<void> {
    if (!existsSync(join(__dirname, '../../dist/index.js'))) throw new Error('the servers run what was built: `npm run build` first')
    await Promise.all(this.servers.map((_, number) => this.startServer(number)))
    this.proxy.listen(this.port, '127.0.0.1')
    await once(this.proxy, 'listening')
  }

  async startServer(number: number): Promise<void> {
    const child = fork(join(__dirname, 'app.mjs'), {
      env: { ...process.env, ...this.environment, SERVER: String(number), NODE_OPTIONS: '' },
      execArgv: ['--max-old-space-size=64'],
    })
    child.once('exit', (code, signal) => {
      this.accident = new Error(`server ${number} ended by itself: ${code ?? signal}`)
    })
    const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')])
    if (this.accident) throw this.accident
    this.servers[number] = { child, port: message.port }
  }

  /** Without warning, in the middle of whatever it does. */
  async kill(number: number): Promise<void> {
    const server = this.servers[number]
    if (!server) return
    this.servers[number] = undefined
    server.child.removeAllListeners('exit')
    server.child.kill('SIGKILL')
    if (server.child.exitCode === null && server.child.signalCode === null) await once(server.child, 'exit')
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((_, number) => this.kill(number)))
    this.proxy.closeAllConnections()
    await new Promise((resolve) => this.proxy.close(resolve))
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
    upstream.on('error', lost)
    upstream.on('response', (response) => {
      response.on('error', lost)
      res.writeHead(response.statusCode ?? 500, response.headers)
      response.pipe(res)
    })
    upstream.end()
  }
}

/** A Redis of the test's own, that keeps nothing on disk. */
export async function startRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'redis-'))
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', maxmemory: '64mb', dir: folder }
  const redis = spawn(
    'redis-server',
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    { stdio: 'ignore' },
  )
  const failed = once(redis, 'error').then(([error]: Error[]) => {
    throw new Error(`redis-server does not start (apt-get install redis-server): ${error?.message}`)
  })
  failed.catch(() => {})
  const stop = async () => {
    if (redis.exitCode === null && redis.kill('SIGKILL')) await once(redis, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await Promise.race([answers(port), failed])) return { url: `redis://127.0.0.1:${port}`, stop }
    await sleep(50)
  }
  await stop()
  throw new Error('redis-server does not answer')
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.once('data', (data) => {
      socket.destroy()
      resolve(String(data).startsWith('+PONG'))
    })
    socket.once('error', () => resolve(false))
  })
}
