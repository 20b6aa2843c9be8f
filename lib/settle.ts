export type Done = (error?: unknown, ...values: unknown[]) => void

/**
 * Calls code that is not ours and awaits it, whether it answers its callback or returns a promise; what it throws or rejects with is thrown. The first answer counts.
 * A promise of undefined is no answer while a callback may still come: an `async` function that calls `done` looks like that. `returns` says that none will.
 */
export function settle(call: (done: Done) => unknown, returns = false): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const returned = call((error, ...values) => (error ? reject(error) : resolve(values)))
    if (!returns && typeof Object(returned).then !== 'function') return
    Promise.resolve(returned).then((value) => (returns || value !== undefined) && resolve([value]), reject)
  })
}
