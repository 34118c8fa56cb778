/** GET /metrics: what the node counts, for Prometheus (specs/007-daemon-and-command-line.md, "Metrics"). */
import { createRequire } from 'node:module'
import type * as Prometheus from 'prom-client'
import type { NodeStatus } from '../../node/node.ts'
import type { HttpCall } from './call.ts'

/** One number of a node's status; undefined where this role has none. */
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
  counter('refused', 'Times that a peer was refused, for whatever reason.', ({ refused }) =>
    refused === undefined ? undefined : Object.values(refused).reduce((all, one) => all + one, 0),
  ),
  gauge('global_connected', '1 while Global is connected.', ({ global }) =>
    global === undefined ? undefined : Number(global.state === 'connected'),
  ),
  gauge('global_round_trip_seconds', 'How long its last answer took.', ({ global }) =>
    global?.roundTripMs === undefined ? undefined : global.roundTripMs / 1000,
  ),
  gauge('store_values', 'Values in the store.', ({ store }) => store?.values),
  gauge('store_value_bytes', 'Their size.', ({ store }) => store?.valueBytes),
  gauge(
    'store_headroom_bytes',
    'What the store can still take.',
    ({ store }) => store?.headroomBytes,
  ),
  gauge(
    'store_damaged_values',
    'Values that are there and damaged.',
    ({ store }) => store?.damaged,
  ),
  gauge(
    'store_unfinished_bytes',
    'Bytes of puts that broke off and can be gone on with.',
    ({ store }) => store?.unfinishedBytes,
  ),
  gauge('store_seq', 'Sequence number of the last change.', ({ store }) => store?.seq),
  gauge('cache_values', 'Values in the cache.', ({ cache }) => cache?.values),
  gauge('cache_used_bytes', 'Memory that the cache uses.', ({ cache }) => cache?.usedBytes),
  gauge('cache_budget_bytes', 'Memory that it may use.', ({ cache }) => cache?.budgetBytes),
  counter('cache_hits', 'Reads that the cache served.', ({ cache }) => cache?.hits),
  counter('cache_misses', 'Reads that it did not.', ({ cache }) => cache?.misses),
  counter('cache_evictions', 'Values dropped for space.', ({ cache }) => cache?.evictions),
  counter('peer_received_bytes', 'Bytes of values that came from peers.', (status) =>
    sum(status, 'valueBytesIn'),
  ),
  counter('peer_sent_bytes', 'Bytes of values that went to peers.', (status) =>
    sum(status, 'valueBytesOut'),
  ),
  counter('peer_lies', 'Times that a peer gave what is not true.', (status) => sum(status, 'lies')),
]

/** By `require`, for it is CommonJS: `import()` of it, late in a process on Node 20, has given an empty object. */
const load = (): typeof Prometheus =>
  createRequire(import.meta.url)('prom-client') as typeof Prometheus

let ofProcess: Prometheus.Registry | undefined

/** Loaded at the first scrape: a daemon that nobody scrapes does not pay for watching its event loop. */
function watchProcess(): Prometheus.Registry {
  const { Registry, collectDefaultMetrics } = load()
  const register = new Registry()
  collectDefaultMetrics({ register })
  return register
}

/** GET /metrics */
export async function metrics({ served, response }: HttpCall): Promise<void> {
  const { Counter, Gauge, Registry } = load()
  ofProcess ??= watchProcess()
  const status = await served.node.status()
  // Made anew each time: the node counts, and what it counts is only written down here.
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
  const text = await Registry.merge([registry, ofProcess]).metrics()
  response.writeHead(200, {
    'Content-Type': registry.contentType,
    'Content-Length': Buffer.byteLength(text),
  })
  response.end(text)
}
