/** The page of a run, `bench/RESULTS.md`, from its document. */
import type { Bar, ContestantResult, Machine, RowResult, Run } from './model.ts'
import { plotName, withUnit } from './plot.ts'

const HEAD = `# Results

Written by \`npm run bench:results\` from [last-run.json](results/last-run.json); do not edit. What each row
does is in [results/rows](results/rows). A _floor_ is the least that the same work takes on this machine without a store. The
contestants of a row take turns, the first round does not count, and the figures are medians. A ratio is the median of the
ratios within each round: of times, where less is better, or of rates ("/s"), where more is.

![Time as a multiple of the floor](plots/overview.svg)
`

/** Within a table a bar separates cells, in code too. */
const cell = (text: string): string => text.replaceAll('|', '\\|')

const table = (rows: readonly (readonly string[])[]): string =>
  rows.map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n')

function machineText(machine: Machine): string {
  const { processor, cores, memoryGib, kernel, disk, node, avx512, programs } = machine
  const facts = [
    `${processor}${avx512 ? ' with AVX-512' : ''}`,
    `${cores} cores`,
    `${memoryGib} GiB`,
    `Linux ${kernel}`,
    `disk ${disk}`,
    `Node ${node}`,
  ]
  return `## The machine

${facts.join(', ')}. Nodes and servers run on loopback. Beside dstore: ${Object.values(programs).join('; ')}.
`
}

/** Is the goal met? Undefined if nothing can be said. */
export function isMet(one: ContestantResult, bar: Bar, row: RowResult): boolean | undefined {
  const limit = one.part === 'native' ? (bar.native ?? bar.limit) : bar.limit
  const value = bar.isAbsolute === true ? one.median : one.ratio
  if (value === undefined) return undefined
  return row.measure === 'rate' ? value >= limit : value <= limit
}

/** A line for dstore, and one with the native engine. */
function claims(row: RowResult): string[][] {
  const floor = row.contestants.find(({ part }) => part === 'floor')
  const own = row.contestants.filter(({ part }) => part === 'dstore' || part === 'native')
  return own.map((one) => {
    const { bar } = row
    const limit = bar && (one.part === 'native' ? (bar.native ?? bar.limit) : bar.limit)
    const sign = row.measure === 'rate' ? '>=' : '<='
    const unit = bar?.isAbsolute === true ? ' s' : ''
    const met = bar && isMet(one, bar, row)
    return [
      `[${row.title}](#${row.id})${one.part === 'native' ? ', native' : ''}`,
      withUnit(one.median, row.measure),
      floor === undefined ? '' : `${floor.name}: ${withUnit(floor.median, row.measure)}`,
      one.ratio === undefined ? '' : `${one.ratio}`,
      limit === undefined ? '' : `${sign} ${limit}${unit}`,
      met === undefined ? '' : met ? 'yes' : '**no**',
    ]
  })
}

function section(row: RowResult): string {
  const { id, title, measure, rounds, load, at, commit, missing } = row
  const areCounted = row.contestants.some(({ requests }) => requests !== undefined)
  const lines = row.contestants.map((one) => [
    one.name,
    withUnit(one.median, measure),
    `${withUnit(one.best, measure)} to ${withUnit(one.worst, measure)}`,
    `${one.seconds.toFixed(2)} s`,
    `${one.cpu.toFixed(2)} s`,
    ...(areCounted ? [`${one.requests ?? ''}`] : []),
    one.ratio === undefined ? '' : `${one.ratio}`,
  ])
  const head = ['', 'median', 'best to worst', 'time of a turn', 'CPU of a turn']
  const titles = [...head, ...(areCounted ? ['requests'] : []), 'to the floor']
  const left = missing.length === 0 ? '' : `\nNot measured: ${missing.join('; ')}.\n`
  return `<a id="${id}"></a>

### ${title}

![${title.replaceAll('`', '')}](${plotName(id)})

${table([titles, titles.map(() => '---'), ...lines])}

${rounds} rounds on ${at}, commit ${commit}, load ${load[0]} before and ${load[1]} after.
${left}`
}

export function page(run: Run): string {
  const claimed = run.rows.flatMap(claims)
  const head = ['work', 'dstore', 'floor', 'ratio', 'goal', 'met']
  return `${[
    HEAD,
    machineText(run.machine),
    `## The goals

${table([head, head.map(() => '---'), ...claimed])}
`,
    '## Each row\n',
    ...run.rows.map(section),
  ]
    .join('\n')
    .trimEnd()}\n`
}
