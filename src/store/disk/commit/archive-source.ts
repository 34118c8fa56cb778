/** What an archive asks of an open store. */
import { DstoreError } from '../../../errors.ts'
import type { Location } from '../../store.ts'
import type { ArchiveSource } from '../archive.ts'
import type { ArchivedFiles } from '../archived/archived-files.ts'
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
  return {
    say: (kind) => replica.say(kind),
    copyRecords: async (directory) => {
      // A snapshot has what was there when it was asked for: the first one, too.
      await replica.flush()
      return database.copyTo(directory)
    },
    files: (after) => overlay.files(after),
    isNamed: (file) => sealed.get(file) !== undefined || isNamed(overlay, file),
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

/** The value at the location that names a file has it, unless it replaced a damaged one. */
function isNamed(overlay: Overlay, file: Location): boolean {
  const own = overlay.value(file)
  if (own !== undefined && own.small === undefined && own.file === file) return true
  for (const { value } of overlay.files()) if (value.file === file) return true
  return false
}
