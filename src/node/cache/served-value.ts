/** A cached value as it is served to peers and read back. */
import { DstoreError } from '../../errors.ts'
import type { Bitfield } from '../../hash/tree/bitfield.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { ServedValue } from '../../transfer/serve.ts'

/** What is served: a `CachedValue`. */
interface ServableValue {
  readonly size: number
  readonly held: Bitfield
  readonly outboard: Uint8Array
  view(range: ByteRange): Uint8Array | undefined
}

/** `signal`: when it may no longer be served. `release`: see `ServedValue`. */
export function servedFromCache(
  value: ServableValue,
  signal: AbortSignal,
  release: (stillReferenced: boolean) => void,
): ServedValue {
  return {
    size: value.size,
    signal,
    release,
    covers: (range) => value.held.covers(range),
    held: () => value.held.held(),
    outboard: async ({ start, end }) => value.outboard.subarray(start, end),
    async *read({ start, end }) {
      for (let at = start; at < end;) {
        signal.throwIfAborted()
        const view = value.view({ start: at, end })
        if (view === undefined) throw new DstoreError('not-found', 'this part is no longer held')
        yield view
        at += view.byteLength
      }
    },
  }
}
