import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface Example {
  /** What the example printed as the address to open. */
  readonly url: string
  stop(): Promise<void>
}

/** Runs an example as its users do, in a process of its own, and waits for the address it prints. */
export async function startExample(script: string, env: Record<string, string> = {}): Promise<Example> {
  const { HF_CLIENT_ID: _id, HF_CLIENT_SECRET: _secret, ...outer } = process.env
  const child = spawn(process.execPath, [script], { env: { ...outer, PORT: '0', ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const said: string[] = []
  createInterface(child.stderr).on('line', (line) => said.push(line))
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (reason: string) => {
      child.kill('SIGKILL')
      reject(new Error(`${script} ${reason}:\n${said.join('\n')}`))
    }
    const patience = setTimeout(fail, 15_000, 'has printed no address')
    createInterface(child.stdout).on('line', (line) => {
      said.push(line)
      const [address] = /(?<=^Open )\S+/.exec(line) ?? []
      if (address === undefined) return
      clearTimeout(patience)
      resolve(address)
    })
    child.once('exit', (code) => {
      clearTimeout(patience)
      fail(`ended with ${code}`)
    })
  })
  return {
    url,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill()
      await gone
    },
  }
}
