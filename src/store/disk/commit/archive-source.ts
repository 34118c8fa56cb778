/** What an archive asks of an open store. */
import { DstoreError } from '../../../errors.ts'
import type { Location } from '../../store.ts'
import type { ArchiveSource } from '../archive.ts'
import type { ArchivedFiles } from '../archived/archived-files.ts'
import { makeLocation } from '../layout.ts'
import type { Database } from '../records/database.ts'
import type { Overlay } from '../replica/overlay.ts'
import type { SealedValues } from '../staged/sealed-values.ts'
import type { Replica } from './replica.ts'

export interface SourceParts {
  readonly database: Database
  readonly replica: Replica
  readonly sealed: SealedValues
  /** Missing in a store without an archive. */
  readonly archived: Pick<ArchivedFiles, 'open'> | undefined
}

export function archiveSource({ database, replica, sealed, archived }: SourceParts): ArchiveSource {
  const { overlay } = replica
  const named = new NamedFiles(overlay, replica.run)
  return {
    say: (kind) => replica.say(kind),
    copyRecords: async (directory) => {
      // A snapshot has what was there when it was asked for: the first one, too.
      await replica.flush()
      return database.copyTo(directory)
    },
    rowsDigest: async (signal) => {
      await replica.flush()
      return database.rowsDigest(signal)
    },
    files: (after) => overlay.files(after),
    isNamed: (file) => sealed.get(file) !== undefined || named.isNamed(file),
    open: async (location) => {
      try {
        return await archived?.open(location)
      } catch (error) {
        const isGone = error instanceof DstoreError && error.code === 'removed'
        if (isGone || overlay.isDamaged(location)) return undefined
        throw error
      }
    },
  }
}

/** Which files adopted values have: named by the location, unless one replaced a damaged one. */
export class NamedFiles {
  readonly #overlay: Pick<Overlay, 'value' | 'files'>
  readonly #firstOfRun: Location
  /** Files that replaced damaged ones before this run, and whose: few. */
  #earlier: ReadonlyMap<Location, Location> | undefined

  constructor(overlay: Pick<Overlay, 'value' | 'files'>, run: number) {
    this.#overlay = overlay
    this.#firstOfRun = makeLocation(run, 0)
  }

  isNamed(file: Location): boolean {
    const own = this.#overlay.value(file)
    if (own !== undefined && own.small === undefined && own.file === file) return true
    if (file >= this.#firstOfRun) return this.#replacements().has(file)
    // No file of an earlier run replaces anything any more: one look at all of them is enough.
    const owner = (this.#earlier ??= this.#replacements()).get(file)
    return owner !== undefined && this.#overlay.value(owner)?.file === file
  }

  #replacements(): ReadonlyMap<Location, Location> {
    const found = new Map<Location, Location>()
    for (const { location, value } of this.#overlay.files()) {
      if (value.file !== location) found.set(value.file, location)
    }
    return found
  }
}
