/** Global stands still while puts begin: they wait for it as those that have sent bytes do. */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from '../serial.ts'
import { MIB, REDIAL_PATIENCE_MS, SILENCE_MS } from '../../src/limits.ts'
import { outcome } from '../cli/command.ts'
import { Daemon } from '../e2e/nodes.ts'

test('R003-46: puts that meet a Global that stands still are done when it goes on', async (t) => {
  const global = await Daemon.start(t, ['--global'])
  const local = await Daemon.join(t, global)
  const sizes = [100, 1000, 3 * MIB]
  for (const size of sizes) writeFileSync(local.place.file(`${size}`), randomBytes(size))
  await global.signal('SIGSTOP')
  t.teardown(() => global.signal('SIGCONT').catch(() => undefined))
  const putting = [['100', '1000'], [`${3 * MIB}`]].map((files) =>
    outcome(local.place.start(['put', ...files])),
  )
  // Until the link was given up, and what waits for no transfer has failed.
  await pause(SILENCE_MS + REDIAL_PATIENCE_MS + 3000)
  await global.signal('SIGCONT')
  for (const { exit, stderr } of await Promise.all(putting)) t.is(exit, 0, stderr)
  const { stdout } = await global.run(['ls', '--keys'])
  t.is(stdout.toString().trim().split('\n').length, sizes.length)
})
