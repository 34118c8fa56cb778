/** What an archive asks of an open store. */
import type { Location } from '../../store.ts'
import type { ArchiveSource, UploadSource } from '../archive.ts'
import { valueSource } from '../archived/sources.ts'
import type { Files } from '../files.ts'
import type { Layout } from '../layout.ts'
import type { Database } from '../records/database.ts'
import type { Overlay } from '../replica/overlay.ts'
import type { SealedValues } from '../staged/sealed-values.ts'
import { isMissing } from '../faults.ts'
import type { Replica } from './replica.ts'

export interface SourceParts {
  readonly files: Files
  readonly layout: Layout
  readonly database: Database
  readonly replica: Replica
  readonly sealed: SealedValues
}

export function archiveSource(parts: SourceParts): ArchiveSource {
  const { database, replica, sealed, files, layout } = parts
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
    open: (location) => open(overlay, files, layout, location),
  }
}

async function open(
  overlay: Overlay,
  files: Files,
  layout: Layout,
  location: Location,
): Promise<UploadSource | undefined> {
  const value = overlay.value(location)
  if (value === undefined || value.small !== undefined || overlay.isDamaged(location)) {
    return undefined
  }
  const { file, size, outboardBytes, place } = value
  const isBehind = place === 'behind'
  const outboard = place === 'file' ? layout.outboardFile(file) : overlay.outboard(location)
  try {
    return await valueSource(files, {
      value: layout.valueFile(file),
      valueBytes: isBehind ? size + outboardBytes : size,
      outboard: outboard ?? new Uint8Array(0),
    })
  } catch (error) {
    if (isMissing(error) && overlay.value(location) === undefined) return undefined
    throw error
  }
}

/** Does a record name this file: its own, or that of a value that replaced a damaged one? */
function isNamed(overlay: Overlay, file: Location): boolean {
  const own = overlay.value(file)
  if (own !== undefined && own.small === undefined && own.file === file) return true
  for (const { value } of overlay.files()) if (value.file === file) return true
  return false
}
