/** State directories with the store of a standalone node, for `join` (specs/007). */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { once } from '../../src/bytes.ts'
import type { Key } from '../../src/hash/key.ts'
import { SILENT } from '../../src/log.ts'
import { openNode } from '../../src/node/open.ts'

/** A value, and its names. */
export type Given = readonly [bytes: Uint8Array, ...names: string[]]

/** Stores values as a standalone node in the directory would; returns their keys. */
export async function fill(dir: string, values: Iterable<Given>): Promise<Key[]> {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const options = { role: 'standalone', store: 'disk', cacheBytes: 0, log: SILENT } as const
  const node = await openNode({ ...options, dir })
  const keys: Key[] = []
  const put = async ([bytes, name, ...names]: Given): Promise<void> => {
    const source = { bytes: once(bytes), size: bytes.byteLength }
    const { key } = await node.put(source, name === undefined ? {} : { name })
    keys.push(key)
    for (const other of names) await node.index.bind(other, key)
  }
  let batch: Promise<void>[] = []
  for (const value of values) {
    batch.push(put(value))
    if (batch.length < 32) continue
    await Promise.all(batch)
    batch = []
  }
  await Promise.all(batch)
  await node.close()
  return keys
}

/** Random values of these sizes, with a name each. */
export function* named(prefix: string, sizes: readonly number[]): Generator<Given> {
  for (const [index, size] of sizes.entries()) yield [randomBytes(size), `${prefix}/${index}`]
}
