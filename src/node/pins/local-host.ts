/** A Local as pins see it. */
import { concat } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { DIRECTORY_BYTES } from '../../limits.ts'
import { sumOf, wholeCharge } from '../cache/charge.ts'
import type { Node } from '../node.ts'
import { NoRoom } from '../swarm/download.ts'
import type { Tiers } from '../tiers/tiers.ts'
import { fetchWhole, type FetchInto } from './fetch-whole.ts'
import type { PinHost } from './pin-host.ts'

export interface LocalHostOptions {
  readonly tiers: Tiers
  readonly into: FetchInto
  readonly node: Pick<Node, 'get' | 'index'>
}

export const localHost = ({ tiers, into, node }: LocalHostOptions): PinHost => ({
  budgetBytes: tiers.budgetBytes,
  chargeOf: (size) => sumOf(wholeCharge(size)),
  lookup: (name, options) => node.index.lookup(name, options),
  stat: (key, options) => node.index.stat(key, options),
  held(key) {
    return tiers.entries(key).find(({ held, isDropped }) => held.complete && !isDropped)
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
