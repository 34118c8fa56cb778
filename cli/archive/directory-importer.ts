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
import { DigestTable } from '../../src/tree/digest-table.ts'
import { plural } from '../terminal/terminal.ts'
import { ArrivedDirectories } from './arrived-directories.ts'
import { mapConcurrently } from './map-concurrently.ts'

/** Roots committed at the same time: they share disk syncs. */
const COMMITTED_AT_ONCE = 16

type ImportNode = Pick<Node, 'trees' | 'get' | 'put' | 'putMany'>

/** A directory that could not be made. */
export interface Unmade {
  readonly key: string
  readonly fault: DstoreError
}

export class DirectoryImporter {
  readonly #node: ImportNode
  #opened: Promise<HoldId> | undefined
  /** Files in the directories that have come. */
  readonly #files = new DigestTable()
  /** Those of them, and of the directories, that have come as well. */
  readonly #received = new DigestTable()
  readonly #directories = new ArrivedDirectories()

  constructor(node: ImportNode) {
    this.#node = node
  }

  /** Is this value in a directory that has come? Then it is put here. */
  has(digest: Uint8Array): boolean {
    return this.#files.has(digest)
  }

  /** Puts the bytes of a directory. Errors: `integrity` if they are none; those of puts. */
  async putDirectory(digest: Uint8Array, bytes: Uint8Array): Promise<PutResult> {
    const files: Uint8Array[] = []
    const children: Uint8Array[] = []
    for (const [, entry] of readEntries(bytes)) {
      if (entry.type === 'file') files.push(entry.digest)
      else if (entry.type === 'directory') children.push(entry.digest)
    }
    const put = await this.putLarge(once(bytes), bytes.byteLength)
    for (const file of files) this.#files.add(file)
    this.#directories.add(digest, children)
    return { ...put, key: new Key(digest, 'directory') }
  }

  async putLarge(bytes: AsyncIterable<Uint8Array>, size: number): Promise<PutResult> {
    const put = await this.#node.put({ bytes, size }, { hold: await this.#hold() })
    this.#received.add(put.key.digest)
    return put
  }

  async putSmall(values: readonly Uint8Array[]): Promise<PutResult[]> {
    const puts = await this.#node.putMany(values, { hold: await this.#hold() })
    for (const { key } of puts) this.#received.add(key.digest)
    return puts
  }

  /** Every value has come: makes and commits the directories. Yields those that cannot be. */
  async *end(): AsyncGenerator<Unmade, void, undefined> {
    if (this.#opened === undefined) return
    const hold = await this.#opened
    const arrived = this.#directories.link()
    for (let ready = arrived.ready(); ready.length > 0;) {
      const next: number[] = []
      for (const batch of batchesOf(ready)) {
        const keys = batch.map((one) => arrived.keyOf(one))
        for (const [i, outcome] of (await this.#make(hold, keys)).entries()) {
          if (outcome !== undefined) yield outcome
          else for (const parent of arrived.made(batch[i]!)) next.push(parent)
        }
      }
      ready = next
    }
    const outcomes = mapConcurrently(arrived.roots(), COMMITTED_AT_ONCE, async (one) => {
      const key = arrived.keyOf(one)
      if (arrived.isMade(one)) return this.#commit(key)
      if (!arrived.waits(one)) return undefined
      const why = 'a directory below it could not be made'
      return {
        key: key.toString(),
        fault: new DstoreError('not-found', `${key.toString()}: ${why}`),
      }
    })
    for await (const unmade of outcomes) if (unmade !== undefined) yield unmade
    await this.#keepValues(arrived.unmade())
    await this.#node.trees.releaseHold(hold)
  }

  /** Puts what has come of these directories by itself: only the hold keeps it. */
  async #keepValues(unmade: Iterable<Key>): Promise<void> {
    const values = this.#valuesOf(unmade)
    const kept = mapConcurrently(values, COMMITTED_AT_ONCE, async (key) => {
      const { size, bytes } = await this.#node.get(key)
      await this.#node.put({ bytes, size })
    })
    for await (const _ of kept) continue
  }

  /** Their own bytes, and the files that have come, each once. */
  async *#valuesOf(directories: Iterable<Key>): AsyncGenerator<Key> {
    const given = new DigestTable()
    for (const directory of directories) {
      const own = directory.as('bytes')
      const { bytes } = await this.#node.get(own)
      for (const [, entry] of readEntries(await gather(copied(bytes)))) {
        if (entry.type !== 'file' || !this.#received.has(entry.digest)) continue
        if (given.has(entry.digest)) continue
        given.add(entry.digest)
        yield new Key(entry.digest)
      }
      yield own
    }
  }

  #hold(): Promise<HoldId> {
    return (this.#opened ??= this.#node.trees.openHold())
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

/** A piece of a value is valid only until the next one is asked for. */
async function* copied(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield Uint8Array.from(piece)
}
