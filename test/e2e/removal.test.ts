/** Promise 4: a removed value is gone everywhere, and unreachable Locals are named. */
import { test } from '../serial.ts'
import { eventually } from '../eventually.ts'
import { Daemon, network } from './nodes.ts'

/** The output of `rm --json`. */
interface Removed {
  readonly acknowledged: readonly string[]
  readonly owed: readonly string[]
}

test('R004-20 R004-21 ten Locals hold a value: after rm it is gone at each, and one that was stopped is named', async (t) => {
  const { global, locals } = await network(t, 10)
  const key = (await global.run(['put', '-'], 'hello')).stdout.toString().trim()
  for (const local of locals) t.is(await local.got(key), 'hello')

  const all = await locals[0]!.run(['rm', key, '--json'])
  t.is(all.exit, 0, all.stderr)
  t.is((JSON.parse(all.stdout.toString()) as Removed).acknowledged.length, 10)
  for (const local of locals) t.is(await local.got(key), 3)
  for (const local of locals.slice(0, 2)) t.is((await local.run(['get', key])).exit, 3)

  await global.run(['put', '-'], 'hello')
  const other = (await global.run(['put', '-'], 'other')).stdout.toString().trim()
  for (const local of locals) t.is(await local.got(key), 'hello')
  const stopped = locals[3]!
  t.is(await stopped.got(other), 'other')
  const peer = await stopped.peerId()
  await stopped.signal('SIGSTOP')
  const patient = locals[1]!.run(['rm', other, '--timeout', '2m'])
  const most = await Promise.race([
    locals[0]!.run(['rm', key, '--json', '--timeout', '2s']),
    patient.then(() => Promise.reject(new Error('a removal of 2 m ended before one of 2 s'))),
  ])
  t.is(most.exit, 8, most.stderr)
  const { acknowledged, owed } = JSON.parse(most.stdout.toString()) as Removed
  t.deepEqual(owed, [peer])
  t.is(acknowledged.length, 9)
  for (const local of locals.filter((one) => one !== stopped)) t.is(await local.got(key), 3)
  await stopped.signal('SIGCONT')
  t.is((await stopped.run(['get', key])).exit, 3, 'before it answers anybody')
  t.is((await patient).exit, 0, 'it waited for the last one')
  t.is((await global.run(['rm', key])).exit, 0, 'asked again, it is complete')
})

test('names pass from Local to Local, and are known while Global is away', async (t) => {
  const { global, locals } = await network(t, 2)
  const [a, b] = locals as [Daemon, Daemon]
  const put = await a.run(['put', '-', '--name', 'models/v1'], 'hello')
  t.is(put.exit, 0, put.stderr)
  t.is((await b.run(['get', 'models/v1'])).stdout.toString(), 'hello')
  t.is((await b.run(['ls', 'models/'])).stdout.toString(), 'models/v1\n')
  t.is((await b.run(['put', '-', '--name', 'models/v1'], 'other')).exit, 9)
  t.is((await b.run(['rm', put.stdout.toString().trim()])).exit, 9)

  const watch = b.place.start(['watch'])
  const lines: string[] = []
  watch.stdout!.on('data', (piece) => lines.push(String(piece)))
  t.teardown(() => watch.kill('SIGKILL'))
  t.true(
    await eventually(async () => {
      // The watch may not have begun yet.
      await a.run(['put', '-'], String(Math.random()))
      return lines.length > 0
    }),
  )

  await global.signal('SIGKILL')
  t.true(await eventually(async (saw) => saw((await b.status()).global)?.state === 'away'))
  const got = await b.run(['get', 'models/v1'])
  t.is(got.stdout.toString(), 'hello', got.stderr)
  t.is((await b.run(['get', 'models/v2'])).exit, 5)
  t.is((await b.run(['has', 'models/v1'])).exit, 0)
  const again = await Daemon.start(t, [], global.place)
  t.true(await eventually(async (saw) => saw((await b.status()).global)?.state === 'connected'))
  const removed = await b.run(['rm', 'models/v1'])
  t.is(removed.exit, 0, removed.stderr)
  t.is((await a.run(['get', 'models/v1'])).exit, 3)
  t.is(
    (await again.run(['has', put.stdout.toString().trim()])).exit,
    1,
    'it went with its last name',
  )
})

test('with a lease, a Local that is cut off stops serving, and rm waits for that', async (t) => {
  const { global, locals } = await network(t, 2, { global: ['--lease', '3s'] })
  const [a, b] = locals as [Daemon, Daemon]
  const key = (await a.run(['put', '-'], 'hello')).stdout.toString().trim()
  t.is((await b.run(['get', key])).exit, 0)
  await b.signal('SIGSTOP')
  const removed = await a.run(['rm', key])
  t.is(removed.exit, 0, removed.stderr)
  t.regex(removed.stdout.toString(), /lease ran out at [\w-]+\n$/)
  await b.signal('SIGCONT')
  t.is((await b.run(['get', key])).exit, 3)

  await a.run(['put', '-'], 'hello')
  t.is((await b.run(['get', key])).exit, 0)
  await global.signal('SIGKILL')
  t.true(await eventually(async (saw) => saw(await b.got(key)) === 5))
  t.regex((await b.run(['get', key])).stderr, /lease/)
})
