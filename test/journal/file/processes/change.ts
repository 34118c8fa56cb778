/** A change that can be told from every other by its id, and made again to compare with. */
import { createHash } from 'node:crypto'
import type { Change } from '../../../../src/journal/entry.ts'

/** The log entry has the id, a space, and this many bytes that follow from it. */
export function changeOf(id: string, length: number): Change {
  const block = createHash('sha512').update(id).digest()
  return {
    type: 'transaction',
    conditions: [],
    writes: [],
    increments: [],
    entry: Buffer.concat([Buffer.from(`${id} `), Buffer.alloc(length, block)]),
    adopt: [],
    release: [],
  }
}

export function idOf(entry: Uint8Array): string {
  return Buffer.from(entry.subarray(0, 64)).toString('latin1').split(' ')[0]!
}
