import { startApp } from './processes.mjs'

/** Does memory grow? The heap after 10,000 and after 20,000 sign-ins, in MB. */
export async function heap(hub, name) {
  const app = await startApp(name, hub.near)
  const sizes = [await app.run('heap', 10_000), await app.run('heap', 10_000)]
  return sizes.map((size) => (size / 2 ** 20).toFixed(1)).join(' → ')
}
