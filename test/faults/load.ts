/** Puts, removals and names by concurrent clients, and what must hold after a kill. */
import { createHash } from 'node:crypto'
import { DstoreError } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { KIB, MIB } from '../../src/limits.ts'
import { Client } from '../../src/daemon/client/client.ts'

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

/** What is known of a value or name; `unsure` if a call on it was not answered. */
type Fate = 'there' | 'gone' | 'unsure'

interface ToldName {
  readonly key: string
  fate: Fate
  /** It came with its value: both are there, or neither, until it is unbound. */
  isFirst: boolean
}

export interface Told {
  readonly fates: Map<string, Fate>
  /** How each value is made. */
  readonly sizes: Map<string, number>
  readonly names: Map<string, ToldName>
  puts: number
  removals: number
  bindings: number
  unbindings: number
}

export const nothingTold = (): Told => ({
  fates: new Map(),
  sizes: new Map(),
  names: new Map(),
  puts: 0,
  removals: 0,
  bindings: 0,
  unbindings: 0,
})

/**
 * Put new values, name, unname and remove some of one's own, until the daemon is gone. `name` ends
 * in the worker's number, from 0 to 7, and makes them its own.
 */
export async function work(socket: string, name: string, told: Told): Promise<void> {
  const client = await Client.connect(socket)
  if (client === undefined) return
  const worker = new Worker(client, name, told)
  try {
    for (let round = 0; ; round++) await worker.round(round)
  } catch (error) {
    // The daemon was killed: unanswered calls stay unsure. Any other error fails the test.
    if (error instanceof DstoreError && ['unreachable', 'protocol'].includes(error.code)) return
    throw error
  } finally {
    client.close()
  }
}

const one = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)]!

class Worker {
  readonly #client: Client
  readonly #name: string
  readonly #told: Told
  /** Values that are there, and their names. */
  readonly #mine = new Map<string, Set<string>>()

  constructor(client: Client, name: string, told: Told) {
    this.#client = client
    this.#name = name
    this.#told = told
  }

  async round(round: number): Promise<void> {
    await this.#put(`${this.#name}-${round}`)
    if (Math.random() < 0.4) await this.#bind(`${this.#name}/more/${round}`)
    if (Math.random() < 0.3) await this.#unbind()
    if (Math.random() < 0.4) await this.#remove()
  }

  async #put(text: string): Promise<void> {
    const told = this.#told
    const size = one(SIZES)
    const bytes = size === 1 ? this.#oneByte() : valueOf(text, size)
    const key = new Key(hash(bytes).digest).toString()
    told.sizes.set(key, size)
    told.fates.set(key, 'unsure')
    // What has one byte comes again, and would have names of before.
    const isNamed = size > 1 && Math.random() < 0.4
    const name = isNamed ? `${this.#name}/with/${text}` : undefined
    if (name !== undefined) told.names.set(name, { key, fate: 'unsure', isFirst: true })
    await this.#client.putBytes(cut(bytes), Math.random() < 0.5 ? size : undefined, { name })
    told.fates.set(key, 'there')
    if (name !== undefined) told.names.get(name)!.fate = 'there'
    told.puts++
    this.#mine.set(key, new Set(name === undefined ? [] : [name]))
  }

  /** There are not enough of them for all: each worker has some to itself. */
  #oneByte(): Uint8Array {
    const worker = Number(this.#name.split('-').at(-1))
    return Uint8Array.of(Math.floor(Math.random() * 32) * 8 + worker)
  }

  async #bind(name: string): Promise<void> {
    const unlike = [...this.#mine].filter(([key]) => this.#told.sizes.get(key)! > 1)
    if (unlike.length === 0) return
    const [key, names] = one(unlike)
    const bound: ToldName = { key, fate: 'unsure', isFirst: false }
    this.#told.names.set(name, bound)
    await this.#client.bind(name, key)
    bound.fate = 'there'
    this.#told.bindings++
    names.add(name)
  }

  async #unbind(): Promise<void> {
    const { names: told, fates } = this.#told
    const named = [...this.#mine].filter(([, names]) => names.size > 0)
    if (named.length === 0) return
    const [key, names] = one(named)
    const name = one([...names])
    const keep = Math.random() < 0.5
    const bound = told.get(name)!
    bound.fate = 'unsure'
    bound.isFirst = false
    // Its value may go with its last name.
    if (!keep && names.size === 1) fates.set(key, 'unsure')
    const { key: went } = await this.#client.unbind(name, keep)
    bound.fate = 'gone'
    fates.set(key, went === undefined ? 'there' : 'gone')
    this.#told.unbindings++
    names.delete(name)
    if (went !== undefined) this.#mine.delete(key)
  }

  async #remove(): Promise<void> {
    if (this.#mine.size === 0) return
    const [key, names] = one([...this.#mine])
    this.#mine.delete(key)
    const bound = [...names].map((name) => this.#told.names.get(name)!)
    this.#told.fates.set(key, 'unsure')
    for (const name of bound) name.fate = 'unsure'
    await this.#client.remove(key, true)
    this.#told.fates.set(key, 'gone')
    for (const name of bound) name.fate = 'gone'
    this.#told.removals++
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
    for await (const line of client.verify({})) {
      if (line.event === 'damaged') found.push(`${line.key} is damaged`)
    }
    for (const key of listed.keys()) if (!told.fates.has(key)) found.push(`${key} was never put`)
    found.push(...(await namesThatDiffer(client, listed, told)))
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

async function namesThatDiffer(
  client: Client,
  listed: ReadonlyMap<string, number>,
  { names }: Told,
): Promise<string[]> {
  const found: string[] = []
  const bound = new Map<string, string>()
  for await (const { name, key } of client.names()) {
    bound.set(name, key)
    if (!listed.has(key)) found.push(`${name} stands for ${key}, which is not there`)
    if (!names.has(name)) found.push(`${name} was never bound`)
  }
  for (const [name, { key, fate, isFirst }] of names) {
    const now = bound.get(name)
    if (now !== undefined && now !== key) found.push(`${name} stands for ${now}, not ${key}`)
    if (fate === 'there' && now === undefined) found.push(`${name} was bound and is not`)
    if (fate === 'gone' && now !== undefined) found.push(`${name} was unbound and is bound`)
    if (isFirst && listed.has(key) !== (now !== undefined)) {
      found.push(`of ${name} and its value, put as one, one is there`)
    }
    if (now === undefined) names.delete(name)
    else names.set(name, { key, fate: 'there', isFirst: false })
  }
  return found
}

/** Remove all but a few: the store grows old, not large. */
export async function thin(socket: string, told: Told, keep: number): Promise<void> {
  const client = (await Client.connect(socket))!
  for (const key of [...told.fates.keys()].slice(keep)) {
    await client.remove(key, true)
    told.fates.set(key, 'gone')
    for (const name of told.names.values()) if (name.key === key) name.fate = 'gone'
  }
  client.close()
}

async function lengthOf(client: Client, key: string): Promise<number> {
  let length = 0
  for await (const piece of (await client.get(key)).bytes) length += piece.byteLength
  return length
}

/** A function of the name: a block made from it, repeated, each with its number. */
function valueOf(name: string, size: number): Uint8Array {
  const block = createHash('sha256').update(name).digest()
  const bytes = Buffer.alloc(size, block)
  for (let at = 0; at + 4 <= size; at += 4096) bytes.writeUInt32LE(at, at)
  return bytes
}

async function* cut(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 64 * KIB) yield bytes.subarray(at, at + 64 * KIB)
}
