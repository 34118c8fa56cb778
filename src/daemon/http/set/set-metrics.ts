/** The figures of a set (specs/012-set.md, R012-39; specs/007, "Metrics"). */
import type * as Prometheus from 'prom-client'
import type { SetReport } from '../../../node/global/set/set-report.ts'
import type { NodeStatus } from '../../../node/node.ts'
import { MEMBER_STATES } from '../../../set/notes/member-note.ts'

interface SetMetric {
  readonly name: string
  readonly help: string
  readonly read: (set: SetReport) => number | undefined
}

const GAUGES: readonly SetMetric[] = [
  {
    name: 'dstore_set_epoch',
    help: 'Epoch of the last entry of the journal that this member knows.',
    read: ({ epoch }) => epoch,
  },
  {
    name: 'dstore_set_end',
    help: 'Last entry of the journal, as this member last read it.',
    read: ({ end }) => end,
  },
  {
    name: 'dstore_set_engine_silence_seconds',
    help: 'Time since the engine last answered this member.',
    read: ({ engineSilentMs }) => engineSilentMs / 1000,
  },
  {
    name: 'dstore_set_snapshot_timestamp_seconds',
    help: 'When the newest snapshot was taken, in seconds since 1970.',
    read: ({ snapshot }) => snapshot && Date.parse(snapshot.at) / 1000,
  },
]

const COUNTERS: readonly SetMetric[] = [
  {
    name: 'dstore_set_take_overs_total',
    help: 'How often this process became the active member.',
    read: ({ takeOvers }) => takeOvers,
  },
  {
    name: 'dstore_set_pauses_total',
    help: 'How often answers of this process had to wait for the engine.',
    read: ({ pauses }) => pauses,
  },
]

export function addSet(
  { set }: Pick<NodeStatus, 'set'>,
  registers: Prometheus.Registry[],
  { Gauge, Counter }: Pick<typeof Prometheus, 'Gauge' | 'Counter'>,
): void {
  if (set === undefined) return
  for (const { name, help, read } of GAUGES) {
    const value = read(set)
    if (value !== undefined) new Gauge({ name, help, registers }).set(value)
  }
  for (const { name, help, read } of COUNTERS) {
    new Counter({ name, help, registers }).inc(read(set) ?? 0)
  }
  const state = new Gauge({
    name: 'dstore_set_state',
    help: '1 for the state of this member, 0 for every other.',
    labelNames: ['state'],
    registers,
  })
  for (const one of MEMBER_STATES) state.labels({ state: one }).set(Number(one === set.state))
  addMembers(set, registers, Gauge)
  const requests = new Counter({
    name: 'dstore_set_bucket_requests_total',
    help: 'Requests of this member to the bucket; failed ones are counted again as such.',
    labelNames: ['kind'],
    registers,
  })
  for (const [kind, count] of Object.entries(set.requests)) requests.labels({ kind }).inc(count)
}

/** Each member as it said last: an alert on the age of that finds one that is gone. */
function addMembers(
  { members }: SetReport,
  registers: Prometheus.Registry[],
  Gauge: typeof Prometheus.Gauge,
): void {
  const common = { labelNames: ['member'], registers }
  const position = new Gauge({
    name: 'dstore_set_position',
    help: 'Last entry that each member has applied, as it said last.',
    ...common,
  })
  const lag = new Gauge({
    name: 'dstore_set_lag_entries',
    help: 'Entries of the journal that each member had not read, as it said last.',
    ...common,
  })
  const heard = new Gauge({
    name: 'dstore_set_member_timestamp_seconds',
    help: 'When each member said so, by the clock of this one, in seconds since 1970.',
    ...common,
  })
  const now = Date.parse(members[0]!.at)
  for (const one of members) {
    const labels = { member: one.name }
    position.labels(labels).set(one.position)
    if (one.lag !== undefined) lag.labels(labels).set(one.lag)
    heard.labels(labels).set((now - (one.agoMs ?? 0)) / 1000)
  }
}
