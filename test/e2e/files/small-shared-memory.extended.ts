/**
 * Daemons as in a container: a mount namespace of their own, whose /dev/shm has 64 MiB, fills up or
 * shrinks. Linux only, where this user may make such a namespace.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { ExecutionContext } from 'ava'
import { test } from '../../serial.ts'
import { MIB } from '../../../src/limits.ts'
import { BUNDLE, outcome, Place, type Outcome } from '../../cli/command.ts'
import { putRandom, type TestValue } from '../../faults/files/values.ts'
import { Daemon, shared } from '../nodes.ts'

/** Makes the namespace; mounts are not seen outside. */
const NAMESPACES = [
  ['unshare', '--mount', '--propagation', 'private'],
  ['unshare', '--map-root-user', '--mount', '--propagation', 'private'],
]

const MOUNT = 'mount -t tmpfs -o size=64m,mode=1777 tmpfs /dev/shm'

/** The words that start a program in such a namespace; undefined where that is not allowed. */
function contained(): readonly string[] | undefined {
  if (process.platform !== 'linux') return undefined
  return NAMESPACES.find(([command, ...words]) => {
    return spawnSync(command!, [...words, 'sh', '-c', MOUNT], { stdio: 'ignore' }).status === 0
  })
}

const WORDS = contained()

/** A Local whose /dev/shm has 64 MiB. */
class Contained {
  readonly place: Place
  readonly process: ChildProcess

  private constructor(place: Place, child: ChildProcess) {
    this.place = place
    this.process = child
  }

  static async join(t: Parameters<typeof Daemon.start>[0], global: Daemon, args: string[]) {
    const place = new Place(t)
    const [command, ...words] = WORDS!
    const script = `${MOUNT} && exec "$0" "$@"`
    const ticket = await global.invite()
    const daemon = [BUNDLE, 'daemon', '--join', ticket, ...args]
    const child = spawn(command!, [...words, 'sh', '-c', script, process.execPath, ...daemon], {
      cwd: place.path,
      env: place.env(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(async () => {
      if (child.exitCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'close')
    })
    const { done } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
    if (done === true) throw new Error('the daemon ended')
    return new Contained(place, child)
  }

  /** A program beside the daemon, in its namespace. */
  async inside(command: string, ...args: string[]): Promise<Outcome> {
    const enter = ['--mount', '--preserve-credentials', '--user', '--target', `${this.process.pid}`]
    const words = WORDS!.includes('--map-root-user') ? enter : enter.filter((w) => w !== '--user')
    const child = spawn('nsenter', [...words, command, ...args], {
      cwd: this.place.path,
      env: this.place.env(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return outcome(child)
  }

  dstore(...args: string[]): Promise<Outcome> {
    return this.inside(process.execPath, BUNDLE, ...args)
  }
}

const world = shared(async (owner) => {
  const global = await Daemon.start(owner, ['--global'])
  const values: TestValue[] = []
  for (let i = 0; i < 12; i++) values.push(await putRandom(global, 4 * MIB))
  return { global, values }
})

function inContainer(title: string, run: (t: ExecutionContext) => Promise<void>): void {
  test(title, async (t) => {
    if (WORDS !== undefined) return run(t)
    t.log('SKIPPED: a mount namespace is not allowed here')
    return t.pass()
  })
}

inContainer(
  'R007-391, R007-360: 64 MiB of shared memory hold no tier beside a cache of 64 MiB, and `status` and `path` say so',
  async (t) => {
    const { global, values } = await world()
    const local = await Contained.join(t, global, ['--cache', '64MiB'])
    const { key } = values[0]!
    const got = await local.dstore('get', key)
    t.is(got.exit, 0, got.stderr)
    t.true(got.stdout.equals(values[0]!.bytes))
    const status = await local.dstore('status')
    t.regex(status.stdout.toString(), /\/dev\/shm/, 'why there is none')
    const path = await local.dstore('path', key)
    t.not(path.exit, 0)
    t.is(path.stdout.toString(), '')
    t.regex(path.stderr, /^dstore: .*\n(hint: .*--cache-dir.*\n)$/)
  },
)

inContainer(
  'R003-150: shared memory that others fill, and that shrinks: what has no room is evicted or passes through',
  async (t) => {
    const { global, values } = await world()
    const local = await Contained.join(t, global, ['--cache', '24MiB'])
    const all = async (): Promise<void> => {
      for (const { key, bytes } of values) {
        const prefetch = await local.dstore('prefetch', key)
        t.is(prefetch.exit, 0, prefetch.stderr)
        const got = await local.dstore('get', key)
        t.is(got.exit, 0, got.stderr)
        t.true(got.stdout.equals(bytes))
      }
    }
    const path = await local.dstore('path', values[0]!.key, '--hold', '1s')
    t.is(path.exit, 0, path.stderr)
    t.regex(path.stdout.toString(), /^\/dev\/shm\/.+\n$/)
    const same = await local.inside('cat', path.stdout.toString().trim())
    t.true(same.stdout.equals(values[0]!.bytes))
    for (const { key } of values.slice(1))
      t.is((await local.dstore('path', key, '--hold', '1ms')).exit, 0)

    const fill = await local.inside('sh', '-c', 'cat /dev/zero > /dev/shm/other 2> /dev/null')
    t.not(fill.exit, 0, 'it is full')
    await all()
    t.is((await local.inside('rm', '/dev/shm/other')).exit, 0)
    await all()
    const shrunk = await local.inside('mount', '-o', 'remount,size=8m', '/dev/shm')
    t.is(shrunk.exit, 0, shrunk.stderr)
    await all()
    t.is((await local.dstore('status')).exit, 0)
  },
)

inContainer(
  'R007-352: a caller outside the namespace gets an error that says so, and no path',
  async (t) => {
    const { global, values } = await world()
    const local = await Contained.join(t, global, ['--cache', '24MiB'])
    const { key } = values[1]!
    const within = await local.dstore('path', key, '--hold', '1s')
    t.is(within.exit, 0, within.stderr)
    const outside = await local.place.run(['path', key, '--hold', '1s'])
    t.not(outside.exit, 0)
    t.is(outside.stdout.toString(), '')
    t.regex(outside.stderr, /^dstore: .*for this process\nhint: .*mounts.*\n$/)
    const marker = execFileSync('readlink', ['/proc/self/ns/mnt']).toString()
    t.not((await local.inside('readlink', '/proc/self/ns/mnt')).stdout.toString(), marker)
  },
)
