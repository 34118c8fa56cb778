/** Members of a set in one process: journal and bucket in memory, stores on this disk. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Sleep } from '../../src/archive/interface.ts'
import { pause } from '../../src/deadline.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { SILENT } from '../../src/log.ts'
import { diskReplica } from '../../src/set/disk-replica.ts'
import type { Elected, SetMember } from '../../src/set/interface.ts'
import { createSetMember } from '../../src/set/member.ts'
import { type DiskStore, openDiskStore } from '../../src/store/disk/disk.ts'
import type { MemoryBucket } from '../bucket/memory-objects.ts'

/** A member's way to a journal that others use, too: closing it closes only this way. */
export function wayTo(journal: Journal): Journal {
  const closed = new AbortController()
  return {
    append: (after, entry) => journal.append(after, entry),
    extent: () => journal.extent(),
    at: (position) => journal.at(position),
    follow: (after, signal) => journal.follow(after, AbortSignal.any([signal, closed.signal])),
    trim: (upto) => journal.trim(upto),
    close: async () => closed.abort(),
  }
}

export interface MemberOptions {
  readonly directory: string
  readonly journal: Journal
  readonly bucket: MemoryBucket
  readonly name?: string
  /** The member whose id it has: its own name, unless its state directory was copied. */
  readonly idOf?: string
  readonly elapsed?: () => number
  readonly sleep?: Sleep
}

export function member({
  directory,
  journal,
  bucket,
  name = 'a',
  idOf = name,
  elapsed,
  sleep = (ms, signal) => pause(ms, signal ?? new AbortController().signal),
}: MemberOptions): {
  readonly set: SetMember
  readonly directory: string
} {
  const objects = bucket.client()
  const now = elapsed ?? ((): number => performance.now())
  const set = createSetMember({
    engine: 'memory',
    journal: wayTo(journal),
    objects,
    replica: diskReplica({ directory: join(directory, name), objects, log: SILENT }),
    id: Buffer.from(idOf.padEnd(8, '-')).toString('hex').slice(0, 16),
    name,
    version: '1',
    clocks: { grantor: now, holder: now, wall: Date.now },
    sleep,
    random: randomBytes,
    log: SILENT,
  })
  return { set, directory: join(directory, name) }
}

export const open = (directory: string, archive: Elected): Promise<DiskStore> =>
  openDiskStore({ directory, archive })
