/**
 * Unmodified clients of others against real daemons: `npm run test:doors`, or with names for some
 * of them only. A client that is not installed is skipped with one line; `install.sh` beside this
 * file installs them.
 */
import { Report } from './report.ts'

/** The tests of each client. */
const CLIENTS: Readonly<Record<string, () => Promise<(report: Report) => Promise<void>>>> = {
  ccache: async () => (await import('./ccache.ts')).testCcache,
  sccache: async () => (await import('./sccache.ts')).testSccache,
}

const wanted = process.argv.slice(2)
const report = new Report()
for (const [name, load] of Object.entries(CLIENTS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  await (
    await load()
  )(report)
}
if (report.failed > 0) {
  process.stdout.write(`\n${report.failed} tests failed\n`)
  process.exitCode = 1
}
