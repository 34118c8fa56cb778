/** Values and helpers of the library's conformance suite. */
import type { ExecutionContext } from 'ava'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dstore } from '../../src/dstore.ts'

/** Defines one test of the suite. */
export type Topic = (
  title: string,
  body: (t: ExecutionContext, dstore: Dstore) => Promise<void>,
) => void

/** Empty, one byte, inline, more than a chunk group, more than a piece. */
export const SIZES: readonly number[] = [0, 1, 1024, 16_385, 1_500_000]

export function sample(size: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 7 + (i >> 8) + seed) % 251
  return bytes
}

export async function* inPieces(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

export async function temporaryFile(t: ExecutionContext, bytes: Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dstore-library-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'file')
  await writeFile(path, bytes)
  return path
}

export const ABSENT: string = '0'.repeat(64)
