/** A frame reader over bytes that a hostile peer sent. */
import { FrameReader } from '../../src/wire/frames.ts'
import { channelPair } from './memory-pair.ts'

/** The longest frame that the tests accept. */
export const LIMIT: number = 1 << 20

/** Reads the bytes, then the end, in pieces as `recut` says. */
export function arriving(bytes: Uint8Array, recut?: (available: number) => number): FrameReader {
  const [a, b] = channelPair(recut === undefined ? {} : { recut })
  void a.write(bytes).then(() => a.end())
  return new FrameReader(b, { maxBytes: LIMIT })
}
