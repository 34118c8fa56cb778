/**
 * How long members have said nothing new: a state machine without I/O (specs/012-set.md, R012-20,
 * R012-51). Wall clocks of other machines may be wrong, so what counts is when a note was replaced.
 */
import type { MemberNote } from './member-note.ts'

type Note = Pick<MemberNote, 'id' | 'at'>

interface Seen {
  readonly at: number
  /** When it was first read, elapsed. */
  readonly since: number
  /** How old it already was then, as far as wall clocks tell; 0 for one that replaced another. */
  readonly agoMs: number
}

export class Heard {
  #seen: ReadonlyMap<string, Seen> = new Map()
  #hasRead = false

  /** All notes that there are; `elapsed` and `wall`: now. */
  read(notes: readonly Note[], elapsed: number, wall: number): void {
    this.#seen = new Map(notes.map((note) => [note.id, this.#seenOf(note, elapsed, wall)]))
    this.#hasRead = true
  }

  /** Since this process read the note; undefined for one that it has not read. */
  unchangedMs({ id, at }: Note, elapsed: number): number | undefined {
    const seen = this.#seen.get(id)
    return seen?.at === at ? Math.max(0, elapsed - seen.since) : undefined
  }

  /** Since the member said so, by the clock of this process, as well as that can be known. */
  agoMs(note: Note, elapsed: number): number {
    const unchangedMs = this.unchangedMs(note, elapsed) ?? 0
    return unchangedMs + (this.#seen.get(note.id)?.agoMs ?? 0)
  }

  #seenOf({ id, at }: Note, elapsed: number, wall: number): Seen {
    const before = this.#seen.get(id)
    if (before?.at === at) return before
    // One that is there at the start may be of a member that is gone since days.
    const isFirst = !this.#hasRead
    return { at, since: elapsed, agoMs: isFirst ? Math.max(0, wall - at) : 0 }
  }
}
