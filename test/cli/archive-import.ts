/** Imports an archive as the command does, and makes the blocks of one by hand. */
import { Importer } from '../../cli/archive/importer.ts'
import { readArchive } from '../../cli/archive/tar-reader.ts'
import { gather } from '../../src/bytes.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { MemoryTrees } from '../tree/memory-trees.ts'

export const keyOf = (bytes: Uint8Array): string => new Key(hash(bytes).digest).toString()

export async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += length) yield bytes.subarray(at, at + length)
}

export interface Outcome {
  readonly values: ReadonlySet<string>
  readonly names: ReadonlyMap<string, string>
  readonly faults: readonly DstoreError[]
}

/** Import as the command does, into a store in memory. */
export async function importOf(archive: AsyncIterable<Uint8Array>): Promise<Outcome> {
  const values = new Set<string>()
  const names = new Map<string, string>()
  const faults: DstoreError[] = []
  const put = (bytes: Uint8Array): { key: string; size: number; existed: boolean } => {
    values.add(keyOf(bytes))
    return { key: keyOf(bytes), size: bytes.byteLength, existed: false }
  }
  const client: Partial<Client> = {
    putBytes: async (bytes) => put(await gather(bytes)),
    putMany: async (all) => all.map(put),
    bind: async (name, key) => {
      if (!values.has(key)) throw new DstoreError('not-found', 'no such key')
      names.set(name, key)
      return { name, key, existed: false } as never
    },
  }
  const importer = new Importer(client as Client, new MemoryTrees(), () => undefined)
  try {
    for await (const one of readArchive(archive, new AbortController().signal)) {
      if (one.kind === 'refused') faults.push(one.fault)
      else
        for await (const got of importer.take(one))
          if (got.kind === 'failed') faults.push(got.fault)
    }
  } catch (error) {
    faults.push(asDstoreError(error))
  }
  for await (const got of importer.end()) if (got.kind === 'failed') faults.push(got.fault)
  return { values, names, faults }
}

/** A header of tar with these fields; `more` writes into the block. */
export function header(
  name: string,
  size: number,
  type: string,
  more?: (block: Buffer) => void,
): Buffer {
  const block = Buffer.alloc(512)
  block.write(name, 0)
  block.write('0000644\0', 100)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write(type, 156)
  block.write('ustar  \0', 257)
  more?.(block)
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

export function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.byteLength % 512)) % 512)])
}

export function paxHeader(records: readonly string[]): Buffer {
  const text = records.map((record) => `${record.length + 4} ${record}\n`).join('')
  return Buffer.concat([header('pax', text.length, 'x'), padded(Buffer.from(text))])
}
