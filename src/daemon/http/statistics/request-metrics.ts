/** The figures of requests to the API (specs/007, "Metrics"). */
import type * as Prometheus from 'prom-client'
import { COARSE_BOUNDS } from './latencies.ts'
import type { RequestCounts, RouteDurations } from './request-counts.ts'

const DURATION = 'dstore_http_request_duration_seconds'

export function addRequests(
  counts: RequestCounts,
  registry: Prometheus.Registry,
  { Counter }: Pick<typeof Prometheus, 'Counter'>,
): void {
  const counter = new Counter({
    name: 'dstore_http_requests_total',
    help: 'Requests, by route or door, method and outcome.',
    labelNames: ['route', 'method', 'outcome'],
    registers: [registry],
  })
  for (const { requests, ...labels } of counts.counts()) counter.inc({ ...labels }, requests)
  // The library's histogram takes observations, and these are counted already.
  const histogram = {
    name: DURATION,
    get: () =>
      Promise.resolve({
        name: DURATION,
        help: 'Time from a request to the end of its answer, by route or door.',
        type: 'histogram',
        aggregator: 'sum',
        values: [...counts.durations()].flatMap(valuesOf),
      }),
  }
  registry.registerMetric(histogram as unknown as Prometheus.Metric)
}

type Value = Prometheus.MetricValueWithName<'route' | 'le'>

function valuesOf({ route, counts, sumMs }: RouteDurations): Value[] {
  let total = 0
  const buckets = [...COARSE_BOUNDS.map(String), '+Inf'].map((le, at): Value => {
    total += counts[at]!
    return { metricName: `${DURATION}_bucket`, labels: { route, le }, value: total }
  })
  return [
    ...buckets,
    { metricName: `${DURATION}_sum`, labels: { route }, value: sumMs / 1000 },
    { metricName: `${DURATION}_count`, labels: { route }, value: total },
  ]
}
