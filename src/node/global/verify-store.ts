/** Reading everything back against its keys, at a pace that leaves the disk to others (specs/005, "Verification"). */
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import { decodeKey } from '../../index/records/record.ts'
import { BATCH_ITEMS, VERIFY_BYTES_PER_SECOND } from '../../limits.ts'
import type { Store } from '../../store/store.ts'
import { verifiedBytes } from '../../transfer/piece-reader.ts'
import type { Cache } from '../cache/cache.ts'
import { servedFromCache } from '../cache/served-value.ts'
import { pause } from '../../deadline.ts'
import type { Verification, VerifyOptions } from '../node.ts'
import type { Repair } from './repair.ts'

/** What is read before the pace is looked at, in bytes. */
const STRIDE_BYTES = 4 * 1024 * 1024

/** Counts what was read, and holds it to a rate. */
class Pace {
  readonly #signal: AbortSignal
  #sinceMs = performance.now()
  #strideBytes = 0
  values = 0
  damaged = 0
  doneBytes = 0

  constructor(signal: AbortSignal = new AbortController().signal) {
    this.#signal = signal
  }

  get signal(): AbortSignal {
    return this.#signal
  }

  async add(bytes: number): Promise<boolean> {
    this.doneBytes += bytes
    this.#strideBytes += bytes
    if (this.#strideBytes < STRIDE_BYTES) return false
    const dueMs = (this.#strideBytes / VERIFY_BYTES_PER_SECOND) * 1000
    await pause(Math.max(0, dueMs - (performance.now() - this.#sinceMs)), this.#signal)
    this.#signal.throwIfAborted()
    this.#strideBytes = 0
    this.#sinceMs = performance.now()
    return true
  }

  progress(totalBytes: number): Verification {
    const { values, doneBytes } = this
    return { type: 'progress', values, doneBytes, totalBytes: Math.max(totalBytes, doneBytes) }
  }

  done(): Verification {
    const { values, doneBytes, damaged } = this
    return { type: 'done', values, doneBytes, damaged }
  }
}

/** Every stored value, in the order of digests. What is damaged is set aside and, if so asked, fetched anew. */
export async function* verifyStore(
  store: Store,
  repair: Repair,
  options: VerifyOptions,
): AsyncGenerator<Verification, void, undefined> {
  const pace = new Pace(options.signal)
  const { valueBytes } = await store.usage()
  let after: Uint8Array | undefined
  for (;;) {
    const page = after === undefined ? {} : { after }
    const rows = await store.scan('keys', { ...page, limit: BATCH_ITEMS })
    for (const row of rows) {
      const record = decodeKey(row)
      const { size } = record
      pace.signal.throwIfAborted()
      try {
        const bytes = repair.read(row.id, record, { start: 0, end: size }, pace.signal)
        for await (const piece of bytes) {
          if (await pace.add(piece.byteLength)) yield pace.progress(valueBytes)
        }
      } catch (error) {
        if (!(error instanceof DstoreError)) throw error
        // Removed since the page was read: then there is nothing to say of it.
        if (error.code === 'removed') continue
        if (error.code !== 'integrity') throw error
        pace.damaged++
        const repaired = options.repair === true && (await repair.heal(row.id))
        yield { type: 'damaged', key: new Key(row.id), size, repaired }
      }
      pace.values++
    }
    if (rows.length < BATCH_ITEMS) break
    after = rows.at(-1)!.id
  }
  yield pace.done()
}

/** What a Local holds. What is damaged is dropped: it is fetched again when it is wanted. */
export async function* verifyCache(
  cache: Cache,
  options: VerifyOptions,
): AsyncGenerator<Verification, void, undefined> {
  const pace = new Pace(options.signal)
  for (const value of Array.from(cache.values())) {
    const { key, size } = value
    if (cache.peek(key) !== value) continue
    const release = value.use()
    try {
      const served = servedFromCache(value, value.dropped, release)
      for (const run of served.held()) {
        for await (const piece of verifiedBytes(served, key.digest, run, value.dropped)) {
          if (await pace.add(piece.byteLength)) yield pace.progress(cache.status().usedBytes)
        }
      }
    } catch (error) {
      if (!(error instanceof DstoreError)) throw error
      if (error.code === 'removed') continue
      if (error.code !== 'integrity') throw error
      pace.damaged++
      cache.remove(key, (held) => held === value)
      yield { type: 'damaged', key, size, repaired: true }
    } finally {
      release()
    }
    pace.values++
  }
  yield pace.done()
}
