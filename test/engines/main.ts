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
  restores: async () => (await import('./restores.ts')).testRestores,
  kills: async () => (await import('./kills.ts')).testKills,
  frozen: async () => (await import('./frozen.ts')).testFrozen,
  away: async () => (await import('./away.ts')).testAway,
  uploads: async () => (await import('./uploads.ts')).testUploads,
}

// The client of this process is not given its environment, so that it can't be quiet by itself.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
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
