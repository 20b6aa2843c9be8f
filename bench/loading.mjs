import { median, startApp } from './processes.mjs'

/** How many milliseconds does it take to load and to construct a strategy? The strategies take turns. */
export async function loading(names, rounds) {
  const took = Object.fromEntries(names.map((name) => [name, []]))
  for (const name of Array(rounds).fill(names).flat()) {
    const { loadedIn, stop } = await startApp(name, 'https://127.0.0.1:1')
    took[name].push(loadedIn)
    stop()
  }
  return (name) => median(took[name]).toFixed(1)
}
