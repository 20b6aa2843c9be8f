import { setTimeout as sleep } from 'node:timers/promises'
import { startApp } from './processes.mjs'

/** What does a sign-in ask of the Hub while the person is there, and after? The first of a process, and the second. */
export async function requests(hub, name) {
  const app = await startApp(name, hub.near)
  const counted = []
  for (let n = 0; n < 2; n++) {
    const begun = await app.run('begin')
    await sleep(300)
    const away = await hub.count()
    await app.run('finish', begun)
    counted.push({ away, back: await hub.count() })
  }
  return counted
}
