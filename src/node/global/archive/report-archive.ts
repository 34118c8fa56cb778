/** Makes the report of an archive out of its state. */
import type { Archive } from '../../../archive/archive.ts'
import type { ArchivedUsage, StoreUsage } from '../../../store/store.ts'
import type { ArchiveReport } from './archive-report.ts'

/** `wallMs`: now. */
export function archiveReport(
  archive: Pick<Archive, 'status' | 'mayServe'>,
  { archived, quotaBytes }: Pick<StoreUsage, 'archived' | 'quotaBytes'>,
  wallMs: number,
): ArchiveReport {
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
    ...(archived && { disk: diskOf(archived, quotaBytes) }),
    ...(lastFault && {
      error: lastFault.fault.message,
      errorCode: lastFault.fault.code,
      errorAt: at(lastFault.agoMs),
    }),
  }
}

function diskOf(
  { localBytes, localFiles, ...counts }: ArchivedUsage,
  budgetBytes: number | undefined,
): NonNullable<ArchiveReport['disk']> {
  const bound = budgetBytes === undefined ? {} : { budgetBytes }
  return { usedBytes: localBytes, ...bound, values: localFiles, ...counts }
}
