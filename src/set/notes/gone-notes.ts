/**
 * Finds notes that are not shown and that no member replaces: a state machine without I/O
 * (specs/012-set.md, R012-20). No wall clock is compared: a wrong one would delete those of
 * members that are there.
 */
import { SET_NOTE_MS } from '../../limits.ts'
import type { MemberNote } from './member-note.ts'

/** A member that is there replaces its note many times in this. */
const GONE_MS: number = 12 * SET_NOTE_MS

export class GoneNotes {
  #seen: ReadonlyMap<string, { readonly at: number; readonly since: number }> = new Map()

  /** `hidden`: all that are not shown; `now`: elapsed. Ids of those that stayed as they are. */
  found(hidden: readonly Pick<MemberNote, 'id' | 'at'>[], now: number): readonly string[] {
    this.#seen = new Map(
      hidden.map(({ id, at }) => {
        const before = this.#seen.get(id)
        return [id, before?.at === at ? before : { at, since: now }]
      }),
    )
    return [...this.#seen].filter(([, { since }]) => now - since >= GONE_MS).map(([id]) => id)
  }
}
