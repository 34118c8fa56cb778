/** The file system of a folder: its kind, and how much of it is free. */
import { statfsSync } from 'node:fs'

export type MountKind = 'shared-memory' | 'disk'

export interface MountUse {
  readonly kind: MountKind
  /** Available to this user. */
  readonly freeBytes: number
  /** By whatever file. */
  readonly usedBytes: number
}

/** The numbers by which Linux names the file systems that live in memory: tmpfs and ramfs. */
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6])

/** Synchronous: it takes a few microseconds. */
export function mountUse(path: string): MountUse {
  const { type, bsize, blocks, bfree, bavail } = statfsSync(path)
  return {
    kind: IN_MEMORY.has(type) ? 'shared-memory' : 'disk',
    freeBytes: bavail * bsize,
    usedBytes: (blocks - bfree) * bsize,
  }
}
