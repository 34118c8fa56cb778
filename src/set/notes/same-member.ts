/**
 * Finds that another process runs as the same member, from a copy of its state directory: a state
 * machine without I/O (specs/012-set.md, R012-22). No clock is compared.
 */
import type { MemberNote } from './member-note.ts'

/** One note may still have been on its way when its process ended. */
const NOTES = 2

export class SameMember {
  /** Random, of this process. */
  readonly process: string
  /** The process whose note was there when this one began, if any; undefined before it looked. */
  #before: string | undefined
  #last: MemberNote | undefined
  #count = 0

  constructor(process: string) {
    this.process = process
  }

  /** What a note of this process says beside what the member says. */
  get said(): Pick<MemberNote, 'process' | 'before'> {
    return { process: this.process, ...(this.#before && { before: this.#before }) }
  }

  /**
   * What the bucket has under the id of this member, each time before this process replaces it.
   * True if this process must end: another one writes it, and is not the later of the two.
   */
  found(note: MemberNote | undefined): boolean {
    const process = note?.process ?? ''
    if (this.#before === undefined) {
      this.#before = process
      this.#last = note
      return false
    }
    if (note === undefined || process === this.process) return false
    const isSame = this.#last !== undefined && (this.#last.process ?? '') === process
    if (isSame && this.#last?.at === note.at) return false
    this.#count = isSame ? this.#count + 1 : 1
    this.#last = note
    return this.#count >= NOTES && this.#isLaterThan(note, process)
  }

  #isLaterThan({ before }: MemberNote, process: string): boolean {
    if (process === this.#before) return true
    if (before === this.process) return false
    // Both began at once: each decides alike.
    return this.process > process
  }
}
