/**
 * Which files of archived values are on this disk, in the order of their last use. The store's quota
 * evicts those that were not used for longest (specs/005-storage.md, "Rules: values in an archive").
 */
import type { Evictor, Quota } from '../../quota.ts'
import type { Location } from '../../store.ts'
import type { ArchivedValues } from '../archive.ts'
import type { Files } from '../files.ts'
import type { Layout } from '../layout.ts'

export interface LocalFilesParts {
  readonly files: Pick<Files, 'remove'>
  readonly layout: Layout
  readonly values: Pick<ArchivedValues, 'isComplete'>
  /** Counts the bytes of these files. */
  readonly quota: Quota
}

/** Names an outboard that was fetched without its value. */
const OUTBOARD = '.outboard'

export class LocalFiles implements Evictor {
  readonly #parts: LocalFilesParts
  /** Bytes of each file, last used last. A location is a value, others are outboards. */
  readonly #bytes = new Map<string, number>()
  /** How many read, lend or stage each file, whether it is here or not. */
  readonly #pins = new Map<string, number>()
  #localBytes = 0
  #pinnedBytes = 0
  #evictions = 0
  /** Deletions under way. They never reject. */
  readonly #going = new Map<Location, Promise<void>>()

  constructor(parts: LocalFilesParts) {
    this.#parts = parts
  }

  get localBytes(): number {
    return this.#localBytes
  }

  get count(): number {
    return this.#bytes.size
  }

  get evictions(): number {
    return this.#evictions
  }

  get evictableBytes(): number {
    return this.#parts.values.isComplete ? this.#localBytes - this.#pinnedBytes : 0
  }

  has(file: Location): boolean {
    return this.#bytes.has(file)
  }

  /** It is here, and the quota counts it. */
  add(file: Location, bytes: number): void {
    this.#set(file, bytes)
  }

  /** An outboard is here without its value, and the quota counts it. */
  addOutboard(file: Location, bytes: number): void {
    this.#set(file + OUTBOARD, bytes)
  }

  /** It is in use, and not evicted before the result is called. */
  pin(file: Location): () => void {
    const count = this.#pins.get(file) ?? 0
    const bytes = this.#bytes.get(file)
    this.#pins.set(file, count + 1)
    if (count === 0) this.#pinnedBytes += bytes ?? 0
    this.#touch(file, bytes)
    let isPinned = true
    return () => {
      if (!isPinned) return
      isPinned = false
      this.#unpin(file)
    }
  }

  touchOutboard(file: Location): void {
    const name = file + OUTBOARD
    this.#touch(name, this.#bytes.get(name))
  }

  /** It is no longer here, or no longer the value's; the quota counts it no more. */
  forget(file: Location): void {
    for (const name of [file, file + OUTBOARD]) this.#parts.quota.free(this.#delete(name))
  }

  /** Forgets a file whose bytes the quota counts as those of a staging. */
  handBack(file: Location): void {
    this.#delete(file)
  }

  /** Forgets it and deletes it, with its outboard. */
  async remove(file: Location): Promise<void> {
    this.forget(file)
    await this.#unlink(file, true)
  }

  evict(bytes: number): void {
    if (!this.#parts.values.isComplete) return
    let left = bytes
    for (const [name, size] of this.#bytes) {
      if (left <= 0) return
      if (this.#pins.has(name)) continue
      left -= size
      this.#evictions++
      const isValue = !name.endsWith(OUTBOARD)
      const file = isValue ? name : name.slice(0, -OUTBOARD.length)
      if (isValue) this.forget(file)
      else this.#parts.quota.free(this.#delete(name))
      void this.#unlink(file, isValue)
    }
  }

  /** Resolves when nothing of this file, or of any, is being deleted. */
  async settled(file?: Location): Promise<void> {
    await (file === undefined ? Promise.all(this.#going.values()) : this.#going.get(file))
  }

  #set(name: string, bytes: number): void {
    this.#delete(name)
    this.#bytes.set(name, bytes)
    this.#localBytes += bytes
    if (this.#pins.has(name)) this.#pinnedBytes += bytes
  }

  /** Returns its bytes. */
  #delete(name: string): number {
    const bytes = this.#bytes.get(name)
    if (bytes === undefined) return 0
    this.#bytes.delete(name)
    this.#localBytes -= bytes
    if (this.#pins.has(name)) this.#pinnedBytes -= bytes
    return bytes
  }

  #touch(name: string, bytes: number | undefined): void {
    if (bytes === undefined) return
    this.#bytes.delete(name)
    this.#bytes.set(name, bytes)
  }

  #unpin(file: Location): void {
    const count = this.#pins.get(file)! - 1
    if (count > 0) {
      this.#pins.set(file, count)
      return
    }
    this.#pins.delete(file)
    this.#pinnedBytes -= this.#bytes.get(file) ?? 0
  }

  /** What the disk refuses to delete is found by the next opening. */
  #unlink(file: Location, withValue: boolean): Promise<void> {
    const { files, layout } = this.#parts
    const paths = [layout.outboardFile(file), ...(withValue ? [layout.valueFile(file)] : [])]
    const before = this.#going.get(file)
    const unlink = async (): Promise<void> => {
      await before
      for (const path of paths) await files.remove(path).catch(() => undefined)
      if (this.#going.get(file) === going) this.#going.delete(file)
    }
    const going = unlink()
    this.#going.set(file, going)
    return going
  }
}
