/**
 * May a later write to a file leave its stats as they are now? So it is while the clock of its file
 * system may still show the time of the last change (R008-51).
 */
import { statfsSync } from 'node:fs'
import type { Stamped } from '../walk/stamp.ts'

/** File systems on this machine that keep nanoseconds: their times lag by a tick of the kernel. */
const FINE: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0x01021994, // tmpfs
  0x2fc12fc1, // zfs
  0xf2f52010, // f2fs
])

/** A kernel tick is at most 10 ms. */
const FINE_NS = 100_000_000n
/** FAT keeps two seconds; the clock of a file server may differ. */
const COARSE_NS = 10_000_000_000n

export class Settled {
  readonly #graceNs = new Map<bigint, bigint>()

  /** `readAtMs` is the wall time just before these stats were taken; `path` leads to the file. */
  has({ dev, mtimeNs, ctimeNs }: Stamped, readAtMs: number, path: string): boolean {
    const changed = mtimeNs > ctimeNs ? mtimeNs : ctimeNs
    return changed + this.#graceOf(dev, ctimeNs, path) < BigInt(Math.floor(readAtMs)) * 1_000_000n
  }

  #graceOf(device: bigint, ctimeNs: bigint, path: string): bigint {
    // Whole milliseconds: a file system that keeps no more, or one chance in a million.
    if (ctimeNs % 1_000_000n === 0n) return COARSE_NS
    let grace = this.#graceNs.get(device)
    if (grace === undefined) this.#graceNs.set(device, (grace = graceOn(path)))
    return grace
  }
}

function graceOn(path: string): bigint {
  try {
    return FINE.has(statfsSync(path).type) ? FINE_NS : COARSE_NS
  } catch {
    return COARSE_NS
  }
}
