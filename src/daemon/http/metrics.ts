/** GET /metrics: the figures of the node for Prometheus (specs/007, "Metrics"). */
import type * as Prometheus from 'prom-client'
import type { NodeStatus } from '../../node/node.ts'
import type { HttpCall } from './call.ts'
import type { DoorCount } from './doors/door-counts.ts'
import { addArchive } from './archive/archive-metrics.ts'
import { addRules } from './names/rule-metrics.ts'
import { processRegistry } from './statistics/process-metrics.ts'
import { addRequests } from './statistics/request-metrics.ts'
import { addSet } from './set/set-metrics.ts'

/** One figure of a node's status; `read` gives undefined for a role without it. */
interface Metric {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly read: (status: NodeStatus) => number | undefined
}

const counter = (name: string, help: string, read: Metric['read']): Metric => ({
  name: `dstore_${name}_total`,
  type: 'counter',
  help,
  read,
})
const gauge = (name: string, help: string, read: Metric['read']): Metric => ({
  name: `dstore_${name}`,
  type: 'gauge',
  help,
  read,
})

const sum = (status: NodeStatus, what: 'valueBytesIn' | 'valueBytesOut' | 'lies'): number =>
  status.traffic.reduce((total, peer) => total + peer[what], 0)

export const METRICS: readonly Metric[] = [
  gauge('locals', 'Locals connected to this Global.', ({ role, locals }) =>
    role === 'global' ? locals.length : undefined,
  ),
  gauge('members', 'Peers that are members.', ({ members }) => members),
  counter('refused', 'Refused connections and requests of peers.', ({ refused }) =>
    refused === undefined ? undefined : Object.values(refused).reduce((all, one) => all + one, 0),
  ),
  gauge('global_connected', '1 while Global is connected, else 0.', ({ global }) =>
    global === undefined ? undefined : Number(global.state === 'connected'),
  ),
  gauge('global_round_trip_seconds', 'Round trip to Global, last measured.', ({ global }) =>
    global?.roundTripMs === undefined ? undefined : global.roundTripMs / 1000,
  ),
  gauge('store_values', 'Values in the store.', ({ store }) => store?.values),
  gauge('store_value_bytes', 'Size of the values in the store.', ({ store }) => store?.valueBytes),
  gauge(
    'store_headroom_bytes',
    'Bytes that the store can still take.',
    ({ store }) => store?.headroomBytes,
  ),
  gauge('store_damaged_values', 'Damaged values in the store.', ({ store }) => store?.damaged),
  gauge(
    'store_missing_held_values',
    'Values that directories hold and that are missing.',
    ({ store }) => store && (store.missingHeld ?? 0),
  ),
  gauge(
    'store_unfinished_bytes',
    'Bytes of interrupted uploads kept for resumption.',
    ({ store }) => store?.unfinishedBytes,
  ),
  gauge('store_seq', 'Sequence number of the last change.', ({ store }) => store?.seq),
  counter('tag_moves', 'Moves of tags.', ({ names }) => names?.moves),
  counter('expired_names', 'Names unbound as they had expired.', ({ names }) => names?.expired),
  counter(
    'replaced_values_removed',
    'Values removed after a tag had moved away from them.',
    ({ names }) => names?.replaced,
  ),
  gauge('cache_values', 'Values in the cache.', ({ cache }) => cache?.values),
  gauge('cache_used_bytes', 'Memory that the cache uses.', ({ cache }) => cache?.usedBytes),
  gauge('cache_budget_bytes', 'Memory that the cache may use.', ({ cache }) => cache?.budgetBytes),
  counter('cache_hits', 'Reads that the cache served.', ({ cache }) => cache?.hits),
  counter('cache_misses', 'Reads that the cache could not serve.', ({ cache }) => cache?.misses),
  counter('cache_evictions', 'Values evicted to make room.', ({ cache }) => cache?.evictions),
  gauge('pins', 'Pins of this Local.', ({ pins }) => pins?.pins),
  gauge('pins_incomplete', 'Pins that are not held.', ({ pins }) => pins?.incomplete),
  gauge(
    'pinned_bytes',
    'Bytes of the cache that pins hold or have reserved.',
    ({ pins }) => pins?.usedBytes,
  ),
  gauge('cache_file_values', 'Cached values in files.', ({ cache }) => cache?.files?.values),
  gauge(
    'cache_file_used_bytes',
    'Bytes that cached files use.',
    ({ cache }) => cache?.files?.usedBytes,
  ),
  gauge(
    'cache_file_budget_bytes',
    'Bytes that cached files may use; missing where they share the budget of memory.',
    ({ cache }) => cache?.files?.budgetBytes,
  ),
  gauge(
    'cache_file_held_bytes',
    'Bytes of cached files that callers or pins hold.',
    ({ cache }) => cache?.files?.heldBytes,
  ),
  gauge(
    'cache_file_removed_held_bytes',
    'Bytes of removed files that other processes still have open.',
    ({ cache }) => cache?.files?.removedHeldBytes,
  ),
  counter(
    'cache_file_evictions',
    'Cached files deleted to make room.',
    ({ cache }) => cache?.files?.evictions,
  ),
  counter('peer_received_bytes', 'Bytes of values received from peers.', (status) =>
    sum(status, 'valueBytesIn'),
  ),
  counter('peer_sent_bytes', 'Bytes of values sent to peers.', (status) =>
    sum(status, 'valueBytesOut'),
  ),
  counter('peer_lies', 'Bytes or proofs of peers that failed verification.', (status) =>
    sum(status, 'lies'),
  ),
]

