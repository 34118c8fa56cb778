/** Verifies every value that a Local holds, and evicts the damaged ones. */
import { DstoreError } from '../../errors.ts'
import { verifiedBytes } from '../../transfer/piece-reader.ts'
import { VerifyPace } from '../calls/verify-pace.ts'
import type { Verification, VerifyOptions } from '../node.ts'
import type { Cache } from './cache.ts'
import { servedFromCache } from './served-value.ts'

export async function* verifyCache(
  cache: Cache,
  options: VerifyOptions,
): AsyncGenerator<Verification, void, undefined> {
  const pace = new VerifyPace(options.signal)
  for (const value of Array.from(cache.values())) {
    const { key, size } = value
    if (!cache.isClaimed(value)) continue
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
