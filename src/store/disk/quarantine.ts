/** Adopted values whose bytes are damaged: marked, their files renamed, never read again. */
import type { Location } from '../store.ts'
import type { GroupCommit } from './records/group-commit.ts'
import type { Database, StoredValue } from './records/database.ts'
import type { Files } from './files.ts'
import type { Layout } from './layout.ts'

export interface QuarantineOptions {
  readonly files: Files
  readonly layout: Layout
  readonly database: Database
  readonly commits: GroupCommit
  /** Values whose file is missing or has the wrong length, as found by the opening. */
  readonly missing: readonly Location[]
}

export class Quarantine {
  readonly #options: QuarantineOptions
  /** Not marked in the database: the next opening checks again. */
  readonly #missing: Set<Location>

  constructor(options: QuarantineOptions) {
    this.#options = options
    this.#missing = new Set(options.missing)
  }

  get count(): number {
    return this.#missing.size + this.#options.database.damagedCount()
  }

  has(location: Location): boolean {
    return this.#missing.has(location) || this.#options.database.isDamaged(location)
  }

  /** Marks a value durably, then renames its file. False if it is not adopted. */
  async add(location: Location): Promise<boolean> {
    const { database, commits } = this.#options
    const run = (): StoredValue | undefined => {
      const value = database.value(location)
      if (value !== undefined) database.markDamaged(location, true)
      return value
    }
    const value = await commits.run({ bytes: 0, adds: false, run })
    if (value === undefined) return false
    this.#missing.delete(location)
    if (value.small === undefined) await this.#setAside(location, value)
    return true
  }

  /** Forgets a value that was released or replaced. */
  async remove(location: Location): Promise<void> {
    this.#missing.delete(location)
    const { files, layout } = this.#options
    await files.remove(layout.damagedFile(location)).catch(() => undefined)
  }

  /** If the file is missing or cannot be renamed, the mark suffices. */
  async #setAside(location: Location, { file }: StoredValue): Promise<void> {
    const { files, layout } = this.#options
    await files.rename(layout.valueFile(file), layout.damagedFile(location)).catch(() => undefined)
  }
}
