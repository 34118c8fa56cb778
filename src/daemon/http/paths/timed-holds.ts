/** Files that are held for a time after the answer, for callers that end at once (R007-351). */
import { DstoreError } from '../../../errors.ts'
import type { HeldPath, Node } from '../../../node/node.ts'

/** The longest such time, in milliseconds: a day. */
export const PATH_HOLD_MS = 86_400_000

/** How many files and folders a node holds in this way. */
const TIMED_HOLDS = 4096

interface TimedHold {
  readonly held: HeldPath
  /** On the clock of `performance.now`. */
  endsAt: number
  timer: NodeJS.Timeout | undefined
}

/** By node, then by path. */
const holds = new WeakMap<Node, Map<string, TimedHold>>()

/** Holds a file or folder for this time. Throws `busy`, and releases it, if too many are held. */
export function keepFor(node: Node, held: HeldPath, ms: number): void {
  const known = holds.get(node) ?? new Map<string, TimedHold>()
  holds.set(node, known)
  const endsAt = performance.now() + ms
  const present = known.get(held.path)
  if (present?.held.removed.aborted === false) {
    // One hold suffices: it lasts as long as the longest.
    void held.release()
    if (endsAt > present.endsAt) present.endsAt = endsAt
    return
  }
  if (known.size >= TIMED_HOLDS) {
    void held.release()
    throw new DstoreError('busy', `${TIMED_HOLDS} paths are held for a time`, {
      hint: 'wait, or hold them by open connections: `dstore path --exec`',
    })
  }
  const hold: TimedHold = { held, endsAt, timer: undefined }
  const end = (): void => {
    clearTimeout(hold.timer)
    if (known.get(held.path) === hold) known.delete(held.path)
    void held.release()
  }
  const wait = (): void => {
    const left = hold.endsAt - performance.now()
    if (left <= 0) return end()
    hold.timer = setTimeout(wait, left).unref()
  }
  known.set(held.path, hold)
  held.removed.addEventListener('abort', end, { once: true })
  wait()
}
