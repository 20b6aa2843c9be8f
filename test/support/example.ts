import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { root } from './modules'
import { until } from './until'

export type Example = Awaited<ReturnType<typeof startExample>>

/** Runs an example in a process of its own, as its users do, and waits until it listens. Nothing of our own environment reaches it. */
export async function startExample(file: string, env: Record<string, string> = {}) {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  await new Promise((resolve) => taken.close(resolve))
  const child = spawn(process.execPath, [file], {
    cwd: root,
    env: { PATH: process.env['PATH'], PORT: String(port), ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const url = `http://localhost:${port}`
  await until(() => {
    if (child.exitCode !== null) throw new Error(`${file} exited with ${child.exitCode}`)
    return fetch(url).then(Boolean, () => false)
  }, 20_000)
  const stop = async () => {
    if (child.kill()) await once(child, 'exit')
  }
  return { port, url, stop }
}
