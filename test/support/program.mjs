import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/**
 * Starts a program. Resolves with the first line that it prints, which for a server says where it listens.
 * `stop` resolves with what it has complained of.
 */
export async function start(command, args, options) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000, killSignal: 'SIGKILL', ...options })
  const complaints = child.stderr.setEncoding('utf8').toArray()
  const stop = async () => {
    child.kill('SIGKILL')
    return (await complaints).join('')
  }
  for await (const line of createInterface({ input: child.stdout })) {
    return { line, stop }
  }
  throw new Error(`${command} ${args.join(' ')}\n${await stop()}`)
}
