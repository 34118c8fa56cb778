/** Values on their way into a store and out of it. */
import { equal, gather } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { createHasher, hash, hashInTurns, type Hashed } from '../../hash/hasher.ts'
import type { Sealed } from '../../index/global/request-plans.ts'
import { RESUMABLE_BYTES } from '../../limits.ts'
import type { Location, Staging, Store } from '../../store/store.ts'

/** A value that is sealed in a store and not yet adopted. */
export interface Ingested extends Hashed {
  readonly location: Location
  readonly staging: Staging
}

/** Take a stream into the store, hashing as it passes. Nothing is left behind where it fails. */
export async function ingest(
  store: Store,
  bytes: AsyncIterable<Uint8Array>,
  options: {
    readonly size: number | undefined
    readonly onBytes: (count: number) => void
    readonly signal: AbortSignal | undefined
  },
): Promise<Ingested> {
  const staging = await store.stage(options.size)
  try {
    const hasher = createHasher()
    for await (const piece of bytes) {
      options.signal?.throwIfAborted()
      await hashInTurns(hasher, piece)
      await staging.write(piece)
      options.onBytes(piece.byteLength)
    }
    options.signal?.throwIfAborted()
    const hashed = hasher.finish()
    return { ...hashed, staging, location: await staging.seal(hashed.outboard) }
  } catch (error) {
    await staging.discard()
    throw error
  }
}

/**
 * Take a value whose key is known: verified bytes from `start` on, and the outboard once all have come. Where it breaks
 * off, what came is kept, and one that goes on from there has to be hashed as a whole. Error: `integrity`.
 */
export async function receive(
  store: Store,
  { digest, size, start }: { digest: Uint8Array; size: number; start: number },
  bytes: AsyncIterable<Uint8Array>,
  outboard: () => Uint8Array,
): Promise<Sealed & { readonly staging: Staging }> {
  const isResumable = size >= RESUMABLE_BYTES
  const resumption = isResumable || start > 0 ? { id: digest, from: start } : undefined
  const staging = await store.stage(size, resumption)
  try {
    // The bytes that are here already were verified when they came; what the disk made of them, nobody knows.
    const hasher = start > 0 ? createHasher() : undefined
    if (hasher !== undefined) {
      for await (const piece of staging.begun()) await hashInTurns(hasher, piece)
    }
    try {
      for await (const piece of bytes) {
        if (hasher !== undefined) await hashInTurns(hasher, piece)
        await staging.write(piece)
      }
    } catch (error) {
      await staging.suspend()
      throw error
    }
    const hashed = hasher?.finish()
    if (hashed !== undefined && !equal(hashed.digest, digest)) {
      throw new DstoreError('integrity', 'what was kept of the value is damaged: send all of it')
    }
    const location = await staging.seal(hashed?.outboard ?? outboard())
    return { digest, size, location, staging }
  } catch (error) {
    await staging.discard()
    throw error
  }
}

/** Hash and seal a small value. */
export async function sealSmall(
  store: Store,
  value: Uint8Array,
): Promise<{ digest: Uint8Array; size: number; location: Location; staging: Staging }> {
  const { digest, size, outboard } = hash(value)
  const staging = await store.stage(size)
  try {
    await staging.write(value)
    return { digest, size, staging, location: await staging.seal(outboard) }
  } catch (error) {
    await staging.discard()
    throw error
  }
}

/** A small value, whole. */
export async function readSmall(
  store: Store,
  location: Location,
  size: number,
): Promise<Uint8Array> {
  return gather(store.read(location, { start: 0, end: size }))
}
