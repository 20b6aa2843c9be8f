import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'bench-'))
const certificate = join(folder, 'certificate.pem')
process.setMaxListeners(0).on('exit', () => rmSync(folder, { recursive: true }))

/** A process that ends with this one, or earlier by `stop`. It answers one message at a time. */
async function start(file, args, settings) {
  const child = fork(new URL(file, import.meta.url), args, { env: { ...process.env, ...settings }, execArgv: ['--expose-gc'] })
  child.on('exit', (code) => code && process.exit(code))
  process.on('exit', () => child.kill())
  const ask = async (message) => {
    child.send(message)
    return (await once(child, 'message'))[0]
  }
  const [ready] = await once(child, 'message')
  return { ask, ready, stop: () => child.kill() }
}

/** The Hub. `count` returns what it has counted since the last time. */
export async function startHub(roundTrip) {
  const { ask, ready } = await start('hub.mjs', [roundTrip])
  writeFileSync(certificate, ready.certificate)
  return { ...ready, count: (delay = 0) => ask({ delay }) }
}

/** An app with one of the strategies. */
export async function startApp(name, hubURL) {
  const { ask, ready, stop } = await start('app.mjs', [name, hubURL], { NODE_EXTRA_CA_CERTS: certificate })
  return { ...ready, name, stop, run: async (task, given) => (await ask({ task, given })).result }
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}
