/** What an archive asks of an open store. */
import { unzeroed } from '../../../bytes.ts'
import { DstoreError } from '../../../errors.ts'
import type { Location } from '../../store.ts'
import type { ArchiveSource, UploadSource } from '../archive.ts'
import type { Files, ReadableFile } from '../files.ts'
import type { Layout } from '../layout.ts'
import type { Database } from '../records/database.ts'
import type { StoredValue } from '../records/file-row.ts'
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
    copyRecords: (path) => database.copyTo(path),
    files: () => overlay.files(),
    isNamed: (file) => sealed.get(file) !== undefined || locationOf(overlay, file) !== undefined,
    open: async (value) => {
      const bytes = await openOrNone(files, layout.valueFile(value.file))
      if (bytes === undefined) return undefined
      const kept = value.outboard ?? outboardIn(overlay, value)
      const outboard =
        kept === undefined && value.place === 'file'
          ? await openOrNone(files, layout.outboardFile(value.file))
          : undefined
      const hasOutboard = kept !== undefined || outboard !== undefined || value.place === 'behind'
      if (value.outboardBytes === 0 || hasOutboard) return source(value, bytes, kept ?? outboard)
      await bytes.close()
      return undefined
    },
  }
}

/** Reads value, then outboard, wherever that is. */
function source(
  { size, outboardBytes, place }: StoredValue,
  bytes: ReadableFile,
  outboard: Uint8Array | ReadableFile | undefined,
): UploadSource {
  const all = place === 'behind' ? size + outboardBytes : size
  return {
    read: async ({ start, end }) => {
      const into = unzeroed(end - start)
      const inValue = into.subarray(0, Math.max(0, Math.min(end, all) - start))
      await fill(bytes, inValue, start)
      const rest = into.subarray(inValue.byteLength)
      const from = Math.max(0, start - all)
      if (outboard instanceof Uint8Array) rest.set(outboard.subarray(from, from + rest.byteLength))
      else if (outboard !== undefined) await fill(outboard, rest, from)
      return into
    },
    close: async () => {
      await bytes.close()
      if (outboard !== undefined && !(outboard instanceof Uint8Array)) await outboard.close()
    },
  }
}

async function fill(file: ReadableFile, into: Uint8Array, position: number): Promise<void> {
  for (let filled = 0; filled < into.byteLength;) {
    const count = await file.read(into.subarray(filled), position + filled)
    if (count === 0) throw new DstoreError('integrity', 'a value is shorter than it was')
    filled += count
  }
}

/** The outboard that the records hold. */
function outboardIn(overlay: Overlay, value: StoredValue): Uint8Array | undefined {
  if (value.place !== 'records') return undefined
  const location = locationOf(overlay, value.file)
  return location === undefined ? undefined : overlay.outboard(location)
}

/** Where the value of a file is: at the location that names it, unless it replaced a damaged one. */
function locationOf(overlay: Overlay, file: Location): Location | undefined {
  const own = overlay.value(file)
  if (own !== undefined && own.small === undefined && own.file === file) return file
  for (const { location, value } of overlay.files()) if (value.file === file) return location
  return undefined
}

async function openOrNone(files: Files, path: string): Promise<ReadableFile | undefined> {
  try {
    return await files.open(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
