/** Gives Helia blocks out of dstore. */
import type { Dstore } from '@dstore/dstore'
import type { CID } from 'multiformats/cid'
import { notFound, placeOf, storeError } from './place.ts'

/** What Helia passes with the CID that it wants. */
export interface RetrieveOptions {
  readonly signal?: AbortSignal
  /** Verifies the block; throws if it is not that of the CID. */
  readonly validateFn?: (block: Uint8Array) => Promise<void>
  /** In bytes. Default: any size. */
  readonly maxSize?: number
}

/** A block broker as `addBlockBroker` of Helia takes it. */
export interface DstoreBlockBroker {
  readonly name: string
  retrieve(cid: CID, options?: RetrieveOptions): Promise<Uint8Array>
}

/**
 * A broker over a node or a daemon: Helia asks it for blocks that its own blockstore has not. It
 * has no limit on their size but what the caller sets, unlike a gateway.
 */
export const dstoreBlockBroker = (store: Pick<Dstore, 'get'>): DstoreBlockBroker => ({
  name: 'dstore',
  async retrieve(cid, { signal, validateFn, maxSize } = {}) {
    signal?.throwIfAborted()
    const place = placeOf(cid)
    if (place === undefined) throw notFound(cid)
    try {
      const value = await store.get(place, signal === undefined ? {} : { signal })
      if (maxSize !== undefined && value.size > maxSize) {
        await value.cancel()
        throw new RangeError(`the block ${cid.toString()} has ${value.size} bytes, not ${maxSize}`)
      }
      const block = await value.bytes()
      await validateFn?.(block)
      return block
    } catch (error) {
      throw storeError(error, cid, signal)
    }
  },
})
