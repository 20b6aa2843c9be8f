import { startApp } from './processes.mjs'

/** How long does the last of 200 people wait who come back at once? The Hub takes 200 ms for a request. */
export async function crowd(hub, name) {
  const app = await startApp(name, hub.near)
  await hub.count(200)
  await app.run('crowd', 200) // opens the connections
  const milliseconds = await app.run('crowd', 200)
  return { milliseconds, ...(await hub.count()) }
}
