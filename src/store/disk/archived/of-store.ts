/** What an open store with an archive consists of beside its records. */
import type { Quota } from '../../quota.ts'
import type { Location } from '../../store.ts'
import type { StoredValue } from '../records/file-row.ts'
import type { Overlay } from '../replica/overlay.ts'
import type { StagingHost } from '../staged/staging.ts'
import type { DiskStoreParts } from '../store-parts.ts'
import type { ValueReaders } from '../value-reader.ts'
import { ArchivedFiles } from './archived-files.ts'

type Parts = Pick<
  DiskStoreParts,
  'files' | 'layout' | 'freeSpace' | 'archived' | 'found' | 'elapsed'
> & { readonly overlay: Overlay }

/** Undefined in a store without an archive. */
export function archivedFiles(
  { files, layout, overlay, freeSpace, archived, found, elapsed }: Parts,
  quota: Quota,
  readers: ValueReaders,
  value: (location: Location) => StoredValue,
): ArchivedFiles | undefined {
  if (archived === undefined || found === undefined) return undefined
  const outboard = (location: Location): Uint8Array | undefined => overlay.outboard(location)
  const state = { files, layout, quota, readers, freeSpace, elapsed, found: found.found }
  return new ArchivedFiles({ ...state, values: archived, outboard, value })
}

/** Bytes of the quota that a store uses when it opens. */
export function usedBytes({ overlay, found }: Pick<Parts, 'overlay' | 'found'>): number {
  const { valueBytes } = overlay.tally()
  return valueBytes - (found?.absentBytes ?? 0) + (found?.outboardBytes ?? 0)
}

/** How stagings upload what is written to them. */
export function uploads(files: ArchivedFiles | undefined): Pick<StagingHost, 'upload'> {
  if (files === undefined) return {}
  return { upload: (file, path, size) => files.upload(file, path, size) }
}
