/** BLAKE3's compression function in plain TypeScript. */

export const CHUNK_START: number = 1
export const CHUNK_END: number = 2
export const PARENT: number = 4
export const ROOT: number = 8

/** Input bytes of one compression. */
export const BLOCK_BYTES: number = 64

/** The initial chaining value, and the key of unkeyed hashing: eight words. */
export const IV: Uint32Array = Uint32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
)

const TWO_32 = 2 ** 32
const LAST_ROUND = 6

/**
 * Replaces the chaining value `cv` (8 words) by the first half of the compression of `block` (16
 * words). `counter` is the index of the chunk, 0 for parents; `blockBytes` is the input's length.
 */
export function compress(
  cv: Uint32Array,
  block: Uint32Array,
  counter: number,
  blockBytes: number,
  flags: number,
): void {
  let s0 = cv[0]!
  let s1 = cv[1]!
  let s2 = cv[2]!
  let s3 = cv[3]!
  let s4 = cv[4]!
  let s5 = cv[5]!
  let s6 = cv[6]!
  let s7 = cv[7]!
  let s8 = 0x6a09e667
  let s9 = 0xbb67ae85
  let s10 = 0x3c6ef372
  let s11 = 0xa54ff53a
  let s12 = counter | 0
  let s13 = (counter / TWO_32) | 0
  let s14 = blockBytes
  let s15 = flags
  let m0 = block[0]!
  let m1 = block[1]!
  let m2 = block[2]!
  let m3 = block[3]!
  let m4 = block[4]!
  let m5 = block[5]!
  let m6 = block[6]!
  let m7 = block[7]!
  let m8 = block[8]!
  let m9 = block[9]!
  let m10 = block[10]!
  let m11 = block[11]!
  let m12 = block[12]!
  let m13 = block[13]!
  let m14 = block[14]!
  let m15 = block[15]!
  for (let round = 0; ; round++) {
    // Columns, then diagonals.
    s0 = (s0 + s4 + m0) | 0
    s12 ^= s0
    s12 = (s12 >>> 16) | (s12 << 16)
    s8 = (s8 + s12) | 0
    s4 ^= s8
    s4 = (s4 >>> 12) | (s4 << 20)
    s0 = (s0 + s4 + m1) | 0
    s12 ^= s0
    s12 = (s12 >>> 8) | (s12 << 24)
    s8 = (s8 + s12) | 0
    s4 ^= s8
    s4 = (s4 >>> 7) | (s4 << 25)
    s1 = (s1 + s5 + m2) | 0
    s13 ^= s1
    s13 = (s13 >>> 16) | (s13 << 16)
    s9 = (s9 + s13) | 0
    s5 ^= s9
    s5 = (s5 >>> 12) | (s5 << 20)
    s1 = (s1 + s5 + m3) | 0
    s13 ^= s1
    s13 = (s13 >>> 8) | (s13 << 24)
    s9 = (s9 + s13) | 0
    s5 ^= s9
    s5 = (s5 >>> 7) | (s5 << 25)
    s2 = (s2 + s6 + m4) | 0
    s14 ^= s2
    s14 = (s14 >>> 16) | (s14 << 16)
    s10 = (s10 + s14) | 0
    s6 ^= s10
    s6 = (s6 >>> 12) | (s6 << 20)
    s2 = (s2 + s6 + m5) | 0
    s14 ^= s2
    s14 = (s14 >>> 8) | (s14 << 24)
    s10 = (s10 + s14) | 0
    s6 ^= s10
    s6 = (s6 >>> 7) | (s6 << 25)
    s3 = (s3 + s7 + m6) | 0
    s15 ^= s3
    s15 = (s15 >>> 16) | (s15 << 16)
    s11 = (s11 + s15) | 0
    s7 ^= s11
    s7 = (s7 >>> 12) | (s7 << 20)
    s3 = (s3 + s7 + m7) | 0
    s15 ^= s3
    s15 = (s15 >>> 8) | (s15 << 24)
    s11 = (s11 + s15) | 0
    s7 ^= s11
    s7 = (s7 >>> 7) | (s7 << 25)
    s0 = (s0 + s5 + m8) | 0
    s15 ^= s0
    s15 = (s15 >>> 16) | (s15 << 16)
    s10 = (s10 + s15) | 0
    s5 ^= s10
    s5 = (s5 >>> 12) | (s5 << 20)
    s0 = (s0 + s5 + m9) | 0
    s15 ^= s0
    s15 = (s15 >>> 8) | (s15 << 24)
    s10 = (s10 + s15) | 0
    s5 ^= s10
    s5 = (s5 >>> 7) | (s5 << 25)
    s1 = (s1 + s6 + m10) | 0
    s12 ^= s1
    s12 = (s12 >>> 16) | (s12 << 16)
    s11 = (s11 + s12) | 0
    s6 ^= s11
    s6 = (s6 >>> 12) | (s6 << 20)
    s1 = (s1 + s6 + m11) | 0
    s12 ^= s1
    s12 = (s12 >>> 8) | (s12 << 24)
    s11 = (s11 + s12) | 0
    s6 ^= s11
    s6 = (s6 >>> 7) | (s6 << 25)
    s2 = (s2 + s7 + m12) | 0
    s13 ^= s2
    s13 = (s13 >>> 16) | (s13 << 16)
    s8 = (s8 + s13) | 0
    s7 ^= s8
    s7 = (s7 >>> 12) | (s7 << 20)
    s2 = (s2 + s7 + m13) | 0
    s13 ^= s2
    s13 = (s13 >>> 8) | (s13 << 24)
    s8 = (s8 + s13) | 0
    s7 ^= s8
    s7 = (s7 >>> 7) | (s7 << 25)
    s3 = (s3 + s4 + m14) | 0
    s14 ^= s3
    s14 = (s14 >>> 16) | (s14 << 16)
    s9 = (s9 + s14) | 0
    s4 ^= s9
    s4 = (s4 >>> 12) | (s4 << 20)
    s3 = (s3 + s4 + m15) | 0
    s14 ^= s3
    s14 = (s14 >>> 8) | (s14 << 24)
    s9 = (s9 + s14) | 0
    s4 ^= s9
    s4 = (s4 >>> 7) | (s4 << 25)
    if (round === LAST_ROUND) break
    // Permutes the message words for the next round.
    const first0 = m0
    m0 = m2
    m2 = m3
    m3 = m10
    m10 = m12
    m12 = m9
    m9 = m11
    m11 = m5
    m5 = first0
    const first1 = m1
    m1 = m6
    m6 = m4
    m4 = m7
    m7 = m13
    m13 = m14
    m14 = m15
    m15 = m8
    m8 = first1
  }
  cv[0] = s0 ^ s8
  cv[1] = s1 ^ s9
  cv[2] = s2 ^ s10
  cv[3] = s3 ^ s11
  cv[4] = s4 ^ s12
  cv[5] = s5 ^ s13
  cv[6] = s6 ^ s14
  cv[7] = s7 ^ s15
}
