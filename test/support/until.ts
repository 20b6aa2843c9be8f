import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves when it holds, and rejects when the patience, in milliseconds, is at an end. It counts its own waits, since tests change the clock. */
export async function until(holds: () => boolean | Promise<boolean>, patience = 5000): Promise<void> {
  for (let waited = 0; !(await holds()); waited += 2) {
    if (waited > patience) throw new Error('it did not come to pass')
    await sleep(2)
  }
}
