/** Verifies every stored value (specs/005, "Verification"). */
import { DstoreError } from '../../errors.ts'
import { decodeKey } from '../../index/records/record.ts'
import { BATCH_ITEMS } from '../../limits.ts'
import type { Store } from '../../store/store.ts'
import { keyOf } from '../calls/key-of.ts'
import { VerifyPace } from '../calls/verify-pace.ts'
import type { Verification, VerifyOptions } from '../node.ts'
import type { Repair } from './repair.ts'

/** In the order of digests. A damaged value is set aside, and fetched again if `options.repair`. */
export async function* verifyStore(
  store: Store,
  repair: Repair,
  options: VerifyOptions,
): AsyncGenerator<Verification, void, undefined> {
  const pace = new VerifyPace(options.signal)
  const { valueBytes } = await store.usage()
  let after: Uint8Array | undefined
  for (;;) {
    const page = after === undefined ? {} : { after }
    const rows = await store.scan('keys', { ...page, limit: BATCH_ITEMS })
    for (const row of rows) {
      const record = decodeKey(row)
      const { size, directory } = record
      pace.signal.throwIfAborted()
      try {
        const bytes = repair.read(row.id, record, { start: 0, end: size }, pace.signal)
        for await (const piece of bytes) {
          if (await pace.add(piece.byteLength)) yield pace.progress(valueBytes)
        }
      } catch (error) {
        if (!(error instanceof DstoreError)) throw error
        // Removed since the page was read.
        if (error.code === 'removed') continue
        if (error.code !== 'integrity') throw error
        pace.damaged++
        const repaired = options.repair === true && (await repair.heal(row.id))
        yield { type: 'damaged', key: keyOf(row.id, directory !== undefined), size, repaired }
      }
      pace.values++
    }
    if (rows.length < BATCH_ITEMS) break
    after = rows.at(-1)!.id
  }
  yield pace.done()
}
