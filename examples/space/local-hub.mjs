// @ts-check
// On your own machine there is no Space, so this starts a Hub with made-up people. It needs the devDependencies.

import { startHub } from 'passport-huggingface/testing'

/** Starts it and returns the options by which a strategy signs people in there. */
export async function localOptions() {
  const hub = await startHub()
  const [{ clientID, clientSecret }] = hub.clients
  console.log(`No SPACE_ID: using a local Hub at ${hub.url}`)
  return { hubURL: hub.url, clientID, clientSecret, callbackURL: '/auth/huggingface/callback', scope: ['openid', 'profile', 'email'] }
}
