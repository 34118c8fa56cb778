/**
 * Remembers the keys of a tree's files from one put to the next (R008-50): read and written record
 * by record in the order of the walk, so that its size costs no memory. Every failure of it only
 * costs time.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { toHex } from '../../../bytes.ts'
import { compareNames } from '../../../directory/names.ts'
import { hash } from '../../../hash/hasher.ts'
import { MIB } from '../../../limits.ts'
import { HEAD_BYTES, decodeRecord, encodeRecord, lengthIn } from './stat-record.ts'
import type { FolderRecord, Remembered } from './stat-record.ts'

const MAGIC = Buffer.from('dstore stat cache 1\n')
/** Trees whose caches are kept: those that were put last. */
const TREES = 32
const RECORD_BYTES = 256 * MIB
const WRITE_BYTES = MIB

export class StatCache {
  readonly #path: string
  #old: Reader | undefined
  /** The next record of the old cache. */
  #next: FolderRecord | undefined
  #new: Writer | undefined

  /** The cache of the tree at this real path, in a folder that is made if need be. */
  constructor(folder: string, root: string) {
    const digest = hash(Buffer.from(root)).digest
    this.#path = join(folder, toHex(digest.subarray(0, 16)))
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      this.#new = new Writer(`${this.#path}.${randomBytes(8).toString('hex')}`)
    } catch {
      // Another user's state directory, or a full disk.
    }
    this.#old = Reader.open(this.#path)
    this.#next = this.#old?.read()
  }

  /** What is remembered of the files of a folder. Folders must come in the order of the walk. */
  recall(relative: string): ReadonlyMap<string, Remembered> | undefined {
    while (this.#next !== undefined) {
      const order = compareFolders(this.#next.relative, relative)
      if (order > 0) return undefined
      const { files } = this.#next
      this.#next = this.#old?.read()
      if (order === 0) return files
    }
    return undefined
  }

  /** Remembers files of a folder, in the same order. */
  remember(record: FolderRecord): void {
    try {
      this.#new?.write(encodeRecord(record))
    } catch {
      this.#drop()
    }
  }

  /** Keeps what was remembered; of a walk that was `cutShort`, also the old records behind it. */
  keep(cutShort: boolean): void {
    if (!cutShort) this.#next = undefined
    for (; this.#next !== undefined; this.#next = this.#old?.read()) this.remember(this.#next)
    try {
      this.#new?.renameTo(this.#path)
      prune(join(this.#path, '..'))
    } catch {
      this.#drop()
    }
    this.close()
  }

  /** Forgets the tree: something of what was remembered is wrong. */
  forget(): void {
    this.close()
    unlinkQuietly(this.#path)
  }

  /** Ends without a change to what is kept. */
  close(): void {
    this.#drop()
    this.#old?.close()
    this.#old = undefined
    this.#next = undefined
  }

  #drop(): void {
    this.#new?.drop()
    this.#new = undefined
  }
}

/** The order in which a walk enters folders: before what is below them, names bytewise. */
export function compareFolders(a: string, b: string): number {
  if (a === b) return 0
  const left = a === '' ? [] : a.split('/')
  const right = b === '' ? [] : b.split('/')
  for (const [index, part] of left.entries()) {
    if (index === right.length) return 1
    const order = compareNames(part, right[index]!)
    if (order !== 0) return order
  }
  return -1
}

class Reader {
  readonly #fd: number
  #at = MAGIC.byteLength

  private constructor(fd: number) {
    this.#fd = fd
  }

  static open(path: string): Reader | undefined {
    try {
      const reader = new Reader(openSync(path, 'r'))
      if (reader.#take(0, MAGIC.byteLength)?.equals(MAGIC) === true) return reader
      reader.close()
    } catch {
      // There is none.
    }
    return undefined
  }

  /** Undefined at the end, or where the rest is damaged. */
  read(): FolderRecord | undefined {
    const head = this.#take(this.#at, HEAD_BYTES)
    const length = head === undefined ? 0 : lengthIn(head)
    if (head === undefined || length > RECORD_BYTES) return undefined
    const body = this.#take(this.#at + HEAD_BYTES, length)
    this.#at += HEAD_BYTES + length
    return body && decodeRecord(head, body)
  }

  close(): void {
    closeSync(this.#fd)
  }

  #take(at: number, length: number): Buffer | undefined {
    const bytes = Buffer.alloc(length)
    try {
      return readSync(this.#fd, bytes, 0, length, at) === length ? bytes : undefined
    } catch {
      return undefined
    }
  }
}

class Writer {
  readonly #path: string
  readonly #fd: number
  #parts: Uint8Array[] = [MAGIC]
  #bytes = 0

  constructor(path: string) {
    this.#path = path
    this.#fd = openSync(path, 'wx', 0o600)
  }

  write(record: Uint8Array): void {
    this.#parts.push(record)
    this.#bytes += record.byteLength
    if (this.#bytes > WRITE_BYTES) this.#flush()
  }

  renameTo(path: string): void {
    this.#flush()
    renameSync(this.#path, path)
  }

  /** Harmless after a rename. */
  drop(): void {
    closeSync(this.#fd)
    unlinkQuietly(this.#path)
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#parts)
    for (let done = 0; done < bytes.byteLength;) {
      done += writeSync(this.#fd, bytes, done, bytes.byteLength - done)
    }
    this.#parts = []
    this.#bytes = 0
  }
}

/** Removes the caches of the trees that were put longest ago. */
function prune(folder: string): void {
  const names = readdirSync(folder)
  if (names.length <= TREES) return
  const aged = names.map((name) => {
    const path = join(folder, name)
    return { path, mtimeMs: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }
  })
  aged.sort((a, b) => b.mtimeMs - a.mtimeMs)
  for (const { path } of aged.slice(TREES)) unlinkQuietly(path)
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // It is gone.
  }
}
