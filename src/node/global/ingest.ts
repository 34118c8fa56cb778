/** Values on their way into the store and out of it. */
import { equal } from '../../bytes.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { hasherFor, type ForeignHasher } from '../../hash/foreign-hasher.ts'
import { createHasher, hashInTurns } from '../../hash/hasher.ts'
import type { Sealed } from '../../index/global/plan.ts'
import type { Offer, Offered, Receipt } from '../../index/message.ts'
import { decodeKey, keyRow, type KeyRecord } from '../../index/records/record.ts'
import { PARALLEL_COPY_BYTES, RESUMABLE_BYTES } from '../../limits.ts'
import { HAS_HASH_THREADS } from '../../store/file/file-hash-threads.ts'
import type { FileSource } from '../../store/file/file-source.ts'
import type { Staging, Store } from '../../store/store.ts'
import type { Identity, Keeper } from '../../transfer/upload.ts'
import type { CallOptions } from '../node.ts'

/** A value that is sealed in the store and not adopted yet. */
export type Staged = Sealed & { readonly staging: Staging }

/** A value that the store has no room for, hashed to its end: it may be there already. */
interface Unstored extends Identity {
  /** Why it was not staged. */
  readonly refusal: DstoreError
}

/** A stream that has come to its end. */
export type Arrived = Staged | Unstored

/** Takes what came. */
interface Adopter {
  readonly adopt: (value: Staged, keeper: Keeper) => Promise<Receipt>
  readonly ask: (offer: Offer) => Promise<Offered>
}

/** Puts what came: a value that exists needs no room (R007-457). */
export async function adoptOrFind(
  driver: Adopter,
  value: Arrived,
  keeper: Keeper,
): Promise<Receipt> {
  if (!('refusal' in value)) return driver.adopt(value, keeper)
  const { digest, size, refusal } = value
  const { name, naming, hold, operation } = keeper
  const kept = { name, ...(naming && { naming }), ...(hold && { hold }) }
  const offer = { digest, size, ...kept, ...(operation && { operation }) }
  const { have } = await driver.ask({ type: 'offer', ...offer })
  if (have === undefined) throw refusal
  return have
}

/**
 * A stream on its way into the store, which may come in several parts. One that does not fit is
 * hashed to its end where it may be a value that is stored.
 */
export class Ingest {
  /** Undefined once the store has refused it. */
  #staging: Staging | undefined
  #refusal: DstoreError | undefined
  /** A refused stream that is longer than this is no value of the store, or may be endless. */
  readonly #mostRefusedBytes: number
  readonly #hasher = createHasher()
  /** Of the name that it is put under, if that spells a digest. */
  #named: { readonly name: string; readonly hasher: ForeignHasher } | undefined
  #receivedBytes = 0
  /** A piece may have been hashed and not written. */
  #isTorn = false

  private constructor(mostRefusedBytes: number) {
    this.#mostRefusedBytes = mostRefusedBytes
  }

  static async begin(store: Store, size: number | undefined): Promise<Ingest> {
    const isKnown = size !== undefined && store.ofSize?.(size).length !== 0
    const most = isKnown ? Math.max(size, PARALLEL_COPY_BYTES) : PARALLEL_COPY_BYTES
    const stream = new Ingest(most)
    try {
      stream.#staging = await store.stage(size)
    } catch (error) {
      stream.#refuse(error, size)
    }
    return stream
  }

  /** Bytes that are hashed and written. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** Whether more can be added after a failure. */
  get canResume(): boolean {
    return !this.#isTorn
  }

