/** Asynchronous map over a stream: keeps the order, with a few items in progress at a time. */

/**
 * Yields `work` of each item, in order; at most `limit` calls run at the same time. If the items
 * fail, the results of those before come first.
 */
export async function* mapConcurrently<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const running: Promise<R>[] = []
  let failure = undefined as { readonly error: unknown } | undefined
  try {
    const source = each(items, (error) => (failure = { error }))
    for await (const item of source) {
      const result = work(item)
      // A failure is thrown when its turn comes, and is no unhandled rejection until then.
      result.catch(() => undefined)
      running.push(result)
      if (running.length >= limit) yield await running.shift()!
    }
    while (running.length > 0) yield await running.shift()!
    if (failure !== undefined) throw failure.error
  } finally {
    await Promise.allSettled(running)
  }
}

/** The same items; reports a failure as their end. */
async function* each<T>(
  items: AsyncIterable<T> | Iterable<T>,
  onFailure: (error: unknown) => void,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* items
  } catch (error) {
    onFailure(error)
  }
}
