/**
 * Entries that are too large for a message: their bytes are an object of the bucket, which is
 * written before the message that names it. A key has the position and the digest, so that of
 * several writers each has an object of its own.
 */
import type { ObjectStore } from '../../bucket/object-store.ts'
import { equal, viewOf } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { JOURNAL_ENTRY_BYTES } from '../../limits.ts'
import { entryDigest } from '../digest.ts'

const PREFIX = 'j/'
const FORMAT = 1
const DIGEST_AT = 9
const REFERENCE_BYTES = DIGEST_AT + 32
/** Objects that are deleted by one call. */
const TOGETHER = 1000

export interface EntryReference {
  readonly length: number
  readonly digest: Uint8Array
}

export const referenceTo = (entry: Uint8Array): EntryReference => ({
  length: entry.byteLength,
  digest: entryDigest(entry),
})

export function encodeReference({ length, digest }: EntryReference): Uint8Array {
  const bytes = new Uint8Array(REFERENCE_BYTES)
  bytes[0] = FORMAT
  viewOf(bytes).setBigUint64(1, BigInt(length))
  bytes.set(digest, DIGEST_AT)
  return bytes
}

export function decodeReference(position: number, bytes: Uint8Array): EntryReference {
  const isKnown = bytes.byteLength === REFERENCE_BYTES && bytes[0] === FORMAT
  const length = isKnown ? Number(viewOf(bytes).getBigUint64(1)) : 0
  if (length === 0 || length > JOURNAL_ENTRY_BYTES) {
    throw new DstoreError('integrity', `entry ${position} of the journal names no object`)
  }
  return { length, digest: bytes.slice(DIGEST_AT) }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const keyOf = (position: number, { digest }: EntryReference): string =>
  `${PREFIX}${position.toString(16).padStart(16, '0')}-${hex(digest)}`

const KEY = /^j\/([0-9a-f]{16})-[0-9a-f]{64}$/

export class LargeEntries {
  readonly #objects: ObjectStore

  constructor(objects: ObjectStore) {
    this.#objects = objects
  }

  /** In messages. */
  get place(): string {
    return this.#objects.place
  }

  /** There is one body for each key: an object that is there already is the same. */
  async put(position: number, entry: Uint8Array, signal?: AbortSignal): Promise<EntryReference> {
    const reference = referenceTo(entry)
    const options = { ifAbsent: true, ...(signal && { signal }) }
    await this.#objects.put(keyOf(position, reference), entry, options)
    return reference
  }

  /** Undefined if the object is missing: then the entry was trimmed. */
  async get(position: number, reference: EntryReference): Promise<Uint8Array | undefined> {
    const key = keyOf(position, reference)
    const { length, digest } = reference
    const entry = await this.#objects.get(key, { range: { start: 0, end: length + 1 } })
    if (entry === undefined) return undefined
    if (entry.byteLength === length && equal(entryDigest(entry), digest)) return entry
    throw new DstoreError('integrity', `${this.#objects.place}: ${key} is not what was written`)
  }

  /** Deletes the objects up to this position, also those whose append failed. */
  async trim(upto: number): Promise<void> {
    let after: string | undefined
    for (;;) {
      const page = await this.#objects.list(PREFIX, after)
      const keys: string[] = []
      let isBeyond = false
      for (const { key } of page.objects) {
        if (after !== undefined && key <= after) throw this.#unordered(key, after)
        after = key
        const digits = KEY.exec(key)?.[1]
        if (digits === undefined) continue
        isBeyond = Number.parseInt(digits, 16) > upto
        if (isBeyond) break
        keys.push(key)
      }
      for (let i = 0; i < keys.length; i += TOGETHER) {
        await this.#objects.remove(keys.slice(i, i + TOGETHER))
      }
      if (isBeyond || !page.more || page.objects.length === 0) return
    }
  }

  #unordered(key: string, after: string): DstoreError {
    return new DstoreError('integrity', `${this.#objects.place}: lists ${key} after ${after}`)
  }
}
