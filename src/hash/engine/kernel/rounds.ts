/** Shared by both kernels: BLAKE3's constants and the steps of its quarter round. */
import {
  bytes16,
  get,
  or4,
  set,
  shiftLeft4,
  shiftRight4,
  swizzle,
  xor4,
  add4,
} from './assembler.ts'
import type { Code, Local } from './assembler.ts'

export const IV: readonly number[] = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]

const PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]

/** The order in which each of the seven rounds takes the sixteen message words. */
export const SCHEDULE: readonly (readonly number[])[] = Array.from({ length: 6 }).reduce<
  number[][]
>(
  (rounds) => [...rounds, PERMUTATION.map((from) => rounds.at(-1)![from]!)],
  [Array.from({ length: 16 }, (_, index) => index)],
)

/**
 * Rotation by 16 and by 8 bits is a permutation of bytes. The masks must be in locals: V8 (Node 24)
 * reloads a constant at each use, at a third of the speed; and `shuffle`, whose mask is always
 * constant, is as slow.
 */
export interface Masks {
  readonly rotate16: Local
  readonly rotate8: Local
}

export const setMasks = ({ rotate16, rotate8 }: Masks): Code => [
  ...set(rotate16, bytes16([2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13])),
  ...set(rotate8, bytes16([1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12])),
]

/** The four words (or rows of words) that a quarter round mixes, and its two message words. */
export interface Quarter {
  readonly a: Local
  readonly b: Local
  readonly c: Local
  readonly d: Local
  readonly x: Local
  readonly y: Local
}

const xored = (a: Local, b: Local): Code => xor4(get(a), get(b))

const rotated = (bits: number, to: Local, from: Local): Code => [
  // Two copies of the operand would be computed twice: first to the local, then from it.
  ...set(to, xored(to, from)),
  ...set(to, or4(shiftRight4(get(to), bits), shiftLeft4(get(to), 32 - bits))),
]

/** Half a quarter round, in steps. */
const half = (message: 'x' | 'y', mask: Local, bits: number): ((q: Quarter) => Code)[] => [
  (q) => set(q.a, add4(add4(get(q.a), get(q.b)), get(q[message]))),
  (q) => set(q.d, swizzle(xored(q.d, q.a), get(mask))),
  (q) => set(q.c, add4(get(q.c), get(q.d))),
  (q) => rotated(bits, q.b, q.c),
]

/** Interleaves independent quarter rounds step by step, so that they can overlap. */
export function mix(quarters: readonly Quarter[], masks: Masks): Code {
  const steps = [...half('x', masks.rotate16, 12), ...half('y', masks.rotate8, 7)]
  return steps.flatMap((step) => quarters.flatMap(step))
}
