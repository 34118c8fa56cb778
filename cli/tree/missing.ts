/** What a directory lists and the store no longer has, as after a removal by force. */
import type { Client } from '../../src/daemon/client/client.ts'
import { parseKey, type Key } from '../../src/hash/key.ts'
import { batchesOf } from '../../src/node/calls/batches.ts'
import { keyOf } from '../../src/tree/read/entry-at.ts'
import { listingsOf } from './open-tree.ts'

export interface MissingEntry {
  readonly path: string
  readonly key: string
}

/** Looks at every entry below, except below directories that are missing themselves. */
export async function* missingBelow(
  client: Client,
  directory: string,
): AsyncGenerator<MissingEntry, void, undefined> {
  const listings = listingsOf(client)
  const waiting: { readonly key: Key; readonly path: string }[] = [
    { key: parseKey(directory), path: '' },
  ]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { entries } = await listings.get(next.key)
    const below: typeof waiting = []
    for (const [name, entry] of entries) {
      if (entry.type !== 'link') below.push({ key: keyOf(entry), path: `${next.path}${name}` })
    }
    for (const batch of batchesOf(below)) {
      const facts = await client.factsMany(batch.map(({ key }) => key.toString()))
      for (const [at, { key, path }] of batch.entries()) {
        if (facts[at] === undefined) yield { path, key: key.toString() }
        else if (key.kind === 'directory') waiting.push({ key, path: `${path}/` })
      }
    }
  }
}
