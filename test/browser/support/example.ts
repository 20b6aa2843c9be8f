import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface Example {
  /** The address that the example printed. */
  readonly url: string
  stop(): Promise<void>
}

/** Runs an example in a process of its own, as its users do, and waits until it prints its address. */
export async function startExample(script: string, env: Record<string, string> = {}): Promise<Example> {
  const { HF_CLIENT_ID: _id, HF_CLIENT_SECRET: _secret, HF_HUB_URL: _url, ...outer } = process.env
  const child = spawn(process.execPath, [script], { env: { ...outer, PORT: '0', ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed: string[] = []
  createInterface(child.stderr).on('line', (line) => printed.push(line))
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (reason: string) => {
      child.kill('SIGKILL')
      reject(new Error(`${script} ${reason}:\n${printed.join('\n')}`))
    }
    const timer = setTimeout(fail, 15_000, 'printed no address')
    createInterface(child.stdout).on('line', (line) => {
      printed.push(line)
      const [address] = /(?<=^Open )\S+/.exec(line) ?? []
      if (address === undefined) return
      clearTimeout(timer)
      resolve(address)
    })
    child.once('exit', (code) => {
      clearTimeout(timer)
      fail(`exited with ${code}`)
    })
  })
  return {
    url,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      child.kill()
      await exit
    },
  }
}
