/** How long a piece of work keeps the event loop, so that nothing else gets a turn. */

export interface Kept<T> {
  readonly result: T
  /** The longest time between two turns, as a share of the whole time. */
  readonly share: number
}

export async function keptBy<T>(work: () => Promise<T>): Promise<Kept<T>> {
  const began = performance.now()
  let [last, longest, isOver] = [began, 0, false]
  const look = (): void => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }
  const turn = (): void => {
    look()
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const result = await work()
  isOver = true
  look()
  return { result, share: longest / (performance.now() - began) }
}
