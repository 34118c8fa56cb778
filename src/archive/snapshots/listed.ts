/** The snapshots that a bucket has. */
import type { ObjectStore } from '../../bucket/object-store.ts'
import { DstoreError } from '../../errors.ts'
import { ARCHIVE_DESCRIPTION_BYTES } from '../../limits.ts'
import {
  type Snapshot,
  SNAPSHOT_PREFIX,
  decodeDescription,
  descriptionKey,
  partOf,
  recordsKey,
} from './description.ts'

export interface Snapshots {
  /** With a description and a copy of the size that it says, the newest first. */
  readonly whole: readonly Snapshot[]
  /** Descriptions of what is not whole, the newest first. */
  readonly damaged: readonly { readonly position: number; readonly fault: DstoreError }[]
  /** Every object, in the order of their keys. */
  readonly objects: readonly { readonly key: string; readonly position: number }[]
}

/** Two snapshots are four objects. Beyond this it is not a list of an archive. */
const MOST_OBJECTS = 10_000

/** Errors: `integrity` for too many objects; `incompatible`; those of the bucket. */
export async function listSnapshots(
  objects: ObjectStore,
  signal?: AbortSignal,
): Promise<Snapshots> {
  const sizes = new Map<string, number>()
  const described: number[] = []
  const found: { key: string; position: number }[] = []
  let after: string | undefined
  for (;;) {
    const page = await objects.list(SNAPSHOT_PREFIX, after, signal)
    for (const { key, size } of page.objects) {
      const part = partOf(key)
      if (part === undefined) continue
      found.push({ key, position: part.position })
      if (part.kind === 'records') sizes.set(key, size)
      else described.push(part.position)
    }
    const last = page.objects.at(-1)?.key
    if (!page.more) break
    if (last === undefined || found.length > MOST_OBJECTS) {
      throw new DstoreError('integrity', `${objects.place} lists too many snapshots`)
    }
    after = last
  }
  const whole: Snapshot[] = []
  const damaged: { position: number; fault: DstoreError }[] = []
  for (const position of described.toReversed()) {
    try {
      const snapshot = await describedAt(objects, position, signal)
      if (snapshot === undefined) continue
      const key = recordsKey(snapshot)
      if (sizes.get(key) !== snapshot.size) {
        throw new DstoreError('integrity', `${key} is missing or has another size`)
      }
      whole.push(snapshot)
    } catch (error) {
      if (!(error instanceof DstoreError) || error.code !== 'integrity') throw error
      damaged.push({ position, fault: error })
    }
  }
  return { whole, damaged, objects: found }
}

/** The newest snapshot that may be whole; undefined if there is none. */
export async function newestSnapshot(
  objects: ObjectStore,
  signal?: AbortSignal,
): Promise<Snapshot | undefined> {
  return (await listSnapshots(objects, signal)).whole[0]
}

/** Undefined if there is none, or none any more. */
export async function describedAt(
  objects: ObjectStore,
  position: number,
  signal?: AbortSignal,
): Promise<Snapshot | undefined> {
  // One byte more than may be there tells what is too long without reading it.
  const range = { start: 0, end: ARCHIVE_DESCRIPTION_BYTES + 1 }
  const bytes = await objects.get(descriptionKey(position), { range, ...(signal && { signal }) })
  return bytes && decodeDescription(position, bytes)
}
