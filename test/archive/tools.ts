/** What tests of archives share: a store with an archive in a bucket in memory. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Archive, type ArchiveOptions, openArchive } from '../../src/archive/archive.ts'
import { type RestoreOptions, restore } from '../../src/archive/restore.ts'
import type { Restored } from '../../src/archive/restored.ts'
import type { ObjectStore } from '../../src/bucket/object-store.ts'
import { SILENT } from '../../src/log.ts'
import { type DiskStore, openDiskStore } from '../../src/store/disk/disk.ts'
import type { Location } from '../../src/store/store.ts'
import { keyOf, pattern, readAll, text } from '../store/conformance/suite.ts'

export interface ArchivedStore {
  readonly store: DiskStore
  readonly archive: Archive
  close(): Promise<void>
}

export async function openArchived(
  objects: ObjectStore,
  directory: string,
  options: Partial<ArchiveOptions> = {},
): Promise<ArchivedStore> {
  const elapsed = (): number => performance.now()
  const archive = await openArchive({
    objects,
    directory,
    acknowledges: false,
    elapsed,
    log: SILENT,
    ...options,
  })
  try {
    const store = await openDiskStore({ directory, archive })
    const close = async (): Promise<void> => {
      await store.close()
      await archive.close()
    }
    return { store, archive, close }
  } catch (error) {
    await archive.close()
    throw error
  }
}

export const restored = (
  objects: ObjectStore,
  directory: string,
  options: Partial<RestoreOptions> = {},
): Promise<Restored> =>
  restore({ objects, directory, elapsed: () => performance.now(), log: SILENT, ...options })

/** Puts a value of this size under this id. */
export async function put(store: DiskStore, id: string, size: number): Promise<Location> {
  const staging = await store.stage(size)
  await staging.write(pattern(size))
  const location = await staging.seal(pattern(64))
  const result = await store.commit({
    conditions: [{ key: keyOf(id), version: 0 }],
    writes: [{ key: keyOf(id), value: text(JSON.stringify({ location, size })) }],
    entry: text(`put ${id}`),
    adopt: [location],
  })
  if (!result.ok) throw new Error(`${id} is there already`)
  return location
}

export async function remove(store: DiskStore, id: string, location: Location): Promise<void> {
  await store.commit({
    conditions: [],
    writes: [{ key: keyOf(id), value: undefined }],
    entry: text(`remove ${id}`),
    release: [location],
  })
}

/** Every id that the store has; each value is read, and right. */
export async function idsOf(store: DiskStore): Promise<string[]> {
  const ids: string[] = []
  for (const { id, value } of await store.scan('keys', { limit: 100_000 })) {
    const name = Buffer.from(id).toString()
    const { location, size } = JSON.parse(Buffer.from(value).toString()) as {
      location: Location
      size: number
    }
    const bytes = await readAll(store, location, 0, size)
    if (Buffer.compare(bytes, pattern(size)) !== 0) throw new Error(`${name} has other bytes`)
    ids.push(name)
  }
  return ids.map((id) => id.replace(/\0+$/, '')).toSorted()
}

/** Waits until this is so. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error('it does not become so')
    await sleep(10)
  }
}

export const storeIn = (directory: string): string => join(directory, 'store-v3')
