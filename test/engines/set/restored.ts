/** A backup replaces the engine of members that run: they end, and say what it lacks. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Report } from '../../doors/clients/report.ts'
import type { Engine } from '../engine.ts'
import { eventually } from '../journals/processes.ts'
import type { JournalEngine } from './engines.ts'
import { type Member, type SetDrill, withSet } from './set-drill.ts'

const EXIT_INTEGRITY = 4
const EXIT_PROBLEMS = 8
const END_MS = 60_000
const VALUES = 20
const LOST =
  /journal ends at entry \d+: (this member alone has \d+ entr|the member .* has said that)/

export async function testRestored(
  bucket: Engine,
  journal: JournalEngine,
  report: Report,
): Promise<void> {
  await report.test(
    `R012-102 ${journal.name}: members end whose journal was restored from a backup`,
    () => withSet(bucket, journal, 'restored', restore, { locals: 1 }),
  )
}

async function restore(drill: SetDrill): Promise<void> {
  await drill.whole()
  const { node } = drill.locals[0]!
  await node.put(randomBytes(1000))
  const goBack = await drill.journal.backup(drill.set)
  const active = await drill.whole()
  for (let i = 0; i < VALUES; i++) await node.put(randomBytes(1000))
  await goBack()
  for (const member of drill.members) await isRefused(member, member === active)
  // Started again, each says so before it serves anything.
  for (const member of drill.members) {
    const { length } = member.ends
    await eventually(END_MS, async () => {
      if (member.ends.length <= length) throw new Error(`${member.name} has not ended again`)
    })
    await isRefused(member, false)
    member.retire()
    await member.running.end
    const { exit, stdout } = await member.place.run(['doctor', '--json'])
    const said = stdout.toString()
    assert.equal(exit, EXIT_PROBLEMS, said)
    const { findings } = JSON.parse(said) as { findings: readonly Finding[] }
    const found = findings.find(({ id }) => id === 'set-journal-lost')
    assert.match(found?.found ?? said, LOST)
    assert.match(found?.remedy ?? '', /keep the directory/)
  }
}

async function isRefused({ name, ends }: Member, wasActive: boolean): Promise<void> {
  await eventually(END_MS, async () => {
    if (ends.length === 0) throw new Error(`${name} has not ended`)
  })
  const ended = wasActive ? ends[0]! : ends.at(-1)!
  assert.equal(ended.exit, EXIT_INTEGRITY, ended.stderr)
  assert.match(ended.stderr, wasActive ? /this member alone has \d+ entr/ : LOST)
}

interface Finding {
  readonly id: string
  readonly found: string
  readonly remedy?: string
}
