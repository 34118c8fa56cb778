/** Puts what an archive holds: each value whole and verified, or not at all; then the names (R007-43, R007-44). */
import { gather } from '../../src/bytes.ts'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import type { PutAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import {
  ARCHIVE_NAMES_BYTES,
  BATCH_ITEMS,
  HTTP_BATCH_BYTES,
  INLINE_VALUE_BYTES,
} from '../../src/limits.ts'
import { ahead } from '../input/ahead.ts'
import { checked } from './checked.ts'
import { parseNames, type ArchivedName } from './names.ts'
import type { ArchivedFile } from './reader.ts'

/** Names that are bound at the same time: they share syncs. */
const BOUND_AT_ONCE = 64

/** What became of one value or name. */
export type Imported =
  | { readonly kind: 'value'; readonly answer: PutAnswer }
  | { readonly kind: 'name'; readonly bound: ArchivedName }
  | { readonly kind: 'failed'; readonly what: string; readonly fault: DstoreError }

export class Importer {
  readonly #client: Client
  readonly #onBytes: (doneBytes: number) => void
  #doneBytes = 0
  /** Small values that were verified and wait for others, to go in one message. */
  #small: Uint8Array[] = []
  #smallBytes = 0
  /** Names whose values have not come: a tar that was packed anew may have them in any order. */
  #early: ArchivedName[] = []
  #earlyBytes = 0

  constructor(client: Client, onBytes: (doneBytes: number) => void) {
    this.#client = client
    this.#onBytes = onBytes
  }

  /** Take one file of the archive, and all of its bytes unless it fails. */
  async *take(file: ArchivedFile): AsyncGenerator<Imported, void, undefined> {
    try {
      if (file.kind === 'names') {
        yield* this.#flush()
        yield* this.#bind(parseNames(await whole(file, ARCHIVE_NAMES_BYTES)), 'early')
      } else if (file.size > INLINE_VALUE_BYTES) {
        const bytes = checked(this.#counted(file.bytes), file.file)
        yield { kind: 'value', answer: await this.#client.putBytes(bytes, file.size) }
      } else {
        const bytes = { ...file, bytes: checked(this.#counted(file.bytes), file.file) }
        const value = await whole(bytes, INLINE_VALUE_BYTES)
        if (!this.#fits(value)) yield* this.#flush()
        this.#small.push(value)
        this.#smallBytes += value.byteLength
      }
    } catch (error) {
      yield { kind: 'failed', what: file.file, fault: asDstoreError(error) }
    }
  }

  /** The archive is at its end: what has waited is done. */
  async *end(): AsyncGenerator<Imported, void, undefined> {
    yield* this.#flush()
    yield* this.#bind(this.#early, 'late')
  }

  #fits({ byteLength }: Uint8Array): boolean {
    return this.#small.length < BATCH_ITEMS && this.#smallBytes + byteLength <= HTTP_BATCH_BYTES
  }

  async *#flush(): AsyncGenerator<Imported, void, undefined> {
    const values = this.#small
    this.#small = []
    this.#smallBytes = 0
    try {
      if (values.length === 0) return
      for (const answer of await this.#client.putMany(values)) yield { kind: 'value', answer }
    } catch (error) {
      yield { kind: 'failed', what: `${values.length} small values`, fault: asDstoreError(error) }
    }
  }

  async *#bind(
    names: readonly ArchivedName[],
    when: 'early' | 'late',
  ): AsyncGenerator<Imported, void, undefined> {
    yield* compact(
      ahead(names, BOUND_AT_ONCE, async (bound): Promise<Imported | undefined> => {
        const { name, key } = bound
        try {
          await this.#client.bind(name, key)
          return { kind: 'name', bound }
        } catch (error) {
          const fault = asDstoreError(error)
          const isEarly = when === 'early' && fault.code === 'not-found'
          if (isEarly && this.#remember(bound)) return undefined
          return { kind: 'failed', what: name, fault }
        }
      }),
    )
  }

  #remember(bound: ArchivedName): boolean {
    this.#earlyBytes += Buffer.byteLength(bound.name) + bound.key.length
    if (this.#earlyBytes > ARCHIVE_NAMES_BYTES) return false
    this.#early.push(bound)
    return true
  }

  async *#counted(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of bytes) {
      this.#onBytes((this.#doneBytes += piece.byteLength))
      yield piece
    }
  }
}

async function whole(
  { file, size, bytes }: Omit<ArchivedFile, 'kind'>,
  mostBytes: number,
): Promise<Uint8Array> {
  if (size > mostBytes) {
    throw new DstoreError('too-large', `${file} has ${size} bytes, and may have ${mostBytes}`)
  }
  return gather(bytes)
}

async function* compact<T>(items: AsyncIterable<T | undefined>): AsyncGenerator<T> {
  for await (const item of items) if (item !== undefined) yield item
}
