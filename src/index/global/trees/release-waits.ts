/**
 * Removals of directories that wait until holds which have ended are released: what a tree put has
 * just committed is kept until then, and would stay behind, to go later without an acknowledgement
 * (specs/004-index.md, R004-100).
 */
import { decodeBinding } from '../../records/name-record.ts'
import { decodeKey, keyRow, nameRow } from '../../records/record.ts'
import type { Remove, Unbind } from '../../message.ts'
import { read, type Flow } from './flow.ts'

/** How long a removal waits, unless its caller says so. */
const PATIENCE_MS = 60_000

interface Waiting {
  /** The holds, which were being released when it came. */
  readonly holds: Set<string>
  readonly until: number
  readonly run: () => void
}

export class ReleaseWaits {
  readonly #waiting = new Set<Waiting>()

  add(holds: Iterable<string>, run: () => void, now: number, timeoutMs?: number): void {
    const waiting = { holds: new Set(holds), until: now + (timeoutMs ?? PATIENCE_MS), run }
    if (waiting.holds.size === 0) return run()
    this.#waiting.add(waiting)
  }

  released(hold: string): void {
    for (const waiting of this.#waiting) {
      waiting.holds.delete(hold)
      if (waiting.holds.size === 0) this.#end(waiting)
    }
  }

  tick(now: number): void {
    for (const waiting of this.#waiting) if (now >= waiting.until) this.#end(waiting)
  }

  #end(waiting: Waiting): void {
    this.#waiting.delete(waiting)
    waiting.run()
  }
}

/** Does the request remove a directory, or a name of one with it? */
export function* concernsDirectory(request: Remove | Unbind): Flow<boolean> {
  if (request.type === 'unbind') {
    if (request.keepValue) return false
    const [bound] = yield* read([nameRow(request.name)])
    return bound !== undefined && decodeBinding(bound).directory
  }
  const [row] = yield* read([keyRow(request.digest)])
  return row !== undefined && decodeKey(row).directory !== undefined
}
