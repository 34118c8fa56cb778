/**
 * A stranger types what docs/set.md says to try on one machine: real servers of NATS, a real
 * bucket, three members and a Local, in another home.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { DISK } from '../../disk.ts'
import { Machine } from '../../docs/machine.ts'
import { blocksOf } from '../../docs/page.ts'
import { createPlace, removePlace } from '../../docs/place.ts'
import { test } from '../../serial.ts'
import { findProgram } from '../engine.ts'
import { natsServer } from '../journals/nats-cluster.ts'

/** The scripts of the walk, in order; what installs programs is a session. */
const scripts = (): string[] =>
  blocksOf('docs/set.md')
    .flatMap(({ steps }) => steps)
    .filter(({ output, command }) => output === undefined && command.includes('~/set'))
    .map(({ command }) => command)

test('docs/set.md: what it says to try on one machine works, as it is written', async (t) => {
  t.timeout(300_000)
  const [nats, bucket] = [natsServer(), findProgram('versitygw')]
  if (nats === undefined || bucket === undefined) {
    t.log('nats-server or versitygw is not installed: the page was not tried')
    t.pass()
    return
  }
  const place = await createPlace('bundle')
  const home = mkdtempSync(join(DISK, 'dstore-set-page-'))
  const machine = new Machine(home, [place.search, dirname(nats), dirname(bucket)].join(delimiter))
  const all = scripts()
  t.true(all.length >= 6)
  let isEnded = false
  try {
    const outputs: string[] = []
    for (const script of all) {
      const { output, exit } = await machine.run(script, true)
      t.is(exit, 0, `${script}\n${output}`)
      outputs.push(output)
    }
    isEnded = true
    const [, , members, , killed, again] = outputs
    t.regex(members!, /^active +a, epoch \d+$/m)
    t.regex(killed!, /^hello, set$/m)
    t.regex(killed!, /^active +[bc], epoch \d+$/m)
    t.regex(again!, /^member +a {2}standby/m)
    t.log(outputs.join('\n'))
  } finally {
    if (!isEnded) await machine.run(all.at(-1)!, false)
    await machine.close()
    await removePlace(place)
    rmSync(home, { recursive: true, force: true })
  }
})
