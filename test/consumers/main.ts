/**
 * Programs that use the library, in plain projects: `npm run test:consumers`. Without the tools of
 * this folder it skips with one line.
 */
import { Report } from '../doors/clients/report.ts'
import { testBundles } from './bundles.ts'
import { testExamples, testWasm } from './examples.ts'
import { HOW, hasTools, plainProject } from './project.ts'
import { testTypes } from './types.ts'

const report = new Report('consumers')
const ends: (() => unknown)[] = []
const owner = { teardown: (end: () => unknown) => void ends.push(end) }
try {
  if (hasTools()) {
    const project = await plainProject(owner)
    await testTypes(report, project)
    await testBundles(report, project, owner)
    await testExamples(report, project, owner)
    await testWasm(report, project, owner)
  } else {
    report.skipped('consumers', HOW)
  }
} finally {
  for (const end of ends.toReversed()) await end()
}
if (report.failed > 0) {
  process.stdout.write(`\n${report.failed} tests failed\n`)
  process.exitCode = 1
}
