// @ts-check
// Signs people in without an account, on a Hub that runs in this process.

import { startHub } from 'passport-huggingface/testing'

/** Starts the local Hub, and resolves with the options of a strategy that uses it. */
export async function startLocalHub() {
  const hub = await startHub()
  const [{ clientID, clientSecret }] = hub.clients
  console.log(`No HF_CLIENT_ID: using a local Hub at ${hub.url}`)
  return { hubURL: hub.url, clientID, clientSecret }
}
