/** Values for tests of files: put at Global, compared byte by byte. */
import { randomBytes } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { RangeRequest } from '../../../src/node/node.ts'
import type { Daemon } from '../../e2e/nodes.ts'

export interface TestValue {
  readonly key: string
  readonly bytes: Buffer
}

/** Puts random bytes at a node. */
export async function putRandom(node: Daemon, size: number): Promise<TestValue> {
  const bytes = randomBytes(size)
  const { key } = await node.ask((client) => client.putBytes(cut(bytes), size))
  return { key, bytes }
}

async function* cut(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 262_144) yield bytes.subarray(at, at + 262_144)
}

/** The bytes of a value, or a range of it, by the socket of a node. */
export function bytesOf(node: Daemon, key: string, range?: RangeRequest): Promise<Buffer> {
  return node.ask(async (client) => {
    const pieces: Uint8Array[] = []
    for await (const piece of (await client.get(key, range)).bytes) pieces.push(piece.slice())
    return Buffer.concat(pieces)
  })
}

/** Every file below a folder that is there now, with its size. */
export function filesBelow(folder: string): Map<string, number> {
  const found = new Map<string, number>()
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    try {
      const facts = statSync(join(folder, name))
      if (facts.isFile()) found.set(name, facts.blocks * 512)
    } catch {
      // It went meanwhile.
    }
  }
  return found
}

/** Bytes that the files below a folder take on the disk. */
export const bytesBelow = (folder: string): number =>
  [...filesBelow(folder).values()].reduce((sum, bytes) => sum + bytes, 0)
