import { median, startApp } from './processes.mjs'

/** How many milliseconds of processor time does a sign-in take? The strategies take turns, so that a busy machine slows down all. */
export async function processorTime(hub, names, { rounds, times }) {
  const apps = await Promise.all(names.map((name) => startApp(name, hub.near)))
  for (const app of apps) await app.run('signIns', 500)
  const took = Object.fromEntries(names.map((name) => [name, []]))
  for (let n = 0; n < rounds; n++) for (const { name, run } of apps) took[name].push(await run('signIns', times))
  for (const app of apps) app.stop()
  const ratio = (name, other) => median(took[name].map((each, n) => each / took[other][n])).toFixed(2)
  return { milliseconds: (name) => median(took[name]).toFixed(2), ratio }
}
