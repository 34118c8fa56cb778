/** The dashboard, the alerts and the pages about them, against the figures that the daemon has. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from '../serial.ts'
import { parse } from 'yaml'
import { METRICS } from '../../src/daemon/http/metrics.ts'
import { ROUTES } from '../../src/daemon/http/routes.ts'
import { read } from './tree.ts'

const HTTP = 'src/daemon/http'

/** Every figure that a daemon may have: those of a status, and those that other files name. */
const known = new Set([
  ...METRICS.map(({ name }) => name),
  ...readdirSync(HTTP, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap(
      (file) => readFileSync(join(HTTP, file), 'utf8').match(/(?<=')dstore_\w+(?=')/g) ?? [],
    ),
])

/** Of the process, as the library for Prometheus names them. */
const PROCESS: ReadonlySet<string> = new Set([
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'nodejs_eventloop_lag_p99_seconds',
])

/** The figures that a text names. */
const figuresIn = (text: string): string[] =>
  (text.match(/\b(dstore|process|nodejs)_[a-z0-9_]+/g) ?? []).map((name) =>
    name.replace(/^(dstore_http_request_duration_seconds)_(bucket|sum|count)$/, '$1'),
  )

const unknownIn = (text: string): string[] =>
  figuresIn(text).filter((name) => !known.has(name) && !PROCESS.has(name))

interface Panel {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly targets?: readonly { readonly expr: string }[]
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
}

interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string }
}

const { panels } = JSON.parse(read('packaging/grafana/dstore.json')) as { panels: Panel[] }
const { groups } = parse(read('packaging/prometheus/alerts.yaml')) as {
  groups: { readonly name: string; readonly rules: readonly Alert[] }[]
}
const alerts = groups.flatMap(({ rules }) => rules)
const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
const expressions = [...queries, ...alerts.map(({ expr }) => expr)]

test('R013-43 the dashboard and the alerts use only figures that there are', (t) => {
  t.true(queries.length > 30 && alerts.length > 10)
  for (const expr of expressions) {
    t.deepEqual(unknownIn(expr), [], expr)
    t.true(figuresIn(expr).length > 0, expr)
  }
  t.deepEqual(unknownIn('rate(dstore_no_such_total[5m])'), ['dstore_no_such_total'])
})

test('R013-43 routes and outcomes in expressions are those of the daemon', (t) => {
  const routes = new Set(ROUTES.map(({ path }) => path))
  for (const expr of expressions) {
    for (const [, route] of expr.matchAll(/\broute="([^"]*)"/g)) t.true(routes.has(route!), expr)
    for (const [, text] of expr.matchAll(/\boutcome=~?"([^"]*)"/g)) {
      t.true(
        text!.split('|').every((one) => /^(ok|refused|failed|cut)$/.test(one)),
        expr,
      )
    }
    const bare = expr.replaceAll(/"[^"]*"/g, '')
    const count = (part: string): number => bare.split(part).length
    for (const pair of ['()', '{}', '[]']) t.is(count(pair[0]!), count(pair[1]!), expr)
  }
})

test('R013-43 a counter is never shown or compared without its rate', (t) => {
  for (const expr of expressions) {
    for (const [name] of expr.matchAll(/\b(dstore|process)_\w+_total\b/g)) {
      const uses = [...expr.matchAll(new RegExp(`(\\w+)\\(${name}\\b`, 'g'))]
      const all = expr.match(new RegExp(`\\b${name}\\b`, 'g'))!.length
      t.is(uses.filter(([, by]) => by === 'rate' || by === 'increase').length, all, expr)
    }
  }
})

test('panels do not overlap, and have ids of their own', (t) => {
  t.is(new Set(panels.map(({ id }) => id)).size, panels.length)
  const taken = new Set<string>()
  for (const { title, gridPos } of panels) {
    t.true(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        t.false(taken.has(`${x} ${y}`), title)
        taken.add(`${x} ${y}`)
      }
    }
  }
})

test('each alert has a name of its own, a severity, and says what to do', (t) => {
  t.is(new Set(alerts.map(({ alert }) => alert)).size, alerts.length)
  for (const { alert, labels, annotations, for: wait = '1m' } of alerts) {
    t.regex(alert, /^Dstore[A-Z]\w+$/)
    t.regex(labels.severity, /^(info|warning|critical)$/)
    t.regex(wait, /^\d+[smh]$/)
    t.true(annotations.summary !== '' && annotations.description.endsWith('.'), alert)
  }
})

test('pages about monitoring name only figures that there are', (t) => {
  for (const page of ['docs/service.md', 'docs/archive.md', 'docs/set.md']) {
    // `dstore_store` in a command stands for all that begin with it.
    const wrong = unknownIn(read(page)).filter(
      (one) => ![...known].some((name) => name.startsWith(one)),
    )
    t.deepEqual(wrong, [], page)
  }
})
