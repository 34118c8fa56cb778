/** The figures of an archive (specs/011-archive.md, R011-88; specs/007, "Metrics"). */
import type * as Prometheus from 'prom-client'
import type { ArchiveReport } from '../../../node/global/archive/archive-report.ts'
import type { NodeStatus } from '../../../node/node.ts'

interface ArchiveMetric {
  readonly name: string
  readonly help: string
  readonly read: (archive: ArchiveReport) => number | undefined
}

const GAUGES: readonly ArchiveMetric[] = [
  {
    name: 'dstore_archive_lag_bytes',
    help: 'Bytes of entries that the archive lacks: a restore would lose them.',
    read: ({ lagBytes }) => lagBytes,
  },
  {
    name: 'dstore_archive_lag_seconds',
    help: 'Age of the oldest entry that the archive lacks.',
    read: ({ lagMs }) => lagMs / 1000,
  },
  {
    name: 'dstore_archive_lag_entries',
    help: 'Entries that the archive lacks.',
    read: ({ lagEntries }) => lagEntries,
  },
  {
    name: 'dstore_archive_may_serve',
    help: '1 while leases are renewed and changes acknowledged, 0 while the archive forbids it.',
    read: ({ mayServe }) => Number(mayServe),
  },
  {
    name: 'dstore_archive_restorable',
    help: '1 once the archive has a snapshot, 0 until its first copy is complete.',
    read: ({ snapshot }) => Number(snapshot !== undefined),
  },
  {
    name: 'dstore_archive_snapshot_timestamp_seconds',
    help: 'When the newest snapshot was taken, in seconds since 1970.',
    read: ({ snapshot }) => snapshot && Date.parse(snapshot.at) / 1000,
  },
  {
    name: 'dstore_archive_disk_used_bytes',
    help: 'Bytes of large values on this disk, which is a cache of the bucket.',
    read: ({ disk }) => disk?.usedBytes,
  },
  {
    name: 'dstore_archive_disk_budget_bytes',
    help: 'Bytes that they may take; missing where that is all of the disk.',
    read: ({ disk }) => disk?.budgetBytes,
  },
]

const COUNTERS: readonly ArchiveMetric[] = [
  {
    name: 'dstore_archive_disk_evictions_total',
    help: 'Large values evicted from this disk.',
    read: ({ disk }) => disk?.evictions,
  },
  {
    name: 'dstore_archive_disk_misses_total',
    help: 'Reads of large values that were not on this disk.',
    read: ({ disk }) => disk?.misses,
  },
  {
    name: 'dstore_archive_fetched_bytes_total',
    help: 'Bytes of values fetched from the bucket.',
    read: ({ disk }) => disk?.fetchedBytes,
  },
]

const STATES: readonly ArchiveReport['state'][] = [
  'opening',
  'first-copy',
  'current',
  'behind',
  'waiting',
  'unreachable',
  'fenced',
]

export function addArchive(
  { archive }: Pick<NodeStatus, 'archive'>,
  registers: Prometheus.Registry[],
  { Gauge, Counter }: Pick<typeof Prometheus, 'Gauge' | 'Counter'>,
): void {
  if (archive === undefined) return
  for (const { name, help, read } of GAUGES) {
    const value = read(archive)
    if (value !== undefined) new Gauge({ name, help, registers }).set(value)
  }
  for (const { name, help, read } of COUNTERS) {
    const value = read(archive)
    if (value !== undefined) new Counter({ name, help, registers }).inc(value)
  }
  const state = new Gauge({
    name: 'dstore_archive_state',
    help: '1 for the state of the archive, 0 for every other.',
    labelNames: ['state'],
    registers,
  })
  for (const one of STATES) state.labels({ state: one }).set(Number(one === archive.state))
  const requests = new Counter({
    name: 'dstore_archive_requests_total',
    help: 'Requests to the bucket, as it bills them; failed ones are counted again as such.',
    labelNames: ['kind'],
    registers,
  })
  for (const [kind, count] of Object.entries(archive.requests)) {
    requests.labels({ kind }).inc(count)
  }
}
