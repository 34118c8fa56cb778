/**
 * Makes directories of an archive's values again (R007-283, R007-284): their bytes and what they
 * have are put under a hold as they come, and at the end they are made, children before parents.
 */
import { gather, once } from '../../src/bytes.ts'
import { readEntries } from '../../src/directory/reader.ts'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import { Key } from '../../src/hash/key.ts'
import { batchesOf } from '../../src/node/calls/batches.ts'
import type { HoldId, MadeDirectory, Node, PutResult } from '../../src/node/node.ts'
import { plural } from '../terminal/terminal.ts'
import { mapConcurrently } from './map-concurrently.ts'

/** Roots committed at the same time: they share disk syncs. */
const COMMITTED_AT_ONCE = 16

type ImportNode = Pick<Node, 'trees' | 'get' | 'put' | 'putMany'>

/** A directory that could not be made. */
export interface Unmade {
  readonly key: string
  readonly fault: DstoreError
}

/** A directory that has come. Digests stand as Latin-1 text of 32 characters. */
interface Arrived {
  /** Directories that have this one. */
  readonly parents: string[]
  /** Directories in this one that are not made yet. */
  waitsFor: number
}

export class DirectoryImporter {
  readonly #node: ImportNode
  #opened: Promise<HoldId> | undefined
  /** Files in the directories that have come. */
  readonly #files = new Set<string>()
  /** Those of them that have come as well. */
  readonly #received = new Set<string>()
  /** Directories that have come, and the directories in each. */
  readonly #children = new Map<string, readonly string[]>()

  constructor(node: ImportNode) {
    this.#node = node
  }

  /** Is this value in a directory that has come? Then it is put here. */
  has(digest: Uint8Array): boolean {
    return this.#files.size > 0 && this.#files.has(idOf(digest))
  }

  /** Puts the bytes of a directory. Errors: `integrity` if they are none; those of puts. */
  async putDirectory(digest: Uint8Array, bytes: Uint8Array): Promise<PutResult> {
    const files: string[] = []
    const children: string[] = []
    for (const [, entry] of readEntries(bytes)) {
      if (entry.type === 'file') files.push(idOf(entry.digest))
      else if (entry.type === 'directory') children.push(idOf(entry.digest))
    }
    const put = await this.putLarge(once(bytes), bytes.byteLength)
    for (const file of files) this.#files.add(file)
    this.#children.set(idOf(digest), [...new Set(children)])
    return { ...put, key: new Key(digest, 'directory') }
  }

  async putLarge(bytes: AsyncIterable<Uint8Array>, size: number): Promise<PutResult> {
    const put = await this.#node.put({ bytes, size }, { hold: await this.#hold() })
    this.#received.add(idOf(put.key.digest))
    return put
  }

  async putSmall(values: readonly Uint8Array[]): Promise<PutResult[]> {
    const puts = await this.#node.putMany(values, { hold: await this.#hold() })
    for (const { key } of puts) this.#received.add(idOf(key.digest))
    return puts
  }

