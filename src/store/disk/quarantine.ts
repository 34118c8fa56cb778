/** Adopted values that the disk no longer has as they were: marked, set aside, and never given again. */
import type { Location } from '../store.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Database, StoredValue } from './database.ts'
import type { Files } from './files.ts'
import type { Layout } from './layout.ts'

export interface QuarantineOptions {
  readonly files: Files
  readonly layout: Layout
  readonly database: Database
  readonly commits: GroupCommit
  /** Without a file, or with one of another length, as of the opening. */
  readonly found: readonly Location[]
}

export class Quarantine {
  readonly #options: QuarantineOptions
  /** Not marked: the next opening looks again. */
  readonly #found: Set<Location>

  constructor(options: QuarantineOptions) {
    this.#options = options
    this.#found = new Set(options.found)
  }

  get count(): number {
    return this.#found.size + this.#options.database.damagedCount()
  }

  has(location: Location): boolean {
    return this.#found.has(location) || this.#options.database.isDamaged(location)
  }

  /** Mark it durably, then set its file aside. False where it is not adopted. */
  async mark(location: Location): Promise<boolean> {
    const { database, commits } = this.#options
    const run = (): StoredValue | undefined => {
      const value = database.value(location)
      if (value !== undefined) database.markDamaged(location, true)
      return value
    }
    const value = await commits.run({ bytes: 0, adds: false, run })
    if (value === undefined) return false
    this.#found.delete(location)
    if (value.small === undefined) await this.#setAside(location, value)
    return true
  }

  /** It was released, or another took its place. */
  async gone(location: Location): Promise<void> {
    this.#found.delete(location)
    const { files, layout } = this.#options
    await files.remove(layout.damagedFile(location)).catch(() => undefined)
  }

  /** Where the file is missing, or cannot be renamed, the mark alone must do. */
  async #setAside(location: Location, { file }: StoredValue): Promise<void> {
    const { files, layout } = this.#options
    await files.rename(layout.valueFile(file), layout.damagedFile(location)).catch(() => undefined)
  }
}
