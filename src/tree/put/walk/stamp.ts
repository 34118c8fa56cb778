/**
 * What tells a file from what it was before: its size, the times of its last write and its last
 * change, its device and its inode (R008-50). In 40 bytes, since a folder may have many files.
 */
import type { BigIntStats } from 'node:fs'

export const STAMP_BYTES = 40

export interface Stamped {
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly dev: bigint
  readonly ino: bigint
}

export function stampOf({ size, mtimeNs, ctimeNs, dev, ino }: BigIntStats | Stamped): Buffer {
  const stamp = Buffer.allocUnsafe(STAMP_BYTES)
  let at = 0
  for (const value of [size, mtimeNs, ctimeNs, dev, ino]) {
    at = stamp.writeBigUInt64LE(BigInt.asUintN(64, value), at)
  }
  return stamp
}

/** The stats in a stamp. */
export function statsIn(stamp: Buffer): Stamped {
  const time = (at: number): bigint => stamp.readBigInt64LE(at)
  const count = (at: number): bigint => stamp.readBigUInt64LE(at)
  return { size: count(0), mtimeNs: time(8), ctimeNs: time(16), dev: count(24), ino: count(32) }
}
