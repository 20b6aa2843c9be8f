import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import { until } from './until'

export type Example = Awaited<ReturnType<typeof startExample>>

/** Runs an example in a process of its own, as its users do, and waits until it listens. Nothing of our own environment reaches it. */
export async function startExample(args: string[], env: Record<string, string> = {}) {
  const port = Number(env['PORT'] ?? (await freePort()))
  const child = spawn(process.execPath, args, {
    cwd: path.join(__dirname, '../..'),
    env: { PATH: process.env['PATH'], PORT: String(port), ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const url = `http://localhost:${port}`
  await until(() => {
    if (child.exitCode !== null) throw new Error(`${args.at(-1)} exited with ${child.exitCode}`)
    return fetch(url).then(Boolean, () => false)
  }, 20_000)
  const stop = async () => {
    if (child.kill()) await once(child, 'exit')
  }
  return { port, url, stop }
}

/** A port that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
