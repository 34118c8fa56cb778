/** Measures a row: its contestants take turns. */
import { loadavg } from 'node:os'
import { median } from '../ratio.ts'
import { commitHere, type Bench } from './bench.ts'
import type { Contestant, ContestantResult, Measure, Row, RowResult, Sample } from './model.ts'
import { cpuSeconds } from './processes.ts'

export interface MeasureOptions {
  readonly bench: Bench
  readonly rounds: number
  readonly say: (line: string) => void
}

export async function measureRow(row: Row, options: MeasureOptions): Promise<RowResult> {
  const { bench, rounds, say } = options
  bench.missing = []
  const contestants = await row.open(bench)
  const before = loadavg()[0]!
  const samples = contestants.map((): Sample[] => [])
  // The first round warms up, and does not count. Each round begins with another contestant.
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const index = (round + turn) % contestants.length
      const sample = await takeTurn(contestants[index]!)
      if (round > 0) samples[index]!.push(sample)
    }
  }
  const floor = contestants.findIndex(({ part }) => part === 'floor')
  const figures = samples.map((all) => all.map((one) => figure(one, row.measure)))
  const results = contestants.map(({ name, part }, i): ContestantResult => {
    const sorted = figures[i]!.toSorted((a, b) => a - b)
    if (row.measure === 'rate') sorted.reverse()
    return {
      name,
      part,
      median: rounded(median(sorted)),
      best: rounded(sorted[0]!),
      worst: rounded(sorted.at(-1)!),
      seconds: rounded(median(samples[i]!.map(({ seconds }) => seconds))),
      cpu: rounded(median(samples[i]!.map(({ cpu }) => cpu))),
      ...requestsOf(samples[i]!),
      ...(floor >= 0 && { ratio: ratio(figures[i]!, figures[floor]!) }),
    }
  })
  for (const one of results) {
    const beside = one.ratio === undefined ? '' : `, ${one.ratio} of the floor`
    const counted = one.requests === undefined ? '' : `, ${one.requests} requests`
    say(
      `  ${one.name}: ${one.median} (${one.best} to ${one.worst}), ${one.seconds} s, CPU ${one.cpu} s${counted}${beside}`,
    )
  }
  for (const one of bench.missing) say(`  not measured: ${one}`)
  const { open: _, ...facts } = row
  return {
    ...facts,
    rounds,
    load: [rounded(before), rounded(loadavg()[0]!)],
    at: new Date().toISOString().slice(0, 10),
    commit: commitHere(),
    contestants: results,
    missing: bench.missing,
  }
}

async function takeTurn({ before, run, daemons, requests }: Contestant): Promise<Sample> {
  await before?.()
  const asked = await requests?.()
  const pids = daemons?.() ?? []
  const cpu = cpuSeconds(pids)
  const begin = performance.now()
  const own = await run()
  const seconds = (performance.now() - begin) / 1000
  const used = cpuSeconds(pids) - cpu
  const counted = asked !== undefined && { requests: (await requests!()) - asked }
  return { seconds, cpu: used, work: 1, ...counted, ...own }
}

function requestsOf(samples: readonly Sample[]): Pick<ContestantResult, 'requests'> {
  const counts = samples.flatMap(({ requests }) => requests ?? [])
  return counts.length === 0 ? {} : { requests: median(counts) }
}

const figure = ({ seconds, cpu, work }: Sample, measure: Measure): number =>
  measure === 'rate' ? work / seconds : measure === 'cpu' ? cpu : seconds

const ratio = (own: readonly number[], floor: readonly number[]): number =>
  rounded(median(own.map((one, round) => one / floor[round]!)))

/** Three digits: more than the machine repeats. */
export const rounded = (value: number): number => Number(value.toPrecision(3))
