/** Stores a tree whose entries come as a stream (specs/007, R007-277 to R007-280). */
import { gather, once } from '../../bytes.ts'
import type { Totals } from '../../directory/directory.ts'
import { DstoreError, asDstoreError, throwIfCancelled } from '../../errors.ts'
import type { ErrorCode } from '../../errors.ts'
import { hash } from '../../hash/hasher.ts'
import { Key } from '../../hash/key.ts'
import { BATCH_ITEMS, INLINE_VALUE_BYTES, MIB } from '../../limits.ts'
import { moveIn } from '../../node/calls/names/put-result.ts'
import type { CallOptions, CommitTreeOptions, HoldId, MovedFrom } from '../../node/node.ts'
import { Workers } from '../workers.ts'
import { DigestTable } from '../digest-table.ts'
import type { TreeNode } from './commit-built.ts'
import { StreamedTree, checkTarget, shown, type StreamEntry } from './entry-stream.ts'
import { commitSpooled } from './spooled/commit-spooled.ts'

/** Entries of one stream, and folders on the way to them: where each is takes some memory. */
const ENTRIES = 1_048_576

/** Files of at most this size are read whole, so that several are put at once. */
const WHOLE_BYTES = MIB
const IN_FLIGHT_BYTES = 16 * MIB
const IN_FLIGHT = 16
/** Bytes of small files in one request. */
const BATCH_BYTES = MIB

/** Failures that a repeat of the same stream would meet again: nothing of it is worth keeping. */
const FINAL: ReadonlySet<ErrorCode> = new Set(['usage', 'unreadable', 'too-large', 'conflict'])

export interface PutStreamOptions extends CommitTreeOptions {
  /** More files, or bytes of them, have come. */
  readonly onFiles?: ((files: number, bytes: number) => void) | undefined
  /** Entries of the stream; default: `ENTRIES`. */
  readonly most?: number
}

export interface PutStreamResult extends Totals, Partial<MovedFrom> {
  readonly key: Key
  readonly existed: boolean
}

/**
 * Stores all entries as one tree: the whole of it, or nothing. Errors: `usage` for an entry that a
 * directory can't hold, `too-large`; those of the stream, of puts and of `NodeTrees`.
 */
export async function putStream(
  node: TreeNode,
  entries: AsyncIterable<StreamEntry>,
  { name, naming, onFiles, most = ENTRIES, ...calls }: PutStreamOptions = {},
): Promise<PutStreamResult> {
  const hold = await node.trees.openHold(calls)
  const putter = new StreamPutter(node, hold, calls)
  const tree = new StreamedTree()
  try {
    for await (const entry of entries) {
      throwIfCancelled(calls.signal)
      await take(tree, putter, entry, onFiles)
      if (tree.size > most) {
        throw new DstoreError('too-large', `an archive has at most ${most} entries and folders`, {
          hint: 'unpack it, and put the folder',
        })
      }
    }
    await putter.end()
    tree.checkLinks()
    const as = { ...(name !== undefined && { name }), ...(naming && { naming }) }
    const options = { ...calls, ...as }
    const put = await commitSpooled(node, hold, tree.directories(), options)
    const { key, size, files, existed } = put
    return { key, size, files, existed, ...moveIn(put) }
  } catch (error) {
    await putter.settled()
    if (FINAL.has(asDstoreError(error).code)) {
      await node.trees.releaseHold(hold).catch(() => undefined)
    }
    throw error
  } finally {
    tree.close()
  }
}

async function take(
  tree: StreamedTree,
  putter: StreamPutter,
  entry: StreamEntry,
  onFiles: PutStreamOptions['onFiles'],
): Promise<void> {
  const { path } = entry
  switch (entry.type) {
    case 'directory':
      return tree.set(path, undefined)
    case 'link':
      checkTarget(path, entry.target)
      return tree.set(path, { type: 'link', target: entry.target })
    case 'same': {
      const file = tree.file(entry.as)
      if (file !== undefined) return tree.set(path, file)
      const message = `${shown(path)} is a hard link to ${shown(entry.as)}, which is no file before it`
      throw new DstoreError('usage', message)
    }
    case 'file': {
      const { size, executable } = entry
      const digest = await putter.put(entry)
      onFiles?.(1, size)
      tree.set(path, { type: 'file', digest, size, executable })
    }
  }
}

/** Puts files under a hold: several at once, small ones in batches. */
class StreamPutter {
  readonly #node: TreeNode
  readonly #hold: HoldId
  readonly #calls: CallOptions
  /** Digests of the files that were read whole: each value is put once. */
  readonly #seen = new DigestTable()
  #batch: Whole[] = []
  #batchBytes = 0
  readonly #workers = new Workers(IN_FLIGHT, IN_FLIGHT_BYTES)

  constructor(node: TreeNode, hold: HoldId, calls: CallOptions) {
    this.#node = node
    this.#hold = hold
    this.#calls = calls
  }

  /** Takes all bytes of a file; returns its digest. It is stored at `end`. */
  async put(file: Extract<StreamEntry, { readonly type: 'file' }>): Promise<Uint8Array> {
    const { size } = file
    if (size > WHOLE_BYTES) {
      const source = { bytes: file.bytes, size }
      const put = await this.#node.put(source, { ...this.#calls, hold: this.#hold })
      return put.key.digest
    }
    const bytes = await gather(file.bytes)
    const { digest } = hash(bytes)
    if (!this.#isNew(digest)) return digest
    const whole: Whole = { bytes, key: new Key(digest) }
    if (size > INLINE_VALUE_BYTES) {
      await this.#workers.start(size, () => this.#store([whole]))
      return digest
    }
    this.#batch.push(whole)
    this.#batchBytes += size
    const isFull = this.#batch.length >= BATCH_ITEMS || this.#batchBytes >= BATCH_BYTES
    if (isFull) await this.#flush()
    return digest
  }

  #isNew(digest: Uint8Array): boolean {
    const before = this.#seen.size
    this.#seen.add(digest)
    return this.#seen.size > before
  }

  /** Resolves when everything is stored. */
  async end(): Promise<void> {
    await this.#flush()
    await this.#workers.end()
  }

  /** Resolves when no call is in progress, whatever its outcome. */
  settled(): Promise<void> {
    return this.#workers.settled()
  }

  async #flush(): Promise<void> {
    const batch = this.#batch
    const bytes = this.#batchBytes
    this.#batch = []
    this.#batchBytes = 0
    if (batch.length > 0) await this.#workers.start(bytes, () => this.#store(batch))
  }

  async #store(files: readonly Whole[]): Promise<void> {
    const options = { ...this.#calls, hold: this.#hold }
    const keys = files.map(({ key }) => key)
    const present = await this.#node.trees.present(this.#hold, keys, this.#calls)
    const absent = files.filter((_, i) => !present[i]!).map(({ bytes }) => bytes)
    const small = absent.filter(({ byteLength }) => byteLength <= INLINE_VALUE_BYTES)
    if (small.length > 0) await this.#node.putMany(small, options)
    for (const bytes of absent) {
      const size = bytes.byteLength
      if (size > INLINE_VALUE_BYTES) await this.#node.put({ bytes: once(bytes), size }, options)
    }
  }
}

/** A file that was read whole. */
interface Whole {
  readonly bytes: Uint8Array
  readonly key: Key
}