  async add(
    bytes: AsyncIterable<Uint8Array>,
    { signal, onBytes, name }: IngestOptions = {},
  ): Promise<void> {
    this.#putUnder(name)
    for await (const piece of bytes) {
      signal?.throwIfAborted()
      this.#isTorn = true
      await hashInTurns(this.#hasher, piece)
      this.#named?.hasher.update(piece)
      this.#receivedBytes += piece.byteLength
      await this.#write(piece)
      this.#isTorn = false
      onBytes?.(piece.byteLength)
    }
    signal?.throwIfAborted()
  }

  async #write(piece: Uint8Array): Promise<void> {
    try {
      await this.#staging?.write(piece)
    } catch (error) {
      this.#refuse(error)
      this.#staging = undefined
    }
    if (this.#refusal !== undefined) this.#refuse(this.#refusal)
  }

  /** Throws the error unless the store has no room, and the stream may be a value that it has. */
  #refuse(error: unknown, size: number = this.#receivedBytes): void {
    const fault = asDstoreError(error)
    if (fault.code !== 'no-space' || size > this.#mostRefusedBytes) throw fault
    this.#refusal = fault
  }

  /** What comes later of a stream has the same name: else the index verifies it. */
  #putUnder(name: string | undefined): void {
    if (name === this.#named?.name) return
    const hasher = this.#receivedBytes === 0 ? hasherFor(name) : undefined
    this.#named = hasher && { name: name!, hasher }
  }

  /** Seals it. Nothing stays of what its sender (`integrity`) or its name (`usage`) belies. */
  async finish(claimed?: Identity): Promise<Arrived> {
    const { digest, size, outboard } = this.#hasher.finish()
    if (claimed !== undefined && (claimed.size !== size || !equal(claimed.digest, digest))) {
      throw new DstoreError('integrity', 'the bytes that came are not those that were sent')
    }
    this.#named?.hasher.check()
    if (this.#refusal !== undefined) return { digest, size, refusal: this.#refusal }
    const staging = this.#staging!
    const sealed = { digest, size, staging, location: await staging.seal(outboard) }
    return this.#named === undefined ? sealed : { ...sealed, verifiedAs: this.#named.name }
  }

  /** Frees what came. */
  async discard(): Promise<void> {
    await this.#staging?.discard()
  }
}

export interface IngestOptions {
  readonly signal?: AbortSignal | undefined
  readonly onBytes?: (count: number) => void
  /** The name that it is put under. */
  readonly name?: string | undefined
}

/** Streams a value into the store, hashing it. If that fails, nothing of it stays. */
export async function ingest(
  store: Store,
  bytes: AsyncIterable<Uint8Array>,
  size: number | undefined,
  options: IngestOptions = {},
): Promise<Arrived> {
  const stream = await Ingest.begin(store, size)
  try {
    await stream.add(bytes, options)
    return await stream.finish()
  } catch (error) {
    await stream.discard()
    throw error
  }
}

/**
 * Copies an open file of known size into a store that copies files, hashing it on the way. If it
 * fails, or the file changes meanwhile, nothing of it stays.
 */
export async function ingestFile(
  store: Store,
  file: FileSource,
  { signal, onProgress }: CallOptions,
): Promise<Staged> {
  const { fd, path } = file
  const size = file.size!
  const staging = await store.stage(size)
  try {
    const { digest, outboard } = await staging.copyFrom!({
      fd,
      path,
      size,
      signal,
      onProgress: (doneBytes) => onProgress?.({ phase: 'store', doneBytes, totalBytes: size }),
    })
    await file.checkUnchanged()
    return { digest, size, staging, location: await staging.seal(outboard) }
  } catch (error) {
    await staging.discard()
    throw error
  }
}

/** Does `ingestFile` take this file? */
export function isCopied(store: Store, file: FileSource): boolean {
  const { size = 0 } = file
  return store.kind === 'disk' && size >= PARALLEL_COPY_BYTES && HAS_HASH_THREADS
}

/** What an upload says of the value that it brings. */
interface Received {
  readonly digest: Uint8Array
  readonly size: number
  /** Where what comes begins: the bytes before it were kept. */
  readonly start: number
  /** The name that it is put under. */
  readonly name?: string | undefined
}

/**
 * Stores a value whose key is known: verified bytes from `start` on, and the outboard at the end.
 * If the stream breaks, the store keeps what came. A resumed upload is hashed as a whole, including
 * the kept bytes. Error: `integrity`.
 */
export async function receive(
  store: Store,
  { digest, size, start, name }: Received,
  bytes: AsyncIterable<Uint8Array>,
  outboard: () => Uint8Array,
): Promise<Staged> {
  const isResumable = size >= RESUMABLE_BYTES
  const resumption = isResumable || start > 0 ? { id: digest, from: start } : undefined
  const staging = await store.stage(size, resumption)
  try {
    // The kept bytes were verified when they came, but the disk may have changed them since.
    const hasher = start > 0 ? createHasher() : undefined
    const named = hasherFor(name)
    if (hasher !== undefined) {
      for await (const piece of staging.resumedBytes()) {
        await hashInTurns(hasher, piece)
        named?.update(piece)
      }
    }
    try {
      for await (const piece of bytes) {
        if (hasher !== undefined) await hashInTurns(hasher, piece)
        named?.update(piece)
        await staging.write(piece)
      }
    } catch (error) {
      await staging.suspend()
      throw error
    }
    const hashed = hasher?.finish()
    if (hashed !== undefined && !equal(hashed.digest, digest)) {
      throw new DstoreError('integrity', 'the kept part of the value is damaged: send all of it')
    }
    named?.check()
    const location = await staging.seal(hashed?.outboard ?? outboard())
    return { digest, size, location, staging, ...(named && { verifiedAs: name! }) }
  } catch (error) {
    await staging.discard()
    throw error
  }
}

/** The index's record of a key; undefined if there is none. */
export async function recordOf(store: Store, digest: Uint8Array): Promise<KeyRecord | undefined> {
  const [row] = await store.rows([keyRow(digest)])
  return row === undefined ? undefined : decodeKey(row)
}
