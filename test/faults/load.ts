/** Puts and removals by several clients of one daemon at once, and what must be so when it was killed meanwhile. */
import { createHash } from 'node:crypto'
import { DstoreError } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { KIB, MIB } from '../../src/limits.ts'
import { Client } from '../../src/daemon/client.ts'

/** Most are small; one in 24 is as large as the load has them. */
const SIZES = [
  1,
  1,
  1,
  7,
  50,
  100,
  100,
  300,
  1000,
  1000,
  2000,
  16 * KIB - 1,
  16 * KIB,
  16 * KIB + 1,
  40 * KIB,
  100 * KIB,
  100 * KIB,
  300 * KIB,
  MIB,
  MIB + 1,
  3 * MIB,
  3 * MIB,
  8 * MIB,
  64 * MIB,
]

/** What is known of a value: that it is there, that it is not, or that a call on it was not answered. */
type Fate = 'there' | 'gone' | 'unsure'

export interface Told {
  readonly fates: Map<string, Fate>
  /** How each value is made. */
  readonly sizes: Map<string, number>
  puts: number
  removals: number
}

export const nothingTold = (): Told => ({
  fates: new Map(),
  sizes: new Map(),
  puts: 0,
  removals: 0,
})

/** Put new values and remove some of one's own, until the daemon is gone. `name` makes them this worker's alone. */
export async function work(socket: string, name: string, told: Told): Promise<void> {
  const client = await Client.connect(socket)
  if (client === undefined) return
  const mine: string[] = []
  try {
    for (let round = 0; ; round++) {
      const size = SIZES[Math.floor(Math.random() * SIZES.length)]!
      const bytes = valueOf(`${name}-${round}`, size)
      const key = new Key(hash(bytes).digest).toString()
      told.sizes.set(key, size)
      told.fates.set(key, 'unsure')
      await client.putBytes(cut(bytes), Math.random() < 0.5 ? size : undefined)
      told.fates.set(key, 'there')
      told.puts++
      mine.push(key)
      if (Math.random() > 0.4) continue
      const [victim] = mine.splice(Math.floor(Math.random() * mine.length), 1)
      told.fates.set(victim!, 'unsure')
      await client.remove(victim!)
      told.fates.set(victim!, 'gone')
      told.removals++
    }
  } catch (error) {
    // The daemon was killed: what is not answered is unsure. Anything else is a failure of the test.
    if (error instanceof DstoreError && ['unreachable', 'protocol'].includes(error.code)) return
    throw error
  } finally {
    client.close()
  }
}

/** What is not as it was told, a line each; after it everything is known. */
export async function differences(socket: string, told: Told): Promise<string[]> {
  const client = await Client.connect(socket)
  if (client === undefined) return ['no daemon serves']
  const found: string[] = []
  try {
    const listed = new Map<string, number>()
    for await (const { key, size } of client.keys()) listed.set(key, size)
    for await (const line of client.verify(false)) {
      if (line.event === 'damaged') found.push(`${line.key} is damaged`)
    }
    for (const key of listed.keys()) if (!told.fates.has(key)) found.push(`${key} is of nobody`)
    for (const [key, fate] of told.fates) {
      const size = listed.get(key)
      if (fate === 'there' && size === undefined) found.push(`${key} was put and is gone`)
      if (fate === 'gone' && size !== undefined) found.push(`${key} was removed and is there`)
      if (size !== undefined && size !== told.sizes.get(key)) found.push(`${key} has ${size} bytes`)
      if (size === undefined) told.fates.delete(key)
      else if ((await lengthOf(client, key)) !== size) found.push(`${key} is not whole`)
      else told.fates.set(key, 'there')
    }
    const { store } = await client.status()
    if (store?.values !== listed.size) found.push(`${store?.values} values for ${listed.size} keys`)
  } finally {
    client.close()
  }
  return found
}

/** Remove all but a few: the store grows old, not large. */
export async function thin(socket: string, told: Told, keep: number): Promise<void> {
  const client = (await Client.connect(socket))!
  for (const key of [...told.fates.keys()].slice(keep)) {
    await client.remove(key)
    told.fates.set(key, 'gone')
  }
  client.close()
}

async function lengthOf(client: Client, key: string): Promise<number> {
  let length = 0
  for await (const piece of (await client.get(key)).bytes) length += piece.byteLength
  return length
}

/** The same for the same name: a block that depends on the name, repeated, with its number in each. */
function valueOf(name: string, size: number): Uint8Array {
  const block = createHash('sha256').update(name).digest()
  const bytes = Buffer.alloc(size, block)
  for (let at = 0; at + 4 <= size; at += 4096) bytes.writeUInt32LE(at, at)
  return bytes
}

async function* cut(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 64 * KIB) yield bytes.subarray(at, at + 64 * KIB)
}
