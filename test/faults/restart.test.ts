/** A Global that is killed while values are fetched from it, and started again a while later. */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { MIB, REDIAL_PATIENCE_MS } from '../../src/limits.ts'
import { outcome } from '../cli/command.ts'
import { Daemon } from '../e2e/nodes.ts'

const SIZE = 300 * MIB + 1

for (const [what, cache] of [
  ['kept', '1GiB'],
  ['passed on, as it does not fit in', '16MiB'],
] as const) {
  test(`R003-46: a get outlives a Global that is started again: what it fetches is ${what}`, async (t) => {
    const global = await Daemon.start(t, ['--global'])
    const local = await Daemon.join(t, global, ['--cache', cache])
    const bytes = randomBytes(SIZE)
    writeFileSync(global.place.file('large'), bytes)
    const key = (await global.run(['put', global.place.file('large')])).stdout.toString().trim()
    const out = local.place.file('out')
    const getting = outcome(local.place.start(['get', key, '-o', out]))
    while ((await local.bytesIn()) < 10 * MIB)
      await new Promise((resolve) => setTimeout(resolve, 2))
    await global.signal('SIGKILL')
    const cameBefore = await local.bytesIn()
    t.true(cameBefore < SIZE, 'it was killed in the middle')
    // Longer than what has not begun would wait.
    await new Promise((resolve) => setTimeout(resolve, REDIAL_PATIENCE_MS + 1000))
    await Daemon.start(t, ['--global'], global.place)
    const { exit, stderr } = await getting
    t.is(exit, 0, stderr)
    t.true(readFileSync(out).equals(bytes))
    const came = await local.bytesIn()
    // What was on its way when it broke off, and a proof.
    t.true(came <= SIZE * 1.01 + 16 * MIB, `${came} bytes came, ${cameBefore} before`)
  })
}
