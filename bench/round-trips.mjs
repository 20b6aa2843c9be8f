import { setTimeout as sleep } from 'node:timers/promises'
import { median, startApp } from './processes.mjs'

/** How many round trips does a person wait who comes back from the Hub? Each strategy runs in three processes. */
export async function roundTrips(hub, roundTrip, names, measureHeap) {
  const apps = []
  for (const name of [...names, ...names, ...names]) apps.push(await startApp(name, hub.far))
  const measure = async (stay) => {
    for (const app of apps) app.begun = await app.run('begin')
    await sleep(stay)
    const took = Object.fromEntries(names.map((name) => [name, []]))
    for (const { name, run, begun } of apps) took[name].push((await run('finish', begun)) / roundTrip)
    return (name) => median(took[name]).toFixed(2)
  }
  const first = await measure(1000)
  await sleep(40_000)
  const stayed = await measure(30_000)
  const [heapSizes] = await Promise.all([measureHeap(), sleep(65_000)])
  const idle = await measure(1000)
  for (const app of apps) app.stop()
  return { first, idle, stayed, heapSizes }
}
