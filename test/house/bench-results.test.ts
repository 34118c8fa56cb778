/** The page of results and its plots: drawn from the committed document, by rules of turns. */
import { test } from '../serial.ts'
import type { Bench } from '../../bench/results/bench.ts'
import { ROWS } from '../../bench/results/main.ts'
import { measureRow } from '../../bench/results/measure.ts'
import type {
  Contestant,
  ContestantResult,
  Row,
  RowResult,
  Run,
} from '../../bench/results/model.ts'
import { isMet, page } from '../../bench/results/page.ts'
import { overview, rowPlot } from '../../bench/results/plot.ts'
import { filesOf, readRun } from '../../bench/results/write.ts'
import { filesIn, read } from './tree.ts'

test('the page of results and its plots are what the committed run draws', (t) => {
  const files = filesOf(readRun())
  for (const [path, text] of files) t.is(read(`bench/${path}`), text, 'npm run bench:page')
  const plots = [...files.keys()].filter((path) => path.endsWith('.svg'))
  t.deepEqual(filesIn('bench/plots'), plots.map((path) => `bench/${path}`).toSorted())
})

test('the committed run has each row, with at least five rounds and the machine', (t) => {
  const { rows, machine } = readRun()
  t.deepEqual(
    rows.map(({ id }) => id),
    ROWS.map(({ id }) => id),
    'npm run bench:results',
  )
  for (const { rounds, contestants } of rows) t.true(rounds >= 5 && contestants.length > 0)
  t.true(machine.processor.length > 0 && machine.cores > 0)
})

const bench = { missing: [] } as unknown as Bench

/** A contestant that takes these seconds in its turns, and says when it is its turn. */
function paced(name: string, seconds: readonly number[], turns: string[]): Contestant {
  const left = [...seconds]
  return {
    name,
    part: name === 'floor' ? 'floor' : 'dstore',
    before: () => turns.push(`${name} before`),
    run: async () => {
      turns.push(name)
      return { seconds: left.shift()!, cpu: 0.5, work: 100 }
    },
  }
}

const measured = async (row: Omit<Row, 'id' | 'title'>, rounds = 3): Promise<RowResult> =>
  measureRow({ id: 'x', title: 'x', ...row }, { bench, rounds, say: () => undefined })

test('contestants take turns; the first round does not count, and ratios are of one round', async (t) => {
  const turns: string[] = []
  const { contestants } = await measured({
    measure: 'seconds',
    open: async () => [paced('own', [99, 2, 40, 6], turns), paced('floor', [99, 1, 10, 3], turns)],
  })
  t.deepEqual(
    turns.filter((turn) => !turn.endsWith('before')),
    ['own', 'floor', 'floor', 'own', 'own', 'floor', 'floor', 'own'],
  )
  for (const [i, turn] of turns.entries()) if (i % 2 === 1) t.is(turns[i - 1], `${turn} before`)
  const common = { seconds: 6, cpu: 0.5 }
  t.deepEqual(contestants, [
    { name: 'own', part: 'dstore', median: 6, best: 2, worst: 40, ...common, ratio: 2 },
    {
      name: 'floor',
      part: 'floor',
      median: 3,
      best: 1,
      worst: 10,
      ...common,
      seconds: 3,
      ratio: 1,
    },
  ])
})

test('a rate is work by time, and its best is the largest', async (t) => {
  const open = async (): Promise<Contestant[]> => [paced('own', [9, 2, 4, 5], [])]
  const { contestants } = await measured({ measure: 'rate', open })
  t.deepEqual(contestants, [
    { name: 'own', part: 'dstore', median: 25, best: 50, worst: 20, seconds: 4, cpu: 0.5 },
  ])
  const cpu = await measured({ measure: 'cpu', open })
  t.is(cpu.contestants[0]!.median, 0.5)
})

