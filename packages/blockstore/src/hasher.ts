/** BLAKE3 for multiformats, by dstore's own code. */
import { keyOf } from '@dstore/dstore'
import { from } from 'multiformats/hashes/hasher'
import type { SyncMultihashHasher } from 'multiformats/hashes/interface'

/** Of the multihash: what `multicodec` calls blake3. */
export const BLAKE3_CODE = 0x1e

/**
 * The hasher of dstore's keys, for `createHelia({ hashers: [blake3] })`. It gives its digest at
 * once, of 32 bytes, or truncated to 20 or more of them. Other lengths that BLAKE3 can have are no
 * keys.
 */
export const blake3: SyncMultihashHasher<typeof BLAKE3_CODE> = from({
  name: 'blake3',
  code: BLAKE3_CODE,
  encode: (bytes) => Uint8Array.from(keyOf(bytes).digest),
  maxDigestLength: 32,
}) as SyncMultihashHasher<typeof BLAKE3_CODE>
