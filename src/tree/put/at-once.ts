/** Runs the work of each, a few at once; after a failure it begins no more, and ends with it. */
export async function atOnce<T>(
  limit: number,
  items: Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const source = items[Symbol.iterator]()
  const state = { hasFailed: false }
  const worker = async (): Promise<void> => {
    try {
      while (!state.hasFailed) {
        const next = source.next()
        if (next.done === true) return
        await work(next.value)
      }
    } catch (error) {
      state.hasFailed = true
      throw error
    }
  }
  const workers = await Promise.allSettled(Array.from({ length: limit }, worker))
  const failure = workers.find((one) => one.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}
