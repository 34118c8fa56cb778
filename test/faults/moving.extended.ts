/** Global moves to another directory, or is restored from an older copy: its Locals adapt. */
import { cpSync, renameSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { test } from '../serial.ts'
import { MIB } from '../../src/limits.ts'
import { Place } from '../cli/command.ts'
import { eventually, type Saw } from '../eventually.ts'
import { Daemon } from '../e2e/nodes.ts'

const keyOf = (put: { stdout: Buffer }): string => put.stdout.toString().trim()
const connected =
  (local: Daemon) =>
  async (saw: Saw): Promise<boolean> =>
    saw((await local.status()).global)?.state === 'connected'
/** `RUN-SEQ`. */
const runOf = (position = ''): string => position.split('-')[0]!

test('R005-47: a copy elsewhere continues the history, and its Locals keep what they hold', async (t) => {
  const before = await Daemon.start(t, ['--global'])
  const local = await Daemon.join(t, before)
  const values = [randomBytes(100), randomBytes(20_000), randomBytes(3 * MIB)]
  const keys: string[] = []
  for (const [i, value] of values.entries()) {
    keys.push(keyOf(await before.run(['put', '-', '--name', `name/${i}`], value)))
  }
  for (const key of keys) t.is((await local.run(['get', key])).exit, 0)
  const { position } = await before.status()
  t.is((await before.run(['stop'])).exit, 0)

  const place = new Place(t)
  cpSync(before.place.state, place.state, { recursive: true })
  renameSync(before.place.state, `${before.place.state}-left`)
  const after = await Daemon.start(t, [], place)
  t.is(after.address, before.address, 'the same Global at the same address')
  t.true(await eventually(connected(local)))
  const { traffic } = await local.status()
  for (const [i, key] of keys.entries()) {
    t.is(Buffer.compare((await after.run(['get', key])).stdout, values[i]!), 0)
    t.is(Buffer.compare((await local.run(['get', `name/${i}`])).stdout, values[i]!), 0)
  }
  t.deepEqual((await local.status()).traffic, traffic, 'nothing was fetched again')
  const now = (await after.status()).store!.seq
  t.is(now, Number(position!.split('-')[1]) + 1, 'one change more: the new run')
  t.is((await after.run(['verify'])).exit, 0)

  // It is owed what is removed at the new place.
  const removed = await after.run(['rm', '--force', keys[2]!, '--json'])
  t.is(removed.exit, 0, removed.stderr)
  t.is((JSON.parse(removed.stdout.toString()) as { acknowledged: string[] }).acknowledged.length, 1)
  t.is((await local.run(['get', keys[2]!])).exit, 3)
})

test('R005-48: who has seen more than an older copy knows is reset, and serves what that copy has', async (t) => {
  const first = await Daemon.start(t, ['--global'])
  const local = await Daemon.join(t, first)
  const kept = keyOf(await first.run(['put', '-'], 'kept'))
  t.is((await first.run(['stop'])).exit, 0)
  const copy = `${first.place.state}-copy`
  cpSync(first.place.state, copy, { recursive: true })

  const second = await Daemon.start(t, [], first.place)
  t.true(await eventually(connected(local)))
  const lost = keyOf(await local.run(['put', '-', '--name', 'lost'], 'lost'))
  for (const key of [kept, lost]) t.is((await local.run(['get', key])).exit, 0)
  const seen = (await local.status()).position
  t.is((await second.run(['stop'])).exit, 0)

  // Set back; and by other changes it counts beyond what the Local has seen.
  renameSync(first.place.state, `${first.place.state}-lost`)
  renameSync(copy, first.place.state)
  await local.signal('SIGSTOP')
  const third = await Daemon.start(t, [], first.place)
  for (let i = 0; i < 5; i++) await third.run(['put', '-'], `other ${i}`)
  const { position, store } = await third.status()
  t.not(runOf(position), runOf(seen))
  t.true(store!.seq > Number(seen!.split('-')[1]))
  await local.signal('SIGCONT')

  t.true(await eventually(connected(local)))
  t.is((await local.run(['get', lost])).exit, 3, 'it was never put in this history')
  t.is((await local.run(['get', 'lost'])).exit, 3)
  t.is((await local.run(['get', kept])).stdout.toString(), 'kept')
  t.true(await eventually(async () => runOf((await local.status()).position) === runOf(position)))
})
