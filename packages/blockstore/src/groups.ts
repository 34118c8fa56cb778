/** Groups of what a source has ready, for calls that take several at once. */

/**
 * Items in groups of at most `most`, in their order. A group ends early when the source is not
 * ready with the next item, as it may wait for what becomes of this one; behind an item that `ends`
 * says so of; and before an error, which is thrown after the group.
 */
export async function* readyGroups<T>(
  source: AsyncIterator<T>,
  most: number,
  ends: (item: T) => boolean,
): AsyncGenerator<readonly T[], void, undefined> {
  let pending: Promise<Step<T>> | undefined
  try {
    for (;;) {
      const group: T[] = []
      let step: Step<T> | undefined = await (pending ?? nextOf(source))
      pending = undefined
      while (step !== undefined && 'item' in step) {
        group.push(step.item)
        if (group.length === most || ends(step.item)) break
        pending = nextOf(source)
        step = await Promise.race([pending, nextTurn()])
        if (step !== undefined) pending = undefined
      }
      if (group.length > 0) yield group
      if (step !== undefined && 'error' in step) throw step.error
      if (step !== undefined && 'done' in step) return
    }
  } finally {
    // A source that is still busy with an item would keep the caller waiting for that.
    const left = source.return?.()
    if (pending === undefined) await left
  }
}

type Step<T> = { readonly item: T } | { readonly done: true } | { readonly error: unknown }

/** Never rejects: the error waits until the items before it are used. */
async function nextOf<T>(source: AsyncIterator<T>): Promise<Step<T>> {
  try {
    const next = await source.next()
    return next.done === true ? { done: true } : { item: next.value }
  } catch (error) {
    return { error }
  }
}

const nextTurn = (): Promise<undefined> =>
  new Promise((resolve) => setImmediate(() => resolve(undefined)))
