export type Done = (error?: unknown, ...values: unknown[]) => void

/**
 * Calls code that is not ours and awaits it, whether it answers its callback or returns a promise; what it throws or rejects with is thrown. The first answer counts.
 * A promise of undefined is no answer where a callback may still come: an `async` function that calls `done` looks like that.
 */
export function settle(call: (done: Done) => unknown, undefinedAnswers = false): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const done: Done = (error, ...values) => (error ? reject(error) : resolve(values))
    const returned = call(done)
    if (typeof Object(returned).then !== 'function') return
    const settled = (value: unknown) => (value !== undefined || undefinedAnswers) && resolve([value])
    ;(returned as PromiseLike<unknown>).then(settled, (error) => reject(error ?? new Error('rejected without a reason')))
  })
}
