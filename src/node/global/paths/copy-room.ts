/** Bounds what copies of values take of Global's disk (specs/005-storage.md, R005-87). */
import { dirname } from 'node:path'
import { DstoreError } from '../../../errors.ts'
import { PATH_COPIES_BYTES } from '../../../limits.ts'
import { mountUse } from '../../../store/cached/mount.ts'
import { faultOf } from '../../../store/disk/faults.ts'
import { DISK_RESERVE_BYTES } from '../../../store/disk/free-space.ts'

export class CopyRoom {
  readonly #root: string | undefined
  #usedBytes = 0

  /** Copies lie below `root`, which may be missing, in a folder that is there. */
  constructor(root: string | undefined) {
    this.#root = root
  }

  /** Bytes of all copies. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Takes room until the returned function is called. Errors: `no-space`. */
  take(bytes: number): () => void {
    if (this.#usedBytes + bytes > PATH_COPIES_BYTES) throw tooMany(bytes)
    const isFull = this.#root !== undefined && leftIn(dirname(this.#root)) < bytes
    if (isFull)
      throw new DstoreError('no-space', `the disk has no room for a copy of ${bytes} bytes`)
    this.#usedBytes += bytes
    let isTaken = true
    return () => {
      if (isTaken) this.#usedBytes -= bytes
      isTaken = false
    }
  }
}

/** Removals need what the store keeps free. */
function leftIn(folder: string): number {
  try {
    return mountUse(folder).freeBytes - DISK_RESERVE_BYTES
  } catch (error) {
    throw faultOf(error, 'ask for free space')
  }
}

const tooMany = (bytes: number): DstoreError =>
  new DstoreError(
    'no-space',
    `copies may take ${PATH_COPIES_BYTES} bytes: none left for ${bytes}`,
    {
      hint: 'release what is held, or write the value to a file of your own with `get -o`',
    },
  )
