/** The last parameter of Node-style functions. */
export type Callback = (error?: unknown, ...values: unknown[]) => void

/**
 * Calls a function that takes a callback, and resolves with what it passes to the callback, or with
 * what the promise it returns resolves with. The first of them counts.
 *
 * @param hasCallback if false, the function takes none, and whatever it returns counts. Otherwise a
 * promise of undefined does not: an `async` function that uses its callback returns one.
 */
export function fromCallback(
  call: (callback: Callback) => unknown,
  hasCallback = true,
): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const returned = call((error, ...values) => (error ? reject(error) : resolve(values)))
    if (hasCallback && typeof Object(returned).then !== 'function') return
    const settle = (value: unknown) => (hasCallback && value === undefined) || resolve([value])
    Promise.resolve(returned).then(settle, reject)
  })
}

/** Passes the outcome of a promise to a callback. What the callback throws is its owner's. */
export function toCallback(promise: Promise<unknown[]>, callback: Callback): void {
  const next = (...values: unknown[]) => process.nextTick(callback, ...values)
  promise.then((values) => next(null, ...values), next)
}
