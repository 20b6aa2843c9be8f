// @ts-check
// Sign in without an account: a Hub on this machine, with made-up people.

import { startHub } from 'passport-huggingface/testing'

/** Starts it and returns the options by which a strategy signs people in there. */
export async function startLocalHub() {
  const hub = await startHub()
  const [{ clientID, clientSecret }] = hub.clients
  console.log(`No HF_CLIENT_ID: using a local Hub at ${hub.url}`)
  return { hubURL: hub.url, clientID, clientSecret }
}
