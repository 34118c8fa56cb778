/** A state directory of a member is copied, and both run. */
import assert from 'node:assert/strict'
import type { Report } from '../../doors/clients/report.ts'
import { say } from '../daemons.ts'
import type { Engine } from '../engine.ts'
import type { JournalEngine } from './engines.ts'
import { type SetDrill, withSet } from './set-drill.ts'

const EXIT_CONFLICT = 9
/** Two notes of the other, each after 5 s at most, with time to start. */
const END_MS = 45_000

export async function testCopied(
  bucket: Engine,
  journal: JournalEngine,
  report: Report,
): Promise<void> {
  await report.test(`${journal.name}: of a member and a copy of its directory one ends`, () =>
    withSet(bucket, journal, 'copied', runBoth, { locals: 0 }),
  )
}

async function runBoth(drill: SetDrill): Promise<void> {
  const active = await drill.whole()
  const standby = drill.members.find((one) => one !== active)!
  const copy = await standby.copied()
  // Which of the two is the later is theirs to say: they start in the same second.
  const began = performance.now()
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`both run: ${copy.stderr}`)), END_MS).unref()
  })
  const ended = await Promise.race([copy.end, standby.running.end, late])
  say(`one ended after ${Math.round(performance.now() - began)} ms`)
  assert.equal(ended.exit, EXIT_CONFLICT, ended.stderr)
  assert.match(ended.stderr, /another process runs as this member/)
  assert.match(ended.stderr, /hint: its state directory was copied/)
  const { stdout } = await active.running.run(['set', 'status'])
  assert.match(stdout.toString(), /active/)
}
