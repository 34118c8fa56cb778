/**
 * Measures the table of goals, and writes `bench/results/last-run.json`, `bench/RESULTS.md` and its
 * plots: `npm run bench:results`. Linux only.
 *
 * `ROWS=put-path,get-held` measures these alone and keeps the others; `ROUNDS=7` takes more turns
 * than five; `OLD=COMMIT` names the version that some rows compare with; `OUT=FILE` writes what was
 * measured there, and leaves the page as it is.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { engine } from '../../src/hash/engine/active-engine.ts'
import { Bench } from './bench.ts'
import { machineHere, programsHere } from './machine.ts'
import { measureRow } from './measure.ts'
import type { Row, RowResult, Run } from './model.ts'
import { DOOR_ROWS } from './rows/doors/doors.ts'
import { GET_ROWS } from './rows/get.ts'
import { LIST_ROWS } from './rows/lists.ts'
import { NAME_ROWS } from './rows/names.ts'
import { PATH_ROWS } from './rows/paths.ts'
import { PUT_ROWS } from './rows/put.ts'
import { SMALL_ROWS } from './rows/small.ts'
import { TREE_ROWS } from './rows/trees.ts'
import { hasRun, readRun, writeRun } from './write.ts'

export const ROWS: readonly Row[] = [
  ...PUT_ROWS,
  ...GET_ROWS,
  ...LIST_ROWS,
  ...NAME_ROWS,
  ...SMALL_ROWS,
  ...TREE_ROWS,
  ...PATH_ROWS,
]

/** Rows that the page does not have: their figures stand in `bench/notes/doors.md`. */
const OTHER_ROWS: readonly Row[] = DOOR_ROWS

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Medians of fewer say little. */
const FEWEST_ROUNDS = 5

function chosen(names: string | undefined): readonly Row[] {
  if (names === undefined || names === '') return ROWS
  return names.split(',').map((name) => {
    const all = [...ROWS, ...OTHER_ROWS]
    const row = all.find(({ id }) => id === name)
    if (row === undefined) {
      throw new RangeError(`no row ${name}; there are ${all.map(({ id }) => id).join(', ')}`)
    }
    if (!OTHER_ROWS.includes(row) || process.env['OUT'] !== undefined) return row
    throw new RangeError(`the page has no row ${name}: write its figures to a file, with OUT=FILE`)
  })
}

/** The rows of this run; those that were not measured now stay as they were on this machine. */
function merged(run: Run, before: Run | undefined): Run {
  const kept = before?.machine.processor === run.machine.processor ? before.rows : []
  const rows = ROWS.map(
    ({ id }) => run.rows.find((row) => row.id === id) ?? kept.find((row) => row.id === id),
  )
  return { machine: run.machine, rows: rows.filter((row): row is RowResult => row !== undefined) }
}

async function main(): Promise<void> {
  const rows = chosen(process.env['ROWS'])
  const rounds = Number(process.env['ROUNDS'] ?? FEWEST_ROUNDS)
  if (!(Number.isInteger(rounds) && rounds >= FEWEST_ROUNDS)) {
    throw new RangeError(`ROUNDS is ${rounds}, and must be an integer from ${FEWEST_ROUNDS} on`)
  }
  const out = process.env['OUT']
  const programs = programsHere()
  const machine = machineHere(programs)
  const before = hasRun() ? readRun() : undefined
  const bench = new Bench(programs, engine().name === 'native')
  const results: RowResult[] = []
  const fail = (): void => void bench.close().finally(() => process.exit(130))
  process.once('SIGINT', fail).once('SIGTERM', fail)
  try {
    for (const row of rows) {
      const begin = performance.now()
      say(`${row.id}: ${row.title}`)
      try {
        const result = await measureRow(row, { bench, rounds, say })
        if (result.contestants.length === 0) continue
        results.push(result)
        // At once, so that a run that is ended early leaves what it measured.
        if (out === undefined) writeRun(merged({ machine, rows: results }, before))
        else writeFileSync(out, `${JSON.stringify({ machine, rows: results }, undefined, 2)}\n`)
      } catch (error) {
        say(`  failed: ${error instanceof Error ? error.message : String(error)}`)
        process.exitCode = 1
      }
      say(`  ${((performance.now() - begin) / 1000).toFixed(0)} s`)
    }
  } finally {
    await bench.close()
  }
  say(`wrote ${out ?? 'bench/RESULTS.md, its plots, and bench/results/last-run.json'}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
