/** A blockstore over dstore: `interface-blockstore`, as Helia takes it. */
import { DstoreError, Key } from '@dstore/dstore'
import type { Dstore, NamedSource, PutOutcome } from '@dstore/dstore'
import type { Blockstore, InputPair, Pair } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'
import { readyGroups } from './groups.ts'
import { gathered, largePieces, piecesOf } from './pieces.ts'
import { cidOfKey, cidOfName, DIGEST_NAMES, notFound, placeFor, placeOf } from './place.ts'
import { storeError, type Place } from './place.ts'
import { checkBytes, checkedPieces, checkKey, type BlockBytes } from './verified.ts'

/**
 * What `delete` may do. `names`: unbind the name of a block by SHA-2, whose value goes with its
 * last name. `values`: also remove values by their keys. `nothing`: no block is deleted.
 */
export type Deletes = 'nothing' | 'names' | 'values'

export interface BlockstoreOptions {
  /**
   * Default: `names`. The store is everyone's, and Helia's `gc()` deletes all that this Helia has
   * not pinned, whoever put it.
   */
  readonly deletes?: Deletes
}

interface Abortable {
  readonly signal?: AbortSignal
}

/** Blocks that one message to dstore takes together. */
const GROUP_BLOCKS = 64

/** Pieces of a block up to this size are gathered, in bytes: those of a larger one are streamed. */
const GATHERED_BYTES = 262_144

/**
 * Values up to this size are read as one piece, in bytes, and larger ones in pieces of it: readers
 * of blocks that join pieces one by one copy what they have for each.
 */
const PIECE_BYTES = 536_870_912

/** A block to put: gathered, or as it comes. */
type Item = { readonly cid: CID } & (
  | { readonly bytes: Uint8Array }
  | { readonly pieces: AsyncIterable<Uint8Array> }
)

/**
 * The blocks of a store. One by BLAKE3 is the value with that key; one by SHA-2 has the name that
 * spells its digest. What is put is verified first; what is read was verified by dstore.
 */
export class DstoreBlockstore implements Blockstore {
  readonly #store: Dstore
  readonly #deletes: Deletes

  /** Over a node of the program (`createNode`) or of a daemon (`connect`). */
  constructor(store: Dstore, { deletes = 'names' }: BlockstoreOptions = {}) {
    this.#store = store
    this.#deletes = deletes
  }

  async has(cid: CID, { signal }: Abortable = {}): Promise<boolean> {
    signal?.throwIfAborted()
    const place = placeOf(cid)
    if (place === undefined) return false
    return this.#call(cid, signal, (options) => this.#store.has(place, options))
  }

