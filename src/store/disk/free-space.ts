/** Keeps enough of the disk free that removals still work when it is full. */
import { MIB } from '../../limits.ts'
import type { Database } from './records/database.ts'
import { faultOf } from './faults.ts'
import type { Files } from './files.ts'

/** Free space that the disk store leaves on its filesystem: removals need some of it. */
export const DISK_RESERVE_BYTES: number = 16 * MIB

/** How long, and for how many bytes, what the filesystem said is relied on. */
const LOOK_MS = 1000
const LOOK_BYTES = 16 * MIB

/** A generous estimate of the pages that LMDB copies in a commit beside the new bytes. */
const COPIED_BYTES = MIB

/** Of the reserve, what additions never take, whatever spare pages LMDB has. */
const UNTOUCHED_SHARE = 4

export interface FreeSpaceParts {
  readonly files: Files
  /** On the filesystem in question. */
  readonly path: string
  readonly database: Pick<Database, 'spareBytes'>
  /** To be left free. */
  readonly reserveBytes: number
  /** Milliseconds that never run ahead of real time. */
  readonly now: () => number
  /** Bytes that the database has yet to write. */
  readonly unwritten: () => number
}

export class FreeSpace {
  readonly #parts: FreeSpaceParts
  /** What could still be added when the filesystem was looked at last, less what was since. */
  #room = 0
  #lookedAtMs = -Infinity
  #added = 0

  constructor(parts: FreeSpaceParts) {
    this.#parts = parts
  }

  /**
   * May these bytes be added? LMDB's spare pages need no free space. Undefined if the filesystem
   * must be asked first, with `look`.
   */
  admits(bytes: number): true | undefined {
    if (!this.hasRoom(bytes)) return undefined
    this.#take(bytes)
    return true
  }

  /** Is there room for these bytes, by what the filesystem said lately? If not, it may be asked. */
  hasRoom(bytes: number): boolean {
    const isRecent = this.#parts.now() - this.#lookedAtMs < LOOK_MS
    return isRecent && this.#added + bytes <= LOOK_BYTES && bytes <= this.#room
  }

  /** The same, asking the filesystem. Throws what that says. */
  async look(bytes: number): Promise<boolean> {
    const { files, path, database, reserveBytes, now, unwritten } = this.#parts
    const free = await files.freeBytes(path)
    const waiting = unwritten()
    const wanted = free - reserveBytes + database.spareBytes() - waiting
    // LMDB may find no place for them in its spare pages, and must be able to write them all.
    this.#room = Math.min(wanted, free - reserveBytes / UNTOUCHED_SHARE - waiting)
    this.#lookedAtMs = now()
    this.#added = 0
    if (bytes > this.#room) return false
    this.#take(bytes)
    return true
  }

  /** Free bytes beyond the reserve. Errors: as `faultOf`. */
  async freeBytes(): Promise<number> {
    const { files, path, reserveBytes } = this.#parts
    try {
      return Math.max(0, (await files.freeBytes(path)) - reserveBytes)
    } catch (error) {
      throw faultOf(error, 'ask for free space')
    }
  }

  /** Is there too little space for LMDB to write these bytes? */
  async isTight(bytes: number): Promise<boolean> {
    const { files, path, reserveBytes } = this.#parts
    return (await files.freeBytes(path)) < reserveBytes + COPIED_BYTES + bytes
  }

  #take(bytes: number): void {
    this.#room -= bytes
    this.#added += bytes
  }
}
