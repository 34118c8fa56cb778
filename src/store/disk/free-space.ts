/** Keeps enough of the disk free that removals still work when it is full. */
import { MIB } from '../../limits.ts'
import type { Database } from './records/database.ts'
import { faultOf } from './faults.ts'
import type { Files } from './files.ts'

/** Free space that the disk store leaves on its filesystem: removals need some of it. */
export const DISK_RESERVE_BYTES: number = 16 * MIB

/** A generous estimate of the pages that LMDB copies in a commit beside the new bytes. */
const COPIED_BYTES = MIB

export class FreeSpace {
  readonly #files: Files
  readonly #path: string
  readonly #database: Database
  readonly #reserveBytes: number

  /** Leaves `reserveBytes` free on the filesystem of this path. */
  constructor(files: Files, path: string, database: Database, reserveBytes: number) {
    this.#files = files
    this.#path = path
    this.#database = database
    this.#reserveBytes = reserveBytes
  }

  /** May LMDB write these bytes? Its spare pages need no free space. */
  async admits(bytes: number): Promise<boolean> {
    const missing = this.#reserveBytes + bytes - (await this.#files.freeBytes(this.#path))
    return missing <= 0 || missing <= this.#database.spareBytes()
  }

  /** Free bytes beyond the reserve. Errors: as `faultOf`. */
  async freeBytes(): Promise<number> {
    try {
      return Math.max(0, (await this.#files.freeBytes(this.#path)) - this.#reserveBytes)
    } catch (error) {
      throw faultOf(error, 'ask for free space')
    }
  }

  /** Is there too little space for a commit of these bytes? */
  async isTight(bytes: number): Promise<boolean> {
    const needed = this.#reserveBytes + COPIED_BYTES + bytes
    return (await this.#files.freeBytes(this.#path)) < needed
  }
}