  /** Every value has come: makes and commits the directories. Yields those that cannot be. */
  async *end(): AsyncGenerator<Unmade, void, undefined> {
    if (this.#opened === undefined) return
    const hold = await this.#opened
    const arrived = this.#arrived()
    const made = new Set<string>()
    for (let ready = [...arrived.keys()]; ready.length > 0;) {
      const wave = ready.filter((id) => arrived.get(id)!.waitsFor === 0)
      ready = []
      for (const batch of batchesOf(wave)) {
        for (const [i, outcome] of (await this.#make(hold, batch.map(directoryOf))).entries()) {
          if (outcome !== undefined) {
            yield outcome
            continue
          }
          made.add(batch[i]!)
          for (const parent of arrived.get(batch[i]!)!.parents) {
            const one = arrived.get(parent)!
            one.waitsFor -= 1
            if (one.waitsFor === 0) ready.push(parent)
          }
        }
      }
    }
    const roots = [...arrived].filter(([, { parents }]) => parents.length === 0)
    const outcomes = mapConcurrently(roots, COMMITTED_AT_ONCE, async ([id]) => {
      const key = directoryOf(id)
      if (made.has(id)) return this.#commit(key)
      if (arrived.get(id)!.waitsFor === 0) return undefined
      const why = 'a directory below it could not be made'
      return {
        key: key.toString(),
        fault: new DstoreError('not-found', `${key.toString()}: ${why}`),
      }
    })
    for await (const unmade of outcomes) if (unmade !== undefined) yield unmade
    await this.#keepValues([...arrived.keys()].filter((id) => !made.has(id)))
    await this.#node.trees.releaseHold(hold)
  }

  /** Puts what has come of these directories by itself: only the hold keeps it. */
  async #keepValues(unmade: readonly string[]): Promise<void> {
    const kept = mapConcurrently(this.#valuesOf(unmade), COMMITTED_AT_ONCE, async (id) => {
      const { size, bytes } = await this.#node.get(directoryOf(id).as('bytes'))
      await this.#node.put({ bytes, size })
    })
    for await (const _ of kept) continue
  }

  /** Their own bytes, and the files that have come, each once. */
  async *#valuesOf(directories: readonly string[]): AsyncGenerator<string> {
    for (const id of directories) {
      const { bytes } = await this.#node.get(directoryOf(id).as('bytes'))
      for (const [, entry] of readEntries(await gather(copied(bytes)))) {
        if (entry.type !== 'file') continue
        if (this.#received.delete(idOf(entry.digest))) yield idOf(entry.digest)
      }
      yield id
    }
  }

  #hold(): Promise<HoldId> {
    return (this.#opened ??= this.#node.trees.openHold())
  }

  #arrived(): Map<string, Arrived> {
    const arrived = new Map(
      Array.from(this.#children.keys(), (id): [string, Arrived] => [
        id,
        { parents: [], waitsFor: 0 },
      ]),
    )
    for (const [id, children] of this.#children) {
      for (const child of children) {
        const one = arrived.get(child)
        if (one === undefined) continue
        one.parents.push(id)
        arrived.get(id)!.waitsFor += 1
      }
    }
    return arrived
  }

  /** Undefined for each that is made. */
  async #make(hold: HoldId, keys: readonly Key[]): Promise<(Unmade | undefined)[]> {
    try {
      return (await this.#node.trees.makeDirectories(hold, keys)).map(unmadeOf)
    } catch (error) {
      const [only, ...others] = keys
      const fault = asDstoreError(error)
      if (!['integrity', 'too-large', 'not-found'].includes(fault.code)) throw error
      if (others.length === 0) return [{ key: only!.toString(), fault }]
      // One of them failed all.
      const outcomes: (Unmade | undefined)[] = []
      for (const key of keys) outcomes.push(...(await this.#make(hold, [key])))
      return outcomes
    }
  }

  /** A hold ends with the one root that is committed: each root has its own. */
  async #commit(key: Key): Promise<Unmade | undefined> {
    try {
      const hold = await this.#node.trees.openHold()
      await this.#node.trees.present(hold, [key])
      await this.#node.trees.commitTree(hold, key)
      return undefined
    } catch (error) {
      return { key: key.toString(), fault: asDstoreError(error) }
    }
  }
}

function unmadeOf({ key, missing }: MadeDirectory): Unmade | undefined {
  if (missing.length === 0) return undefined
  const what = `${plural(missing.length, 'value')} missing, such as ${missing[0]!.toString()}`
  const message = `${key.toString()} is not whole: ${what}`
  return { key: key.toString(), fault: new DstoreError('not-found', message) }
}

const idOf = (digest: Uint8Array): string => Buffer.from(digest).toString('latin1')
const directoryOf = (id: string): Key =>
  new Key(Uint8Array.from(Buffer.from(id, 'latin1')), 'directory')

/** A piece of a value is valid only until the next one is asked for. */
async function* copied(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield Uint8Array.from(piece)
}
