/** Verifies every value that a Local holds, and evicts the damaged ones. */
import { DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { verifiedBytes } from '../../transfer/piece-reader.ts'
import { VerifyPace } from '../calls/verify-pace.ts'
import type { Verification, VerifyOptions } from '../node.ts'
import { isInFile } from './file-reads.ts'
import type { Tiers } from './tiers.ts'

/** `usedBytes`: of both tiers, for the progress. */
export async function* verifyTiers(
  tiers: Tiers,
  options: VerifyOptions,
  usedBytes: () => number,
): AsyncGenerator<Verification, void, undefined> {
  const pace = new VerifyPace(options.signal)
  for (const value of Array.from(tiers.values())) {
    const { key, size } = value
    const isFound = isInFile(value) && value.isUnchecked && !value.isVoid
    if ((value.held.count === 0 && !isFound) || !tiers.lists(value)) continue
    // A file is verified as it is read.
    const bytesOf = (run: ByteRange): AsyncIterable<Uint8Array> =>
      isInFile(value) ? served.read(run) : verifiedBytes(served, key.digest, run, value.dropped)
    const release = value.use()
    const served = value.served(value.dropped, release)
    try {
      if (isFound) {
        // What an earlier run left is verified whole, and held from then on.
        await tiers.files?.check(value, { signal: pace.signal })
        if (await pace.add(value.heldBytes)) yield pace.progress(usedBytes())
        pace.values++
        continue
      }
      for (const run of served.held()) {
        for await (const piece of bytesOf(run)) {
          if (await pace.add(piece.byteLength)) yield pace.progress(usedBytes())
        }
      }
    } catch (error) {
      if (!(error instanceof DstoreError)) throw error
      if (error.code === 'removed') continue
      if (error.code !== 'integrity') throw error
      pace.damaged++
      tiers.remove(key, (held) => held === value)
      yield { type: 'damaged', key, size, repaired: true }
    } finally {
      served.release(false)
    }
    pace.values++
  }
  yield pace.done()
}
