/** A Local as pins see it. */
import { concat } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { DIRECTORY_BYTES, SEGMENT_BYTES } from '../../limits.ts'
import type { Cache } from '../cache/cache.ts'
import { isPooled, segmentsIn } from '../cache/cached-value.ts'
import { chargeFor, sumOf } from '../cache/charge.ts'
import type { Node } from '../node.ts'
import { NoRoom } from '../swarm/download.ts'
import { fetchWhole, type FetchInto } from './fetch-whole.ts'
import type { PinHost } from './pin-host.ts'

export interface LocalHostOptions {
  readonly cache: Cache
  readonly into: FetchInto
  readonly node: Pick<Node, 'get' | 'index'>
}

export const localHost = ({ cache, into, node }: LocalHostOptions): PinHost => ({
  budgetBytes: cache.budgetBytes,
  chargeOf: (size) =>
    sumOf(chargeFor(size, isPooled(size) ? segmentsIn(size) * SEGMENT_BYTES : size)),
  lookup: (name, options) => node.index.lookup(name, options),
  stat: (key, options) => node.index.stat(key, options),
  held(key) {
    const value = cache.peek(key)
    return value?.held.complete === true && !value.isDropped ? value : undefined
  },
  async fetch(key, options) {
    try {
      await fetchWhole(into, key, options)
    } catch (error) {
      if (!(error instanceof NoRoom)) throw error
      throw new DstoreError('no-space', error.message, { cause: error })
    }
  },
  async readDirectory(key, options) {
    const { size, bytes } = await node.get(key, options)
    if (size > DIRECTORY_BYTES)
      throw new DstoreError('too-large', `${key.toString()} is no directory`)
    const parts: Uint8Array[] = []
    // A part is valid only until the next one is asked for.
    for await (const part of bytes) parts.push(Uint8Array.from(part))
    return concat(parts)
  },
})
