/** A Global that is full, for real. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { GIB, MIB } from '../../src/limits.ts'
import { Place } from '../cli/command.ts'
import { Daemon } from '../e2e/nodes.ts'
import { DISK_RESERVE_BYTES } from '../../src/store/disk/free-space.ts'

const keyOf = (put: { stdout: Buffer }): string => put.stdout.toString().trim()

/** What does not fit is refused by file and by stream, and reads and removals go on. */
async function fills(
  t: ExecutionContext,
  node: Daemon,
  kept: Buffer,
  tooLarge: Buffer,
): Promise<void> {
  const values = join(node.place.state, 'store-v3', 'values')
  const first = await node.run(['put', '-'], kept)
  t.is(first.exit, 0, first.stderr)
  const files = readdirSync(values)
  const path = node.place.file('too-large')
  writeFileSync(path, tooLarge)
  for (const put of [await node.run(['put', path]), await node.run(['put', '-'], tooLarge)]) {
    t.is(put.exit, 7, put.stderr)
    t.regex(put.stderr, /^dstore: .*(do not fit|full)/m)
    t.is(put.stdout.toString(), '')
  }
  t.is((await node.run(['ls', '--keys'])).stdout.toString(), first.stdout.toString())
  t.deepEqual(readdirSync(values), files, 'no trace is left')
  t.is(Buffer.compare((await node.run(['get', keyOf(first)])).stdout, kept), 0)
  const removed = await node.run(['rm', keyOf(first)])
  t.is(removed.exit, 0, removed.stderr)
  t.deepEqual(readdirSync(values), [])
  const again = await node.run(['put', '-'], kept)
  t.is(again.exit, 0, again.stderr)
}

test('R005-24, R005-49: --max-size is exit code 7 and no trace, with headroom in status, also for a Local', async (t) => {
  const node = await Daemon.start(t, ['--max-size', '4MiB'])
  await fills(t, node, randomBytes(3 * MIB), randomBytes(2 * MIB))
  const status = await node.run(['status'])
  t.regex(status.stdout.toString(), /1 value, 3MiB, room for 1MiB/)

  const unbound = await Daemon.start(t, [])
  const { bavail, bsize } = statfsSync(unbound.place.state)
  const { headroomBytes } = (await unbound.status()).store!
  // Others write to this disk, too.
  t.true(Math.abs(headroomBytes! - (bavail * bsize - DISK_RESERVE_BYTES)) < GIB, `${headroomBytes}`)
  const huge = await Daemon.start(t, ['--max-size', '1000TiB'])
  t.true((await huge.status()).store!.headroomBytes! < 2 * bavail * bsize)

  const global = await Daemon.start(t, ['--global', '--max-size', '4MiB'])
  const local = await Daemon.join(t, global)
  const path = local.place.file('too-large')
  writeFileSync(path, randomBytes(5 * MIB))
  const put = await local.run(['put', path])
  t.is(put.exit, 7, put.stderr)
  t.is((await local.run(['ls', '--keys'])).stdout.toString(), '')
})

test('R005-38: a full disk is exit code 7 and no trace', async (t) => {
  const place = new Place(t)
  mkdirSync(place.state)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m,mode=700', 'tmpfs', place.state], {
      stdio: 'ignore',
    })
  } catch {
    t.log('SKIPPED: mounting is not allowed here')
    t.pass()
    return
  }
  t.teardown(() => execFileSync('umount', ['-l', place.state]))
  const node = await Daemon.start(t, [], place)
  await fills(t, node, randomBytes(8 * MIB), randomBytes(64 * MIB))
})
