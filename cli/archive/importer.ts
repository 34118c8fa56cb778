/** Stores the verified values of an archive, then binds its names (R007-43, R007-44). */
import { concat, gather } from '../../src/bytes.ts'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import type { PutAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { createHasher } from '../../src/hash/hasher.ts'
import { keyKindOf } from '../../src/hash/key-text.ts'
import { Key, parseKey } from '../../src/hash/key.ts'
import {
  ARCHIVE_NAMES_BYTES,
  BATCH_ITEMS,
  DIRECTORY_BYTES,
  HASH_WINDOW_BYTES,
  HTTP_BATCH_BYTES,
  INLINE_VALUE_BYTES,
} from '../../src/limits.ts'
import type { Node, PutResult } from '../../src/node/node.ts'
import { counted } from '../terminal/progress.ts'
import { plural } from '../terminal/terminal.ts'
import { DirectoryImporter } from './directory-importer.ts'
import { mapConcurrently } from './map-concurrently.ts'
import { bindArchived } from './bind-archived.ts'
import { parseNames, type ArchivedName, type FoundNames } from './names-file.ts'
import type { ArchivedFile } from './tar-reader.ts'

/** Names bound at the same time: they share disk syncs. */
const BOUND_AT_ONCE = 64

/** Names that wait for small values to be stored. Each has a value or is one of several. */
const NAMES_WAITING = BATCH_ITEMS

/** Names without a value that a message shows; it counts the others. */
const SHOWN_ORPHANS = 10

/** The result of one value or name. */
export type Imported =
  | { readonly kind: 'value'; readonly answer: PutAnswer }
  | { readonly kind: 'name'; readonly bound: ArchivedName }
  | { readonly kind: 'failed'; readonly what: string; readonly fault: DstoreError }

export class Importer {
  readonly #client: Client
  readonly #directories: DirectoryImporter
  readonly #onBytes: (doneBytes: number) => void
  #doneBytes = 0
  /** Verified small values that wait to be sent in one request. */
  #small: Uint8Array[] = []
  /** The same of values that directories have. */
  #held: Uint8Array[] = []
  #smallBytes = 0
  /** Names that are bound with the next small values, which may be theirs. */
  #names: ArchivedName[] = []
  /** Names read before their values: other tools may repack the files in any order. */
  #early: ArchivedName[] = []
  #earlyBytes = 0
  /** Names whose values are not there: how many, and the first ones. */
  #orphans = 0
  #firstOrphans: string[] = []

  /** `node`: the same daemon, for directories. */
  constructor(
    client: Client,
    node: Pick<Node, 'trees' | 'get' | 'put' | 'putMany'>,
    onBytes: (doneBytes: number) => void,
  ) {
    this.#client = client
    this.#directories = new DirectoryImporter(node)
    this.#onBytes = onBytes
  }

  /** Import one file. Reads all of its bytes unless it fails. */
  async *take(file: ArchivedFile): AsyncGenerator<Imported, void, undefined> {
    const before = this.#doneBytes
    const read = counted(file.bytes, (bytes) => this.#onBytes((this.#doneBytes = before + bytes)))
    try {
      if (file.kind === 'names') {
        yield* this.#takeNames(file)
      } else {
        yield* this.#takeValue(file, read)
      }
    } catch (error) {
      yield { kind: 'failed', what: file.file, fault: asDstoreError(error) }
    }
  }

  async *#takeValue(
    { file, size }: ArchivedFile,
    read: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Imported, void, undefined> {
    const key = parseKey(file)
    const directories = this.#directories
    if (key.kind === 'directory') {
      if (size > DIRECTORY_BYTES) {
        throw new DstoreError('too-large', `a directory has at most ${DIRECTORY_BYTES} bytes`)
      }
      const bytes = await gather(verified(read, file))
      yield { kind: 'value', answer: keyText(await directories.putDirectory(key.digest, bytes)) }
      return
    }
    const isHeld = directories.has(key.digest)
    if (size > INLINE_VALUE_BYTES) {
      const bytes = verified(read, file)
      const answer = isHeld
        ? keyText(await directories.putLarge(bytes, size))
        : await this.#client.putBytes(bytes, size)
      yield { kind: 'value', answer }
      return
    }
    const value = await gather(verified(read, file))
    if (!this.#fits(value)) yield* this.#flush()
    const values = isHeld ? this.#held : this.#small
    values.push(value)
    this.#smallBytes += value.byteLength
  }

  /** The archive has ended: store and bind the rest. */
  async *end(): AsyncGenerator<Imported, void, undefined> {
    yield* this.#flush()
    for await (const { key, fault } of this.#directories.end()) {
      yield { kind: 'failed', what: key, fault }
    }
    const early = this.#early
    this.#early = []
    yield* this.#bind(early, 'late')
    if (this.#orphans === 0) return
    const more = this.#orphans > SHOWN_ORPHANS ? ', ...' : ''
    const message = `no such key: the values of these names are not there: ${this.#firstOrphans.join(', ')}${more}`
    const what = plural(this.#orphans, 'name')
    yield { kind: 'failed', what, fault: new DstoreError('not-found', message) }
  }

  async *#takeNames(file: ArchivedFile): AsyncGenerator<Imported, void, undefined> {
    const { names, fault } = await readNames(file)
    this.#names = this.#names.concat(names)
    // The names of small values wait for them, so that an archive of these needs few requests.
    if (this.#waiting === 0 || this.#names.length >= NAMES_WAITING) yield* this.#flush()
    if (fault !== undefined) throw fault
  }

  /** Small values that wait. */
  get #waiting(): number {
    return this.#small.length + this.#held.length
  }

  #fits({ byteLength }: Uint8Array): boolean {
    return this.#waiting < BATCH_ITEMS && this.#smallBytes + byteLength <= HTTP_BATCH_BYTES
  }

  async *#flush(): AsyncGenerator<Imported, void, undefined> {
    const values = this.#small
    const held = this.#held
    const names = this.#names
    this.#small = []
    this.#held = []
    this.#smallBytes = 0
    this.#names = []
    yield* storeSmall(values, () => this.#client.putMany(values))
    yield* storeSmall(held, async () => (await this.#directories.putSmall(held)).map(keyText))
    yield* this.#bind(names, 'early')
  }

  async *#bind(
    names: readonly ArchivedName[],
    when: 'early' | 'late',
  ): AsyncGenerator<Imported, void, undefined> {
    yield* compact(
      mapConcurrently(names, BOUND_AT_ONCE, async (bound): Promise<Imported | undefined> => {
        const { name } = bound
        try {
          if (await bindArchived(this.#client, bound)) return { kind: 'name', bound }
          return undefined
        } catch (error) {
          const fault = asDstoreError(error)
          if (fault.code !== 'not-found') return { kind: 'failed', what: name, fault }
          if (when === 'late' || !this.#remember(bound)) this.#addOrphan(name)
          return undefined
        }
      }),
    )
  }

  #addOrphan(name: string): void {
    this.#orphans++
    if (this.#firstOrphans.length < SHOWN_ORPHANS) this.#firstOrphans.push(name)
  }

  #remember(bound: ArchivedName): boolean {
    this.#earlyBytes += Buffer.byteLength(bound.name) + bound.key.length
    if (this.#earlyBytes > ARCHIVE_NAMES_BYTES) return false
    this.#early.push(bound)
    return true
  }
}

async function* storeSmall(
  values: readonly Uint8Array[],
  put: () => Promise<readonly PutAnswer[]>,
): AsyncGenerator<Imported, void, undefined> {
  if (values.length === 0) return
  try {
    for (const answer of await put()) yield { kind: 'value', answer }
  } catch (error) {
    yield { kind: 'failed', what: `${values.length} small values`, fault: asDstoreError(error) }
  }
}

const keyText = ({ key, size, existed }: PutResult): PutAnswer => ({
  key: key.toString(),
  size,
  existed,
})

/** The names in a file, up to its end or to where it is damaged. */
async function readNames({ file, size, bytes }: ArchivedFile): Promise<FoundNames> {
  if (size > ARCHIVE_NAMES_BYTES) {
    const message = `${file} has ${size} bytes; the limit is ${ARCHIVE_NAMES_BYTES}`
    throw new DstoreError('too-large', message)
  }
  const parts: Uint8Array[] = []
  try {
    for await (const part of bytes) parts.push(part)
  } catch (error) {
    return { names: parseNames(concat(parts)).names, fault: asDstoreError(error) }
  }
  return parseNames(concat(parts))
}

/**
 * The same bytes, verified: withholds the last piece until all bytes match the key, and fails with
 * `integrity` if they do not. So a value is stored whole or not at all.
 */
export async function* verified(
  bytes: AsyncIterable<Uint8Array>,
  key: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  // Only the root is needed; large groups keep the tree small.
  const hasher = createHasher({ groupBytes: HASH_WINDOW_BYTES })
  let last: Uint8Array | undefined
  for await (const piece of bytes) {
    hasher.update(piece)
    if (last !== undefined) yield last
    last = piece
  }
  const found = new Key(hasher.finish().digest, keyKindOf(key)).toString()
  if (found !== key) {
    const message = `${key} in the archive does not match its key: its bytes have the key ${found}`
    throw new DstoreError('integrity', message)
  }
  if (last !== undefined) yield last
}

async function* compact<T>(items: AsyncIterable<T | undefined>): AsyncGenerator<T> {
  for await (const item of items) if (item !== undefined) yield item
}
