/**
 * The folder of this machine in which the go command finds outputs: a file for each, by its
 * SHA-256, and one for each action that says which output is its (specs/010-doors.md, R010-43).
 */
import {
  closeSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { makeDirectories } from '../../src/store/file/directories.ts'
import { systemFault } from '../../src/errno.ts'
import { DstoreError, systemError } from '../../src/errors.ts'
import { KIB } from '../../src/limits.ts'

/** What the folder knows of an action. */
export interface LocalEntry {
  readonly output: string
  readonly size: number
  /** When it was put, in milliseconds since 1970. */
  readonly time: number
  /** Whether dstore has it. */
  readonly isStored: boolean
}

export interface LocalHit extends LocalEntry {
  readonly path: string
}

/** Bytes of an output in memory before they go to a file. */
const MEMORY_BYTES = 256 * KIB

/** The time of last use is noted at most so often. */
const USE_MS = 3_600_000

const ENTRY = /^1 ([0-9a-f]{64}) (\d{1,16}) (\d{1,16}) ([01])\n$/

export class GoFolder {
  readonly path: string
  /** Bytes that this process added. */
  addedBytes: number = 0
  /** What its unfinished files begin with. Random: another process may have its number. */
  readonly #own = `tmp-${randomBytes(8).toString('hex')}`
  #names = 0

  /** `path`: made when the first file is written. */
  constructor(path: string) {
    this.path = path
  }

  /** What the folder has for an action; undefined if it has not. */
  find(action: string): LocalHit | undefined {
    const entry = this.#read(action)
    if (entry === undefined) return undefined
    const path = this.outputPath(entry.output)
    const found = statSync(path, { throwIfNoEntry: false })
    // A crash of the machine may have left less of it.
    if (found?.isFile() !== true || found.size !== entry.size) return undefined
    if (Date.now() - found.mtimeMs > USE_MS) this.#touch([path, this.#actionPath(action)])
    return { ...entry, path }
  }

  /** Says what the output of an action is. */
  bind(action: string, { output, size, time, isStored }: LocalEntry): void {
    const line = `1 ${output} ${size} ${time} ${isStored ? 1 : 0}\n`
    const path = this.#temporary()
    this.#write(path, Buffer.from(line))
    this.#rename(path, this.#actionPath(action))
  }

  /** Notes that dstore has what this action is bound to. */
  markStored(action: string, output: string): void {
    const entry = this.#read(action)
    if (entry?.output === output) this.bind(action, { ...entry, isStored: true })
  }

  /** An output that is written piece by piece. */
  newOutput(): NewOutput {
    return new NewOutput(
      () => this.#temporary(),
      (path, bytes) => this.#write(path, bytes),
      (path, output, size) => this.#adopt(path, output, size),
    )
  }

  /** Where an output is, or would be. */
  outputPath(output: string): string {
    return join(this.path, output.slice(0, 2), `${output}-d`)
  }

  #actionPath(action: string): string {
    return join(this.path, action.slice(0, 2), `${action}-a`)
  }

  #read(action: string): LocalEntry | undefined {
    let text: string
    try {
      text = readFileSync(this.#actionPath(action), 'latin1')
    } catch {
      return undefined
    }
    const match = ENTRY.exec(text)
    if (match === null) return undefined
    const [, output, size, time, stored] = match as unknown as [
      string,
      string,
      string,
      string,
      string,
    ]
    return { output, size: Number(size), time: Number(time), isStored: stored === '1' }
  }

  #touch(paths: readonly string[]): void {
    const now = new Date()
    for (const path of paths) {
      try {
        utimesSync(path, now, now)
      } catch {
        // Another process has trimmed it just now.
      }
    }
  }

  /** Makes a whole file the output of this SHA-256. */
  #adopt(path: string, output: string, size: number): string {
    const target = this.outputPath(output)
    const found = statSync(target, { throwIfNoEntry: false })
    if (found?.isFile() === true && found.size === size) {
      rmSync(path, { force: true })
      this.#touch([target])
    } else {
      this.#rename(path, target)
      this.addedBytes += size
    }
    return target
  }

  #temporary(): string {
    return join(this.path, `${this.#own}-${this.#names++}`)
  }

  #write(path: string, bytes: Uint8Array): void {
    this.#making(this.path, () => writeFileSync(path, bytes, { mode: 0o600, flag: 'wx' }))
  }

  #rename(from: string, to: string): void {
    this.#making(join(to, '..'), () => renameSync(from, to))
  }

  /** Does it, and makes the folder where that is missing. */
  #making(folder: string, work: () => void): void {
    try {
      try {
        work()
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
        makeDirectories(folder, 0o700)
        work()
      }
    } catch (error) {
      throw folderFault(this.path, error)
    }
  }
}

/** Bytes on their way into the folder. */
export class NewOutput {
  readonly #newPath: () => string
  readonly #create: (path: string, bytes: Uint8Array) => void
  readonly #adopt: (path: string, output: string, size: number) => string
  readonly #hash = createHash('sha256')
  #parts: Uint8Array[] = []
  #size = 0
  #file: { readonly path: string; readonly fd: number } | undefined

  constructor(
    newPath: () => string,
    create: (path: string, bytes: Uint8Array) => void,
    adopt: (path: string, output: string, size: number) => string,
  ) {
    this.#newPath = newPath
    this.#create = create
    this.#adopt = adopt
  }

  /** Takes bytes, which may change afterwards. */
  write(bytes: Uint8Array): void {
    this.#hash.update(bytes)
    this.#size += bytes.byteLength
    if (this.#file !== undefined) return this.#append(this.#file.fd, bytes)
    this.#parts.push(Uint8Array.from(bytes))
    if (this.#size <= MEMORY_BYTES) return
    const path = this.#newPath()
    this.#create(path, Buffer.concat(this.#parts))
    this.#parts = []
    this.#file = { path, fd: openSync(path, 'a') }
  }

  /** Keeps it. Throws `integrity` if it is not the `expected` output. */
  end(expected?: string): {
    readonly output: string
    readonly size: number
    readonly path: string
  } {
    const output = this.#hash.digest('hex')
    if (expected !== undefined && output !== expected) {
      this.discard()
      throw new DstoreError('integrity', `the body has the SHA-256 ${output}, not ${expected}`)
    }
    let path = this.#file?.path
    if (this.#file !== undefined) closeSync(this.#file.fd)
    else this.#create((path = this.#newPath()), Buffer.concat(this.#parts))
    this.#file = undefined
    return { output, size: this.#size, path: this.#adopt(path!, output, this.#size) }
  }

  /** Drops it. */
  discard(): void {
    this.#parts = []
    if (this.#file === undefined) return
    closeSync(this.#file.fd)
    rmSync(this.#file.path, { force: true })
    this.#file = undefined
  }

  #append(fd: number, bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.byteLength;) at += writeSync(fd, bytes, at)
    } catch (error) {
      throw folderFault(this.#file!.path, error)
    }
  }
}

function folderFault(path: string, error: unknown): unknown {
  const system = systemFault(error)
  return system === undefined ? error : systemError(system, `cannot write to ${path}`, error)
}
