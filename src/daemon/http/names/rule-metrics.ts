/** The figures of the rules of a Global or standalone node (specs/007, "Metrics"). */
import type * as Prometheus from 'prom-client'
import type { Node, RuleState } from '../../../node/node.ts'

interface RuleMetric {
  readonly name: string
  readonly help: string
  readonly read: (rule: RuleState) => number | undefined
}

const GAUGES: readonly RuleMetric[] = [
  { name: 'dstore_rule_names', help: 'Names that the rule charges.', read: ({ names }) => names },
  { name: 'dstore_rule_bytes', help: 'Bytes that the rule charges.', read: ({ size }) => size },
  {
    name: 'dstore_rule_max_names',
    help: 'The bound of the rule on names.',
    read: ({ maxNames }) => maxNames,
  },
  {
    name: 'dstore_rule_max_bytes',
    help: 'The bound of the rule on bytes.',
    read: ({ maxSize }) => maxSize,
  },
]

const REMOVED: RuleMetric = {
  name: 'dstore_rule_removed_names_total',
  help: 'Names that the rule has unbound.',
  read: ({ removed }) => removed,
}

/** A Local has no rules of its own, and does not ask for them. */
export async function addRules(
  { rules, role }: Pick<Node, 'rules' | 'role'>,
  registry: Prometheus.Registry,
  { Gauge, Counter }: Pick<typeof Prometheus, 'Gauge' | 'Counter'>,
): Promise<void> {
  if (role === 'local') return
  const all = await rules.list()
  if (all.length === 0) return
  const registers = [registry]
  const labelNames = ['prefix']
  const set = ({ name, help, read }: RuleMetric, add: (metric: Figures) => void): void => {
    const values = all.flatMap((rule) => {
      const value = read(rule)
      return value === undefined ? [] : [{ prefix: rule.prefix ?? '(unnamed)', value }]
    })
    if (values.length > 0) add({ name, help, values })
  }
  for (const metric of GAUGES) {
    set(metric, ({ name, help, values }) => {
      const gauge = new Gauge({ name, help, labelNames, registers })
      for (const { prefix, value } of values) gauge.labels({ prefix }).set(value)
    })
  }
  set(REMOVED, ({ name, help, values }) => {
    const counter = new Counter({ name, help, labelNames, registers })
    for (const { prefix, value } of values) counter.labels({ prefix }).inc(value)
  })
}

interface Figures {
  readonly name: string
  readonly help: string
  readonly values: readonly { readonly prefix: string; readonly value: number }[]
}
