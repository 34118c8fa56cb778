/** What `status` tells of an archive. Times are ISO 8601. */
import type { Archive, ArchiveState } from '../../../archive/archive.ts'
import type { RequestCounts } from '../../../bucket/object-store.ts'
import type { ErrorCode } from '../../../errors.ts'

export interface ArchiveReport {
  readonly state: ArchiveState
  /** `s3://BUCKET/PREFIX` */
  readonly place: string
  /** Puts wait until the bucket has them. */
  readonly acknowledges: boolean
  /** May leases be renewed and changes acknowledged? */
  readonly mayServe: boolean
  /** The last entry of the node's own journal, and of the bucket's. */
  readonly own: number
  readonly archived: number
  /** What the bucket lacks: a restore now would lose it. */
  readonly lagEntries: number
  readonly lagBytes: number
  /** The age of the oldest entry that it lacks. */
  readonly lagMs: number
  readonly requests: RequestCounts
  /** Missing until the first copy is complete: nothing can be restored before. */
  readonly snapshot?: { readonly position: number; readonly at: string }
  /** Values in files that are in the bucket, of all; only while they are first copied. */
  readonly firstCopy?: { readonly done: number; readonly total: number }
  /** The last fault of the bucket, until the bucket has all again. */
  readonly error?: string
  readonly errorCode?: ErrorCode
  readonly errorAt?: string
}

/** `wallMs`: now. */
export function archiveReport(archive: Archive, wallMs: number): ArchiveReport {
  const { lag, snapshot, firstCopy, lastFault, ...facts } = archive.status()
  const at = (agoMs: number): string => new Date(wallMs - agoMs).toISOString()
  return {
    ...facts,
    mayServe: archive.mayServe(),
    lagEntries: lag.entries,
    lagBytes: lag.bytes,
    lagMs: Math.round(lag.ms),
    ...(snapshot && { snapshot: { position: snapshot.position, at: at(snapshot.ageMs) } }),
    ...(firstCopy && { firstCopy }),
    ...(lastFault && {
      error: lastFault.fault.message,
      errorCode: lastFault.fault.code,
      errorAt: at(lastFault.agoMs),
    }),
  }
}
