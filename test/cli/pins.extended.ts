/** `pin`, `unpin`, `pins` and `--pin`, with real daemons. */
import { test } from '../serial.ts'
import { readFileSync, writeFileSync } from 'node:fs'
import { KIB } from '../../src/limits.ts'
import { eventually } from '../eventually.ts'
import { pattern } from '../hash/sizes.ts'
import { Place, type Outcome } from './command.ts'

const SIZE = 300 * KIB

interface Line {
  readonly word: string
  readonly state: string
  readonly heldBytes: number
}

test('R007-380 what is pinned is listed, outlives a killed daemon, and ends with unpin', async (t) => {
  const place = new Place(t)
  const local = (...args: string[]): Promise<Outcome> => place.run([...args, '--dir', 'local'])
  const pins = async (): Promise<Line[]> => {
    const { stdout } = await local('pins', '--json')
    return stdout
      .toString()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line)
  }
  await place.run(['start', '--global'])
  const invited = await place.run(['invite', '-o', 'ticket'])
  t.is(invited.exit, 0, invited.stderr)
  writeFileSync(place.file('a'), pattern(SIZE))
  await place.run(['put', 'a', '--name', 'models/a'])
  t.is((await local('join', '@ticket', '--cache', '1MiB')).exit, 0)

  const pinned = await local('pin', 'models/a')
  t.is(pinned.exit, 0, pinned.stderr)
  t.is(pinned.stdout.toString(), '')
  t.is(pinned.stderr, 'pinned models/a: 300KiB\n')
  t.regex((await local('pins')).stdout.toString(), /^held +300KiB of 300KiB {2}models\/a\n$/)
  t.regex((await local('status')).stdout.toString(), /^pins +1, 30\dKiB of 1MiB reserved$/m)
  const evicted = await local('evict', 'models/a')
  t.is(evicted.exit, 9)
  t.regex(evicted.stderr, /is pinned by models\/a\nhint: .*dstore unpin models\/a/)
  const several = await local('pin', 'models/a', 'models/none')
  t.is(several.exit, 8)
  t.regex(several.stderr, /^dstore: no such name: models\/none/m)
  t.is((await pins()).length, 1)
  t.is((await local('pin', 'models/a', '--max-rate', '1KiB/s')).exit, 2)
  t.is((await place.run(['pin', 'models/a'])).exit, 2)

  const status = (await local('status', '--json')).stdout.toString()
  const { daemon } = JSON.parse(status) as { daemon: { pid: number } }
  process.kill(daemon.pid, 'SIGKILL')
  await eventually(async (saw) => {
    const [pin] = saw(await pins())
    return pin?.state === 'held' && pin.heldBytes === SIZE
  })
  t.is((await local('unpin', 'models/a')).exit, 0)
  t.is((await local('unpin', 'models/a')).exit, 3)
  t.deepEqual(await pins(), [])

  await local('stop')
  t.is((await local('start', '--pin', 'none', '--pin', 'x')).exit, 2)
  t.is((await local('start', '--pin', 'models/a', '--pin', 'later/b')).exit, 0)
  t.regex(readFileSync(`${place.file('local')}/config.json`, 'utf8'), /"later\/b"/)
  await eventually(async (saw) =>
    saw(await pins()).some(({ word, state }) => word === 'models/a' && state === 'held'),
  )
  t.is((await local('unpin', 'models/a')).exit, 9)
  const listed = await local('pins')
  t.regex(listed.stdout.toString(), /^waiting +- {2}later\/b {2}\(--pin\)$/m)
  t.regex(listed.stderr, /later\/b: no such name/)
  await local('stop')
  t.is((await local('start', '--pin', 'none')).exit, 0)
  t.deepEqual(await pins(), [])
  await place.run(['stop'])
  t.is((await place.run(['start', '--pin', 'x'])).exit, 2)
})
