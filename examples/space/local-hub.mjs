// @ts-check
// On your machine, this signs people in on a local Hub instead. It needs the devDependencies.

import { startHub } from 'passport-huggingface/testing'

/** Starts the local Hub, and resolves with the options of a strategy that uses it. */
export async function localOptions() {
  const hub = await startHub()
  const [{ clientID, clientSecret }] = hub.clients
  console.log(`No SPACE_ID: using a local Hub at ${hub.url}`)
  return {
    hubURL: hub.url,
    clientID,
    clientSecret,
    callbackURL: '/auth/huggingface/callback',
    scope: ['openid', 'profile', 'email'],
  }
}
