/** Adopted values whose bytes are damaged: marked, their files renamed, never read again. */
import type { Location } from '../store.ts'
import type { Commits } from './commit/commits.ts'
import { SMALL_COST } from './commit/cost.ts'
import type { Turns } from './commit/turns.ts'
import type { Files } from './files.ts'
import type { Layout } from './layout.ts'
import type { StoredValue } from './records/file-row.ts'
import type { Overlay } from './replica/overlay.ts'

export interface QuarantineOptions {
  readonly files: Files
  readonly layout: Layout
  readonly overlay: Overlay
  readonly commits: Commits
  /** Of everything that changes what is at the location of an adopted value. */
  readonly turns: Turns
  /** Values whose file is missing or has the wrong length, as found by the opening. */
  readonly missing: readonly Location[]
}

export class Quarantine {
  readonly #options: QuarantineOptions
  /** Not marked in the records: the next opening checks again. */
  readonly #missing: Set<Location>

  constructor(options: QuarantineOptions) {
    this.#options = options
    this.#missing = new Set(options.missing)
  }

  get count(): number {
    return this.#missing.size + this.#options.overlay.damagedCount()
  }

  has(location: Location): boolean {
    return this.#missing.has(location) || this.#options.overlay.isDamaged(location)
  }

  /** Marks a value durably, then renames its file. False if it is not adopted. */
  add(location: Location): Promise<boolean> {
    const { overlay, commits, turns } = this.#options
    return turns.run(async () => {
      let value: StoredValue | undefined
      const onApplied = (): void => void (value = overlay.value(location))
      if (overlay.value(location) === undefined) return false
      const change = { type: 'damaged', location } as const
      const [applied] = await commits.run([{ change, onApplied }], SMALL_COST)
      // It may have been released meanwhile.
      if (applied!.mistake !== undefined || value === undefined) return false
      this.#missing.delete(location)
      if (value.small === undefined) await this.#setAside(location, value)
      return true
    })
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
