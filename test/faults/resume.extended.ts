/** A put of a large file that breaks off, at either end: the next one sends the rest. */
import { randomBytes } from 'node:crypto'
import { writeFileSync, readFileSync } from 'node:fs'
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { MIB } from '../../src/limits.ts'
import { outcome } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { Daemon } from '../e2e/nodes.ts'
import { arrived } from './arrived.ts'

const SIZE = 100_000_000

/** Begin to put a large file, and kill one of the two when Global has some of it. */
async function breakOff(
  t: ExecutionContext,
  victim: 'global' | 'local',
): Promise<{ global: Daemon; local: Daemon; path: string; bytes: Buffer; kept: number }> {
  const global = await Daemon.start(t, ['--global'])
  const local = await Daemon.join(t, global, ['--cache', '16MiB'])
  const bytes = randomBytes(SIZE)
  const path = local.place.file('large')
  writeFileSync(path, bytes)
  const putting = outcome(
    local.place.start(['put', path, '--timeout', victim === 'global' ? '2s' : '10s']),
  )
  t.true(await eventually((saw) => saw(arrived(global)) >= 10 * MIB))
  await (victim === 'global' ? global : local).signal('SIGKILL')
  t.not((await putting).exit, 0)
  // The other side notices that the connection is gone.
  let kept = -1
  t.true(
    await eventually(async () => {
      const before = kept
      kept = arrived(global)
      return kept === before
    }),
  )
  t.true(kept >= 10 * MIB && kept < SIZE, `${kept} bytes were kept`)
  return { global, local, path, bytes, kept }
}

async function finish(
  t: ExecutionContext,
  { global, local, path, bytes, kept }: Awaited<ReturnType<typeof breakOff>>,
): Promise<void> {
  t.true(await eventually(async (saw) => saw((await local.status()).global)?.state === 'connected'))
  t.is((await global.run(['ls', '--keys'])).stdout.toString(), '', 'nothing can be seen of it')
  const before = await global.bytesIn()
  const put = await local.run(['put', path])
  t.is(put.exit, 0, put.stderr)
  const came = (await global.bytesIn()) - before
  // What is kept begins with the last whole group, and every group comes with 64 bytes of proof.
  t.true(
    came <= (SIZE - kept + 16_384) * 1.005 + 4096,
    `${came} bytes came of ${SIZE - kept} missing`,
  )
  const out = global.place.file('copy')
  const got = await global.run(['get', put.stdout.toString().trim(), '-o', out])
  t.is(got.exit, 0, got.stderr)
  t.is(Buffer.compare(readFileSync(out), bytes), 0)
}

test('R003-19, R003-40: a put goes on where it broke off after Global was killed', async (t) => {
  const broken = await breakOff(t, 'global')
  const global = await Daemon.start(t, [], broken.global.place)
  await finish(t, { ...broken, global })
})

test('R003-19, R003-40: a put goes on where it broke off after the Local was killed', async (t) => {
  const broken = await breakOff(t, 'local')
  const local = await Daemon.start(t, [], broken.local.place)
  await finish(t, { ...broken, local })
})
