/** Keys of a simulated world: a token is a number, and its digest repeats it. */
import type { Digest } from '../../src/index/message.ts'

const DIGESTS: readonly Digest[] = Array.from({ length: 256 }, (_, token) =>
  new Uint8Array(32).fill(token),
)

export const digestOf = (token: number): Digest => DIGESTS[token]!
