/** Whether the disk can take more, and still a removal when it cannot. */
import { MIB } from '../../limits.ts'
import type { Database } from './database.ts'
import { faultOf } from './faults.ts'
import type { Files } from './files.ts'

/** What LMDB writes beside what it is given: a copy of every page that it changes. Generous. */
const COPIED_BYTES = MIB

export class FreeSpace {
  readonly #files: Files
  readonly #path: string
  readonly #database: Database
  readonly #reserveBytes: number

  /** `reserveBytes` are kept free on the filesystem of this path. */
  constructor(files: Files, path: string, database: Database, reserveBytes: number) {
    this.#files = files
    this.#path = path
    this.#database = database
    this.#reserveBytes = reserveBytes
  }

  /** May LMDB take so many bytes more? What it has spare needs no room on the disk. */
  async admits(bytes: number): Promise<boolean> {
    const missing = this.#reserveBytes + bytes - (await this.#files.freeBytes(this.#path))
    return missing <= 0 || missing <= this.#database.spareBytes()
  }

  /** What is free beyond the reserve, in bytes. Faults: as `faultOf`. */
  async freeBytes(): Promise<number> {
    try {
      return Math.max(0, (await this.#files.freeBytes(this.#path)) - this.#reserveBytes)
    } catch (error) {
      throw faultOf(error, 'ask for free space')
    }
  }

  /** Would a commit of so many bytes that failed have failed for want of room? */
  async isTight(bytes: number): Promise<boolean> {
    const needed = this.#reserveBytes + COPIED_BYTES + bytes
    return (await this.#files.freeBytes(this.#path)) < needed
  }
}
