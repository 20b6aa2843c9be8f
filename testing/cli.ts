#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { startHub } from './hub'

const usage = `Usage: npx passport-huggingface [--port <number>]

Starts a local Hub, to sign in without a Hugging Face account. Without --port,
it listens on port 4567, or on a free one if that is taken.`

async function main(): Promise<void> {
  const options = { port: { type: 'string' }, help: { type: 'boolean' } } as const
  const { port, help } = parseArgs({ options }).values
  if (help) return console.log(usage)
  const hub = await startHub({ port: Number(port ?? 4567) }).catch((error) => {
    if (port === undefined && error.code === 'EADDRINUSE') return startHub()
    throw error
  })
  const [{ clientID, clientSecret, redirectURIs }] = hub.clients
  console.log(`HF_HUB_URL=${hub.url}
HF_CLIENT_ID=${clientID}
HF_CLIENT_SECRET=${clientSecret}

# Sign in as ${hub.people.map(({ username }) => username).join(', ')}.
# Callback URL: ${redirectURIs[0]}, with any port.
# Press Ctrl+C to stop.`)
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})
