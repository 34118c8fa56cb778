/** The suite of `interface-blockstore`, all of it, over `@dstore/blockstore`. */
import { join } from 'node:path'
import type { Report } from './report.ts'
import { run, withSite } from './site.ts'
import { CLIENTS_FOLDER, howToInstall, installOurs, isInstalled } from './packages.ts'

const FOLDER = 'blockstore'
const SUITE = join(CLIENTS_FOLDER, FOLDER, 'suite.js')

/** The cases of version 9.0.1. */
const CASES = 18

/** Runs the suite; throws unless every case passed. */
function runSuite(...words: string[]): void {
  const printed = run(process.execPath, ['--test-reporter=tap', SUITE, ...words])
  const count = (what: string): number =>
    Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(printed)?.[1])
  if (count('pass') === CASES && count('fail') === 0 && count('skipped') === 0) return
  throw new Error(printed)
}

export async function testBlockstore(report: Report): Promise<void> {
  if (!isInstalled(FOLDER, 'interface-blockstore-tests')) {
    report.skipped('interface-blockstore-tests', howToInstall(FOLDER))
    return
  }
  installOurs(FOLDER)
  await report.test(
    'blockstore: the suite of its interface, over nodes of the program',
    async () => {
      await Promise.resolve()
      runSuite()
    },
  )
  await withSite('ipfs', async ({ a, global }) => {
    await report.test(
      'blockstore: the suite of its interface, over the daemon of a Local',
      async () => {
        await Promise.resolve()
        runSuite(a.dir)
      },
    )
    await report.test(
      'blockstore: the suite of its interface, over the daemon of a Global',
      async () => {
        await Promise.resolve()
        runSuite(global.dir)
      },
    )
  })
}
