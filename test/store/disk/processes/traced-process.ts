/**
 * The process whose calls to the kernel are traced: single puts, concurrent puts, removals.
 * Argument: directory.
 */
import { writeSync } from 'node:fs'
import { openDiskStore } from '../../../../src/store/disk/disk.ts'
import type { Location } from '../../../../src/store/store.ts'
import { pattern, release, seal, text } from '../../conformance/suite.ts'

const store = await openDiskStore({ directory: process.argv[2]! })

async function put(size: number): Promise<Location> {
  const location = await seal(store, pattern(size), pattern(64))
  const entry = text('put')
  await store.commit({ conditions: [], writes: [], entry, adopt: [location] })
  writeSync(1, `answered put ${size > 16_384 ? 'large' : 'small'} ${location}\n`)
  return location
}

const large = await put(100_000)
await put(100)
await Promise.all([100_000, 2_000_000, 300_000, 100].map(put))
await release(store, large)
writeSync(1, `answered remove ${large}\n`)
await store.close()
