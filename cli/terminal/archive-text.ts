/** The archive of a node, for people. */
import { formatDuration, formatSize } from '../../src/daemon/config/quantities.ts'
import { whenText } from '../wording.ts'
import { plural } from './terminal.ts'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'

type Report = NonNullable<StatusAnswer['archive']>

const STATES: Readonly<Record<Report['state'], string>> = {
  opening: 'opening',
  'first-copy': 'first copy under way, NOTHING CAN BE RESTORED YET',
  current: 'current',
  behind: 'BEHIND, puts go on',
  waiting: 'BEHIND, puts wait',
  unreachable: 'UNREACHABLE, puts are refused',
  fenced: 'TAKEN OVER by another node',
}

/** What `status` prints: a line for the state, and one for a fault. */
export function archiveFacts(
  archive: Report | undefined,
  now?: number,
): [name: string, value: string][] {
  if (archive === undefined) return []
  const { place, state, acknowledges, firstCopy, snapshot, requests, error, disk } = archive
  const { done = 0, total = 0 } = firstCopy ?? {}
  const waits = acknowledges ? 'puts wait for it' : lagText(archive)
  const copied = firstCopy === undefined ? '' : `, ${done} of ${total} large values`
  const taken = snapshot === undefined ? '' : `, snapshot ${whenText('of', snapshot.at, now)}`
  return [
    ['archive', `${place}: ${STATES[state]}${copied}, ${waits}${taken}`],
    ['requests', `${requestsText(requests)}, since the start`],
    ...(disk === undefined ? [] : [['on this disk', diskText(disk)] as [string, string]]),
    ...(error === undefined ? [] : [['archive fault', error] as [string, string]]),
  ]
}

/** `1 write, 2 reads, 0 deletes`, and those that failed. */
export function requestsText({ writes, reads, deletes, failed }: Requests): string {
  const lost = failed === 0 ? '' : `, ${failed} failed`
  return `${plural(writes, 'write')}, ${plural(reads, 'read')}, ${plural(deletes, 'delete')}${lost}`
}

type Requests = Report['requests']

function diskText({
  usedBytes,
  budgetBytes,
  values,
  evictions,
}: NonNullable<Report['disk']>): string {
  const most = budgetBytes === undefined ? '' : ` of ${formatSize(budgetBytes)}`
  return `${formatSize(usedBytes)}${most}: ${plural(values, 'large value')}, ${plural(evictions, 'eviction')}`
}

/** `lacks 3.2MiB of 1m`, the most that a restore would lose now. */
export function lagText({
  lagEntries,
  lagBytes,
  lagMs,
}: Pick<Report, 'lagEntries' | 'lagBytes' | 'lagMs'>): string {
  if (lagEntries === 0) return 'lacks nothing'
  const age = formatDuration(Math.max(1000, Math.round(lagMs / 1000) * 1000))
  return `lacks ${formatSize(lagBytes)} of the last ${age}`
}
