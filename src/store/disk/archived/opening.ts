/** Looks which files of archived values the opening finds on this disk (R005-35, R005-113). */
import { basename } from 'node:path'
import type { ArchivedValues } from '../archive.ts'
import { type Files, SEALED_MODE } from '../files.ts'
import type { Layout } from '../layout.ts'
import type { StoredValue } from '../records/file-row.ts'
import type { FoundFile } from './archived-files.ts'

type Kept = FoundFile & { readonly writtenAtMs: number }

/** What is on this disk of the values of a store with an archive. */
export class FoundFiles {
  readonly #files: Files
  readonly #layout: Layout
  readonly #values: Pick<ArchivedValues, 'has'>
  /** Names of the files in the folder of values. */
  readonly #here: ReadonlySet<string>
  readonly #kept: Kept[] = []

  constructor(
    files: Files,
    layout: Layout,
    values: Pick<ArchivedValues, 'has'>,
    here: ReadonlySet<string>,
  ) {
    this.#here = here
    this.#files = files
    this.#layout = layout
    this.#values = values
  }

  /** Last written last. */
  get found(): readonly FoundFile[] {
    return this.#kept.toSorted((a, b) => a.writtenAtMs - b.writtenAtMs)
  }

  /** Bytes of all these files. */
  get bytes(): number {
    return this.#kept.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /**
   * Can the value be read, from here or from its object? A file of a wrong length is deleted where
   * the object has the bytes.
   */
  async check(value: StoredValue): Promise<boolean> {
    const hasObject = this.#values.has(value.file)
    const outboardName = basename(this.#layout.outboardFile(value.file))
    if (!this.#here.has(value.file) && !this.#here.has(outboardName)) return hasObject
    const isHere = await this.#isHere(value, hasObject)
    const path = this.#layout.outboardFile(value.file)
    const hasOutboard =
      value.place !== 'file' || (await this.#hasLength(path, value.outboardBytes, hasObject))
    if (isHere && (hasOutboard || hasObject)) {
      await this.#keep(this.#layout.valueFile(value.file), {
        file: value.file,
        bytes: value.size,
        isOutboard: false,
      })
      return true
    }
    if (!hasObject) return false
    if (value.place === 'file' && hasOutboard) {
      await this.#keep(path, { file: value.file, bytes: value.outboardBytes, isOutboard: true })
    }
    return true
  }

  /** Cuts a file that a move of its outboard left long. */
  async #isHere(
    { size, outboardBytes, file, place }: StoredValue,
    hasObject: boolean,
  ): Promise<boolean> {
    const path = this.#layout.valueFile(file)
    const length = await this.#files.size(path)
    if (place !== 'behind' && length !== size && length === size + outboardBytes) {
      // If the disk refuses, the value is as good, and the next opening finds the same.
      await this.#files.cut(path, size, SEALED_MODE).catch(() => undefined)
      return true
    }
    return this.#hasLength(path, place === 'behind' ? size + outboardBytes : size, hasObject)
  }

  async #hasLength(path: string, bytes: number, hasObject: boolean): Promise<boolean> {
    const length = await this.#files.size(path)
    if (length === bytes) return true
    if (length !== undefined && hasObject) await this.#files.remove(path)
    return false
  }

  async #keep(path: string, file: FoundFile): Promise<void> {
    this.#kept.push({ ...file, writtenAtMs: (await this.#files.writtenAt(path)) ?? 0 })
  }
}