/** The default export: on Node 20, a late `import()` of a CommonJS package can lack its names. */
async function loadPrometheus(): Promise<typeof Prometheus> {
  const loaded = (await import('prom-client')) as unknown as { default: typeof Prometheus }
  return loaded.default
}

/** Made at the first scrape: without scrapes, a daemon need not watch its event loop. */
let ofProcess: Prometheus.Registry | undefined

/** At Global: each member, by its label, and whether it is connected. */
async function addMembers(
  { members, role }: HttpCall['node'],
  registry: Prometheus.Registry,
): Promise<void> {
  if (role !== 'global') return
  const { Gauge } = await loadPrometheus()
  const gauge = new Gauge({
    name: 'dstore_member_connected',
    help: '1 for each member that is connected to this Global, 0 for one that is away.',
    labelNames: ['member'],
    registers: [registry],
  })
  for await (const { peer, label = peer, state } of members.list()) {
    if (state !== 'expelled') gauge.labels({ member: label }).set(Number(state === 'connected'))
  }
}

/** Requests that doors answered. */
function addDoors(
  counts: Iterable<DoorCount>,
  registers: Prometheus.Registry[],
  Counter: typeof Prometheus.Counter,
): void {
  const counter = new Counter({
    name: 'dstore_door_requests_total',
    help: 'Requests that doors answered.',
    labelNames: ['door', 'method', 'status'],
    registers,
  })
  for (const { requests, ...labels } of counts) counter.inc(labels, requests)
}

/** GET /metrics */
export async function metrics(call: HttpCall): Promise<void> {
  const { node, response, doorCounts, member, statistics } = call
  const library = await loadPrometheus()
  const { Counter, Gauge, Registry } = library
  ofProcess ??= processRegistry(library)
  const status = await node.status()
  // The node keeps the counts, so each scrape writes them into a new registry.
  const registry = new Registry()
  const registers = [registry]
  const { role, version } = status
  new Gauge({ name: 'dstore_info', help: 'Always 1.', labelNames: ['role', 'version'], registers })
    .labels({ role, version })
    .set(1)
  for (const { name, type, help, read } of METRICS) {
    const value = read(status)
    if (value === undefined) continue
    if (type === 'gauge') new Gauge({ name, help, registers }).set(value)
    else new Counter({ name, help, registers }).inc(value)
  }
  // A member that stands by tells only of itself.
  if (member === undefined || member.refusal === undefined) {
    await addMembers(node, registry)
    await addRules(node, registry, { Counter, Gauge })
  }
  addDoors(doorCounts, registers, Counter)
  addRequests(statistics.requests, registry, { Counter })
  addArchive(status, registers, { Counter, Gauge })
  addSet(status, registers, { Counter, Gauge })
  const text = await Registry.merge([registry, ofProcess]).metrics()
  response.writeHead(200, {
    'Content-Type': registry.contentType,
    'Content-Length': Buffer.byteLength(text),
  })
  response.end(text)
}
