/** Files that are allocated and written with zeros, or used before: the next segments. */
import { KIB } from '../../limits.ts'
import { isFull } from './faults.ts'
import { type JournalFiles, writeAll } from './files.ts'
import { pathOf } from './layout.ts'

const ZEROS = new Uint8Array(256 * KIB)

/** The least that is tried where the disk has no room for more. */
const LEAST_BYTES = 256 * KIB

/** More of them are deleted. One is for appends that must succeed where the disk is full. */
const SPARES = 2

export interface Spare {
  readonly path: string
  readonly bytes: number
}

export class Spares {
  readonly #files: JournalFiles
  readonly #directory: string
  readonly #spares: Spare[] = []
  #nextNumber = 1
  #preparing: Promise<void> | undefined

  constructor(files: JournalFiles, directory: string) {
    this.#files = files
    this.#directory = directory
  }

  get count(): number {
    return this.#spares.length
  }

  /** A name that no other spare has; those with smaller numbers are in use. */
  nextPath(above: number = 0): string {
    this.#nextNumber = Math.max(this.#nextNumber, above)
    return pathOf(this.#directory, this.#nextNumber++, 'spare')
  }

  /** Takes over a file whose bytes are allocated; deletes the smallest of too many. */
  async add(spare: Spare): Promise<void> {
    this.#spares.push(spare)
    this.#spares.sort((a, b) => b.bytes - a.bytes)
    while (this.#spares.length > SPARES) await this.#files.remove(this.#spares.pop()!.path)
  }

  /** Makes those that are missing, of this size, in the background. */
  prepare(bytes: number): void {
    // If the disk refuses, the next call tries again, and says why.
    this.fill(bytes).catch(() => undefined)
  }

  /** Makes those that are missing, of this size, or smaller where the disk has not the room. */
  fill(bytes: number): Promise<void> {
    return (this.#preparing ??= this.#fill(bytes).finally(() => (this.#preparing = undefined)))
  }

  /** The largest, of at least `least` bytes; without one, makes one of `bytes`. */
  async take(least: number, bytes: number): Promise<Spare> {
    await this.settled()
    const found = this.#spares.findIndex((spare) => spare.bytes >= least)
    if (found >= 0) return this.#spares.splice(found, 1)[0]!
    return this.#make(Math.max(least, bytes), Math.max(least, LEAST_BYTES))
  }

  async settled(): Promise<void> {
    await this.#preparing?.catch(() => undefined)
  }

  async #fill(bytes: number): Promise<void> {
    while (this.#spares.length < SPARES) await this.add(await this.#make(bytes, LEAST_BYTES))
  }

  async #make(bytes: number, least: number): Promise<Spare> {
    try {
      return await this.#create(bytes)
    } catch (error) {
      if (!isFull(error) || least >= bytes) throw error
      return this.#create(least)
    }
  }

  /** Written, so that no later write to it changes what the file system knows of the file. */
  async #create(bytes: number): Promise<Spare> {
    const path = this.nextPath()
    const unfinished = path.replace(/spare$/, 'new')
    const file = await this.#files.create(unfinished)
    try {
      try {
        for (let at = 0; at < bytes; at += ZEROS.byteLength) {
          await writeAll(file, ZEROS.subarray(0, bytes - at), at)
        }
        await file.sync()
      } finally {
        await file.close()
      }
      await this.#files.rename(unfinished, path)
    } catch (error) {
      await this.#files.remove(unfinished).catch(() => undefined)
      throw error
    }
    return { path, bytes }
  }
}