test('requests are those of a turn, and have a column where they are counted', async (t) => {
  let answered = 7
  const own: Contestant = {
    ...paced('own', [9, 2, 2, 2], []),
    before: () => (answered += 100),
    run: async () => void (answered += 12),
    requests: () => Promise.resolve(answered),
  }
  const open = async (): Promise<Contestant[]> => [own, paced('floor', [9, 1, 1, 1], [])]
  const { contestants } = await measured({ measure: 'seconds', open })
  t.deepEqual(
    contestants.map(({ requests }) => requests),
    [12, undefined],
  )
  const text = page({ machine: readRun().machine, rows: [row({ contestants })] })
  t.true(text.includes('| CPU of a turn | requests | to the floor |'))
  t.true(text.includes(' s | 12 | '))
  t.true(text.includes(' s |  | 1 |'))
})

const result = (more: Partial<ContestantResult>): ContestantResult => ({
  name: 'dstore',
  part: 'dstore',
  median: 3,
  best: 2,
  worst: 4,
  seconds: 3,
  cpu: 1,
  ...more,
})

const row = (more: Partial<RowResult>): RowResult => ({
  id: 'x',
  title: '`a | b` of <1> & 2',
  measure: 'seconds',
  bar: { limit: 1.5, native: 1.2 },
  rounds: 5,
  load: [0, 0],
  at: '2000-01-01',
  commit: 'c',
  contestants: [
    result({ ratio: 1.5 }),
    result({ name: 'floor', part: 'floor', median: 2, ratio: 1 }),
    result({ name: 'native', part: 'native', ratio: 1.5 }),
  ],
  missing: ['Kubo'],
  ...more,
})

test('a goal is for the ratio, or where the row says so for the figure', (t) => {
  const met = (one: Partial<ContestantResult>, more: Partial<RowResult> = {}): unknown => {
    const it = row(more)
    return isMet(result(one), it.bar!, it)
  }
  t.deepEqual([met({ ratio: 1.5 }), met({ ratio: 1.51 })], [true, false])
  t.deepEqual(
    [1.2, 1.21].map((ratio) => met({ ratio, part: 'native' })),
    [true, false],
  )
  const rate = { measure: 'rate', bar: { limit: 0.8 } } as const
  t.deepEqual([met({ ratio: 0.8 }, rate), met({ ratio: 0.79 }, rate)], [true, false])
  const absolute = { bar: { limit: 0.5, isAbsolute: true } }
  t.deepEqual([met({ median: 0.5 }, absolute), met({ median: 0.6 }, absolute)], [true, false])
  t.is(met({}), undefined, 'without its floor nothing is claimed')
})

test('the page names what was not measured, and keeps its tables whole', (t) => {
  const run: Run = { machine: readRun().machine, rows: [row({})] }
  const text = page(run)
  t.true(text.includes('\nNot measured: Kubo.\n'))
  t.true(text.includes('| 3.00 s | floor: 2.00 s | 1.5 | <= 1.5 | yes |'))
  t.true(text.includes('| 3.00 s | floor: 2.00 s | 1.5 | <= 1.2 | **no** |'))
  const lines = text.split('\n').filter((line) => line.startsWith('| '))
  for (const line of lines) t.true([7, 8].includes(line.split(/(?<!\\)\|/).length - 1), line)
})

test('a plot is well-formed, whatever its titles hold', (t) => {
  const run: Run = { machine: readRun().machine, rows: [row({}), row({ measure: 'rate' })] }
  for (const svg of [
    rowPlot(row({})),
    rowPlot(row({ contestants: [result({})] })),
    overview(run),
  ]) {
    t.notRegex(svg, /&(?!amp;|lt;|gt;)|NaN|undefined|Infinity|`/)
    const open: string[] = []
    for (const [, slash, name, self] of svg.matchAll(/<(\/?)(\w+)[^<>]*?(\/?)>/g)) {
      if (slash) t.is(open.pop(), name)
      else if (!self) open.push(name!)
    }
    t.deepEqual(open, [])
  }
})
