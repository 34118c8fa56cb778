/**
 * A set of daemons over real engines and a real bucket, while members and servers are killed and
 * frozen; `DSTORE_SET_ROUNDS=full` for all rounds. Arguments: words of the titles of what is run.
 * A signal ends the servers too.
 */
import { Report } from '../../doors/clients/report.ts'
import { findProgram, startEngine } from '../engine.ts'
import { postgresPrograms } from '../journals/postgres-set.ts'
import { PROGRAMS } from '../programs.ts'
import { testBucket } from './bucket.ts'
import { testCopied } from './copied.ts'
import { KINDS } from './engines.ts'
import { IS_FULL, testFaults } from './faults.ts'
import { testHistories } from './histories.ts'
import { killDrills } from './set-drill.ts'
import { testReplaced } from './replaced.ts'
import { testRestored } from './restored.ts'
import { testUnfit } from './unfit.ts'

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
const given = process.argv.slice(2)
const kinds = KINDS.filter(({ name }) => given.includes(name))
const wanted = given.filter((word) => !KINDS.some(({ name }) => name === word))
const report = new Report('sets')
const servers: (() => Promise<void>)[] = []
for (const [signal, exit] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    killDrills()
    void Promise.allSettled(servers.map((end) => end())).then(() => process.exit(exit))
  })
}
const program = PROGRAMS[0]!
const path = findProgram(program.program)
if (path === undefined) {
  report.skipped('sets', `${program.name} is not installed: ${program.hint}`)
} else {
  for (const kind of kinds.length === 0 ? KINDS : kinds) {
    const missing = kind.missing()
    if (missing !== undefined) {
      report.skipped(`sets over ${kind.name}`, missing)
      continue
    }
    const bucket = await startEngine(program, path)
    servers.push(() => bucket.end())
    try {
      if (kind.name === 'postgres' && (wanted.length === 0 || wanted.includes('unfit'))) {
        await testUnfit(bucket, postgresPrograms()!, report)
      }
      const journal = await kind.start()
      servers.push(() => journal.end())
      try {
        await testFaults(bucket, journal, report, wanted)
        if (wanted.length === 0 || wanted.includes('bucket')) {
          await testBucket(bucket, journal, report)
        }
        if (wanted.length === 0 || wanted.includes('copied')) {
          await testCopied(bucket, journal, report)
        }
        if (wanted.length === 0 || wanted.includes('restored')) {
          await testRestored(bucket, journal, report)
        }
        if (wanted.includes('replaced') || (IS_FULL && wanted.length === 0)) {
          await testReplaced(bucket, journal, report)
        }
        if (wanted.length === 0 || wanted.includes('histories')) {
          await testHistories(bucket, journal, report)
        }
      } finally {
        await journal.end()
      }
    } finally {
      servers.length = 0
      await bucket.end()
    }
  }
}
if (report.failed > 0) {
  process.stdout.write(`\n${report.failed} tests failed\n`)
  process.exitCode = 1
}
