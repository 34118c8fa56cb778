/**
 * Paths to files of values beside their floors, in turns: `node dist/bench/paths.js [ROW]...`.
 * `ROUNDS=9` takes more turns than five; `PYTHON` names one that has numpy and safetensors. Exits
 * with 1 if a goal is missed. Linux only.
 */
import { Bench } from './results/bench.ts'
import { programsHere } from './results/machine.ts'
import { measureRow } from './results/measure.ts'
import { isMet } from './results/page.ts'
import { PATH_ROWS } from './results/rows/paths.ts'

const rounds = Number(process.env['ROUNDS'] ?? 5)
const chosen = process.argv.slice(2)
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const bench = new Bench(programsHere(), false)
const fail = (): void => void bench.close().finally(() => process.exit(130))
process.once('SIGINT', fail).once('SIGTERM', fail)
try {
  for (const row of PATH_ROWS) {
    if (chosen.length > 0 && !chosen.includes(row.id)) continue
    say(`${row.id}: ${row.title}`)
    const result = await measureRow(row, { bench, rounds, say })
    say(`  load ${result.load.join(' before, ')} after`)
    const own = result.contestants.filter(({ part }) => part === 'dstore')
    const isMissed = own.some((one) => isMet(one, row.bar!, result) === false)
    say(`  goal: ${isMissed ? 'missed' : 'met'}`)
    if (isMissed) process.exitCode = 1
  }
} finally {
  await bench.close()
}
