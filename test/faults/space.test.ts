/** A Global that is full, and one that moves house, for real. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { MIB } from '../../src/limits.ts'
import { Place } from '../cli/command.ts'
import { Daemon } from '../e2e/nodes.ts'

const keyOf = (put: { stdout: Buffer }): string => put.stdout.toString().trim()

/** What does not fit is refused by file and by stream, and reads and removals go on. */
async function fills(
  t: ExecutionContext,
  node: Daemon,
  kept: Buffer,
  tooLarge: Buffer,
): Promise<void> {
  const values = join(node.place.state, 'store-v1', 'values')
  const first = await node.run(['put', '-'], kept)
  t.is(first.exit, 0, first.stderr)
  const path = node.place.file('too-large')
  writeFileSync(path, tooLarge)
  for (const put of [await node.run(['put', path]), await node.run(['put', '-'], tooLarge)]) {
    t.is(put.exit, 7, put.stderr)
    t.regex(put.stderr, /^dstore: .*(do not fit|full)/m)
    t.is(put.stdout.toString(), '')
  }
  t.is((await node.run(['ls', '--keys'])).stdout.toString(), first.stdout.toString())
  t.is(readdirSync(values).length, 1, 'no trace is left')
  t.is(Buffer.compare((await node.run(['get', keyOf(first)])).stdout, kept), 0)
  const removed = await node.run(['rm', keyOf(first)])
  t.is(removed.exit, 0, removed.stderr)
  t.deepEqual(readdirSync(values), [])
  const again = await node.run(['put', '-'], kept)
  t.is(again.exit, 0, again.stderr)
}

test('R005-24: --max-size is exit code 7 and no trace, with headroom in status, also for a Local', async (t) => {
  const node = await Daemon.start(t, ['--max-size', '4MiB'])
  await fills(t, node, randomBytes(3 * MIB), randomBytes(2 * MIB))
  const status = await node.run(['status'])
  t.regex(status.stdout.toString(), /1 values, 3MiB, room for 1MiB/)

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
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', place.state], {
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

test('R005-29: a state directory that is copied elsewhere serves there', async (t) => {
  const before = await Daemon.start(t, ['--global'])
  const values = [randomBytes(100), randomBytes(20_000), randomBytes(3 * MIB)]
  const keys: string[] = []
  for (const value of values) keys.push(keyOf(await before.run(['put', '-'], value)))
  const id = before.address.split('/p2p/')[1]
  t.is((await before.run(['stop'])).exit, 0)

  const place = new Place(t)
  cpSync(before.place.state, place.state, { recursive: true })
  const after = await Daemon.start(t, [], place)
  t.is(after.address.split('/p2p/')[1], id, 'the same Global to its Locals')
  for (const [i, key] of keys.entries()) {
    t.is(Buffer.compare((await after.run(['get', key])).stdout, values[i]!), 0)
  }
  t.is((await after.run(['verify'])).exit, 0)
})
