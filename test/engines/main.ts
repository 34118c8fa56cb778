/**
 * What needs a bucket, on real servers of others: `npm run test:engines`, or with names of parts
 * for some of them only. A server that is not installed is skipped with one line.
 */
import { Report } from '../doors/clients/report.ts'
import { type Engine, findProgram, startEngine } from './engine.ts'
import { PROGRAMS } from './programs.ts'

/** The tests of each part. */
const PARTS: Readonly<
  Record<string, () => Promise<(engine: Engine, report: Report) => Promise<void>>>
> = {
  races: async () => (await import('./races.ts')).testRaces,
  objects: async () => (await import('./objects.ts')).testObjects,
  journal: async () => (await import('./journal.ts')).testJournal,
  snapshots: async () => (await import('./snapshots.ts')).testSnapshots,
}

const wanted = process.argv.slice(2)
const report = new Report('engines')
for (const program of PROGRAMS) {
  const path = findProgram(program.program)
  if (path === undefined) {
    report.skipped(program.name, `it is not installed: ${program.hint}`)
    continue
  }
  const engine = await startEngine(program, path)
  try {
    for (const [name, load] of Object.entries(PARTS)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue
      await (
        await load()
      )(engine, report)
    }
  } finally {
    await engine.end()
  }
}
if (report.failed > 0) {
  process.stdout.write(`\n${report.failed} tests failed\n`)
  process.exitCode = 1
}
