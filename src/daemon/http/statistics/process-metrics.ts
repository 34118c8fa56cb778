/** The usual figures of a process on Node, less what they say wrongly. */
import type * as Prometheus from 'prom-client'

type Library = Pick<typeof Prometheus, 'Counter' | 'Registry' | 'collectDefaultMetrics'>

const CPU: readonly [name: string, help: string, seconds: (usage: NodeJS.CpuUsage) => number][] = [
  ['process_cpu_user_seconds_total', 'User CPU time, in seconds.', ({ user }) => user / 1e6],
  [
    'process_cpu_system_seconds_total',
    'System CPU time, in seconds.',
    ({ system }) => system / 1e6,
  ],
  [
    'process_cpu_seconds_total',
    'User and system CPU time, in seconds.',
    ({ user, system }) => (user + system) / 1e6,
  ],
]

const LAG = 'nodejs_eventloop_lag_'
const LEAST_LAG = `${LAG}min_seconds`

/** More than any lag: the library says this, or NaN, where there was nothing to measure. */
const NO_LAG_SECONDS = 1e9

/** Watches the event loop from now on; the CPU time is that since the start of the process. */
export function processRegistry(library: Library): Prometheus.Registry {
  const register = new library.Registry()
  library.collectDefaultMetrics({ register })
  for (const [name, help, seconds] of CPU) {
    register.removeSingleMetric(name)
    const collect = function (this: Prometheus.Counter): void {
      this.reset()
      this.inc(seconds(process.cpuUsage()))
    }
    const counter: unknown = new library.Counter({ name, help, registers: [], collect })
    register.registerMetric(counter as Prometheus.Metric)
  }
  const metrics = register.getMetricsAsArray() as unknown as Metric[]
  const least = metrics.find(({ name }) => name === LEAST_LAG)!
  for (const metric of metrics) {
    if (!metric.name.startsWith(LAG) || metric.name === `${LAG}seconds`) continue
    register.removeSingleMetric(metric.name)
    const measured = { name: metric.name, get: () => whereMeasured(metric, least) }
    register.registerMetric(measured as unknown as Prometheus.Metric)
  }
  return register
}

/** A metric as the library reads it; its types do not say so. */
interface Metric {
  readonly name: string
  get(): Promise<{ readonly values: readonly { readonly value: number }[] }>
}

/** The metric, without a value after a time in which no lag was measured. */
async function whereMeasured(metric: Metric, least: Metric): ReturnType<Metric['get']> {
  const found = await metric.get()
  const [one] = (await least.get()).values
  const isMeasured = one !== undefined && one.value < NO_LAG_SECONDS
  const values = isMeasured ? found.values.filter(({ value }) => Number.isFinite(value)) : []
  return { ...found, values }
}