  async put(cid: CID, bytes: BlockBytes, { signal }: Abortable = {}): Promise<CID> {
    signal?.throwIfAborted()
    const place = placeFor(cid)
    const isName = typeof place === 'string'
    if (bytes instanceof Uint8Array && !isName) checkBytes(bytes, place)
    const pieces = (): AsyncIterable<Uint8Array> =>
      isName
        ? piecesOf(bytes as Iterable<Uint8Array>)
        : checkedPieces(bytes as Iterable<Uint8Array>, place)
    const source = bytes instanceof Uint8Array ? bytes : pieces()
    const { key } = await this.#call(cid, signal, (options) =>
      this.#store.put(source, isName ? { ...options, name: place } : options),
    )
    if (!isName) checkKey(key, place)
    return cid
  }

  async *putMany(
    source: Iterable<InputPair> | AsyncIterable<InputPair>,
    { signal }: Abortable = {},
  ): AsyncGenerator<CID, void, undefined> {
    signal?.throwIfAborted()
    const items = itemsOf(source)
    for await (const group of readyGroups(items, GROUP_BLOCKS, (item) => 'pieces' in item)) {
      signal?.throwIfAborted()
      const named = group.flatMap((item) => ('bytes' in item ? [sourceOf(item)] : []))
      const { cid: first } = group[0]!
      const outcomes = await this.#call(first, signal, (options) =>
        named.length === 0 ? Promise.resolve([]) : this.#store.putMany(named, options),
      )
      for (const [at, item] of group.entries()) {
        const { cid } = item
        // Only the last of a group has pieces: so the outcomes are those of the others, in order.
        if ('pieces' in item) await this.put(cid, item.pieces, { ...(signal && { signal }) })
        else checkOutcome(outcomes[at]!, cid)
        yield cid
      }
    }
  }

  async *get(cid: CID, { signal }: Abortable = {}): AsyncGenerator<Uint8Array, void, undefined> {
    signal?.throwIfAborted()
    const place = placeOf(cid)
    if (place === undefined) throw notFound(cid)
    try {
      const value = await this.#store.get(place, signal === undefined ? {} : { signal })
      if (value.size > PIECE_BYTES) yield* largePieces(value, PIECE_BYTES)
      else yield await value.bytes()
    } catch (error) {
      throw storeError(error, cid, signal)
    }
  }

  async *getMany(
    source: Iterable<CID> | AsyncIterable<CID>,
    { signal }: Abortable = {},
  ): AsyncGenerator<Pair, void, undefined> {
    signal?.throwIfAborted()
    for await (const cid of source) {
      signal?.throwIfAborted()
      yield { cid, bytes: this.get(cid, { ...(signal && { signal }) }) }
    }
  }

  /**
   * Nothing happens where the block is missing. Error: `conflict` for a value that names or
   * directories hold, which goes with the last of them.
   */
  async delete(cid: CID, { signal }: Abortable = {}): Promise<void> {
    signal?.throwIfAborted()
    const place = placeOf(cid)
    if (place === undefined) return
    this.#checkDeletes(cid, place)
    try {
      await this.#call(cid, signal, async (options) => {
        if (typeof place === 'string') await this.#store.unbind(place, options)
        else await this.#store.remove(place, options)
      })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  async *deleteMany(
    source: Iterable<CID> | AsyncIterable<CID>,
    { signal }: Abortable = {},
  ): AsyncGenerator<CID, void, undefined> {
    signal?.throwIfAborted()
    for await (const cid of source) {
      await this.delete(cid, { ...(signal && { signal }) })
      yield cid
    }
  }

  /**
   * Every block of the store: those with names that spell digests by their multihash, and all other
   * values by their keys. It remembers some 100 bytes for each such name.
   */
  async *getAll({ signal }: Abortable = {}): AsyncGenerator<Pair, void, undefined> {
    signal?.throwIfAborted()
    const options = signal === undefined ? {} : { signal }
    const pair = (cid: CID): Pair => ({ cid, bytes: this.get(cid, options) })
    const listed = new Set<string>()
    for await (const { name, key } of this.#store.names(DIGEST_NAMES, options)) {
      const cid = cidOfName(name)
      if (cid === undefined) continue
      listed.add(key.toHex())
      yield pair(cid)
    }
    for await (const { key } of this.#store.keys(options)) {
      if (!listed.has(key.toHex())) yield pair(cidOfKey(key))
    }
  }

  #checkDeletes(cid: CID, place: Place): void {
    if (this.#deletes === 'values') return
    if (this.#deletes === 'names' && typeof place === 'string') return
    throw new DstoreError('not-permitted', `this blockstore does not delete ${cid.toString()}`, {
      hint: "the value is everyone's: `new DstoreBlockstore(store, { deletes: 'values' })` removes it",
    })
  }

  async #call<T>(
    cid: CID,
    signal: AbortSignal | undefined,
    call: (options: Abortable) => Promise<T>,
  ): Promise<T> {
    try {
      return await call(signal === undefined ? {} : { signal })
    } catch (error) {
      throw storeError(error, cid, signal)
    }
  }
}

function checkOutcome(outcome: PutOutcome, cid: CID): void {
  if ('error' in outcome) throw outcome.error
  const place = placeOf(cid)
  if (place instanceof Key) checkKey(outcome.key, place)
}

const isNotFound = (error: unknown): boolean =>
  error instanceof Error && error.name === 'NotFoundError'

/** Blocks as they are put: small ones gathered and verified. */
async function* itemsOf(
  source: Iterable<InputPair> | AsyncIterable<InputPair>,
): AsyncGenerator<Item, void, undefined> {
  for await (const { cid, bytes } of source) {
    const item = {
      cid,
      ...(bytes instanceof Uint8Array ? { bytes } : await gathered(bytes, GATHERED_BYTES)),
    }
    const place = placeFor(cid)
    if ('bytes' in item && place instanceof Key) checkBytes(item.bytes, place)
    yield item
  }
}

const sourceOf = ({ cid, bytes }: Item & { readonly bytes: Uint8Array }): NamedSource => {
  const place = placeFor(cid)
  return typeof place === 'string' ? { value: bytes, name: place } : { value: bytes }
}
