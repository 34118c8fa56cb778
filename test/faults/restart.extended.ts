/** Global is killed during transfers and starts again later. */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from '../serial.ts'
import { MIB, REDIAL_PATIENCE_MS } from '../../src/limits.ts'
import { outcome } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { Daemon } from '../e2e/nodes.ts'
import { arrived } from './arrived.ts'

const SIZE = 160 * MIB + 1

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
    t.true(await eventually(async () => (await local.bytesIn()) >= 10 * MIB))
    await global.signal('SIGKILL')
    const cameBefore = await local.bytesIn()
    t.true(cameBefore < SIZE, 'it was killed in the middle')
    // Longer than what has not begun would wait.
    await pause(REDIAL_PATIENCE_MS + 1000)
    await Daemon.start(t, ['--global'], global.place)
    const { exit, stderr } = await getting
    t.is(exit, 0, stderr)
    t.true(readFileSync(out).equals(bytes))
    const came = await local.bytesIn()
    // What was on its way when it broke off, and a proof.
    t.true(came <= SIZE * 1.01 + 16 * MIB, `${came} bytes came, ${cameBefore} before`)
  })
}

test('R003-46: a put outlives a Global that is started again, and sends the rest', async (t) => {
  const global = await Daemon.start(t, ['--global'])
  const local = await Daemon.join(t, global, ['--cache', '16MiB'])
  const bytes = randomBytes(SIZE)
  const path = local.place.file('large')
  writeFileSync(path, bytes)
  const putting = outcome(local.place.start(['put', path]))
  t.true(await eventually(() => arrived(global) >= 10 * MIB))
  await global.signal('SIGKILL')
  const kept = arrived(global)
  t.true(kept >= 10 * MIB && kept < SIZE, 'it was killed in the middle')
  await pause(REDIAL_PATIENCE_MS + 1000)
  const again = await Daemon.start(t, ['--global'], global.place)
  const { exit, stdout, stderr } = await putting
  t.is(exit, 0, stderr)
  const key = stdout.toString().trim()
  const came = await again.bytesIn()
  // It goes on at a whole group, and every group comes with 64 bytes of proof.
  t.true(came <= (SIZE - kept + 16_384) * 1.005 + 4096, `${came} bytes came of ${SIZE - kept}`)
  t.true((await again.run(['get', key])).stdout.equals(bytes))
})
