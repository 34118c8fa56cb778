/** A daemon whose state directory is taken away. */
import { test } from '../../serial.ts'
import { cpSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type FileLocks from 'fs-native-extensions'
import { DstoreError } from '../../../src/errors.ts'
import { SILENT } from '../../../src/log.ts'
import { startDaemon } from '../../../src/daemon/process/daemon.ts'
import { STATE_CHECK_MS } from '../../../src/limits.ts'
import { takeLock, type Lock } from '../../../src/daemon/process/lock.ts'
import { identityOf } from '../../../src/store/disk/files.ts'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import type { StateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { Place } from '../../cli/command.ts'
import { Daemon } from '../../e2e/nodes.ts'
import { FakeNode } from '../fake-node.ts'
import { ask, serving, temporaryDirectory } from '../serving.ts'

const REMOVALS: Readonly<Record<string, (directory: StateDirectory) => void>> = {
  deleted: ({ path }) => rmSync(path, { recursive: true }),
  moved: ({ path }) => renameSync(path, `${path}-away`),
  'replaced by a copy': ({ path }) => {
    renameSync(path, `${path}-away`)
    cpSync(join(`${path}-away`, 'daemon.lock'), join(path, 'daemon.lock'))
  },
  'emptied of its lock file': ({ lock }) => rmSync(lock),
}

for (const [what, happens] of Object.entries(REMOVALS)) {
  test(`R007-110 an idle daemon whose directory is ${what} notices it`, async (t) => {
    const directory = stateDirectory(join(temporaryDirectory(t), 'state'))
    const { daemon } = await serving(t, {}, directory)
    happens(directory)
    const since = performance.now()
    const fault = await daemon.lost
    t.is(fault.code, 'unwritable')
    t.true(fault.message.startsWith(directory.lock), fault.message)
    t.true(performance.now() - since < 10 * STATE_CHECK_MS)
    await daemon.close()
  })
}

test('R007-110 a daemon that waits for its node to open notices it, too', async (t) => {
  const directory = stateDirectory(join(temporaryDirectory(t), 'state'))
  let open: (node: FakeNode) => void = () => undefined
  const opened = new Promise<FakeNode>((resolve) => (open = resolve))
  const start = startDaemon({
    directory,
    settings: {},
    log: SILENT,
    openNode: () => {
      rmSync(directory.path, { recursive: true })
      return opened
    },
  })
  const fault = await t.throwsAsync(start, { instanceOf: DstoreError })
  t.is(fault.code, 'unwritable')
  t.true(fault.message.startsWith(directory.lock), fault.message)
  // One that opens all the same is closed.
  const node = new FakeNode()
  const closed = new Promise<void>((resolve) => {
    node.close = async () => resolve()
  })
  open(node)
  await closed
})

test('R007-110 a daemon that ends leaves the socket of the one that follows it at its path', async (t) => {
  const directory = stateDirectory(join(temporaryDirectory(t), 'state'))
  const first = await serving(t, {}, directory)
  rmSync(directory.path, { recursive: true })
  const second = await serving(t, {}, directory)
  await first.daemon.lost
  await first.daemon.close()
  t.is((await ask(second.daemon.socket, 'GET', '/v1/status')).status, 200)
  t.throws(() => takeLock(directory.lock), { code: 'locked' })
})

test('R007-2 a lock file that is replaced while it is taken is not the lock', (t) => {
  const path = join(temporaryDirectory(t), 'daemon.lock')
  const lock = takeLock(path)
  rmSync(path)
  const other = takeLock(path)
  t.not(other.identity, lock.identity)
  lock.release()
  other.release()
})

/** Something happens to the lock file between its opening and its locking. */
function beforeLocking(t: ExecutionContext, happens: (attempt: number) => void): void {
  const locks = createRequire(import.meta.url)('fs-native-extensions') as typeof FileLocks
  const { tryLock } = locks
  let attempt = 0
  t.teardown(() => Object.assign(locks, { tryLock }))
  const instead = (fd: number): boolean => {
    happens(attempt++)
    return tryLock(fd)
  }
  Object.assign(locks, { tryLock: instead })
}

test('R007-2 a lock file that goes after it was opened is not locked, but the one at its path', (t) => {
  const path = join(temporaryDirectory(t), 'daemon.lock')
  const happenings = [
    () => rmSync(path),
    () => {
      rmSync(path)
      writeFileSync(path, 'another')
    },
    () => undefined,
  ]
  let attempts = 0
  beforeLocking(t, (attempt) => {
    attempts = attempt + 1
    happenings[attempt]?.()
  })
  const lock = takeLock(path)
  t.is(attempts, happenings.length)
  t.is(lock.identity, identityOf(statSync(path, { bigint: true })))
  t.throws(() => takeLock(path), { code: 'locked' })
  lock.release()
})

test('R007-2 a lock file that another process replaces and locks is locked', (t) => {
  const path = join(temporaryDirectory(t), 'daemon.lock')
  const other: { lock?: Lock } = {}
  beforeLocking(t, (attempt) => {
    if (attempt > 0) return
    rmSync(path)
    other.lock = takeLock(path)
  })
  t.throws(() => takeLock(path), { code: 'locked' })
  other.lock!.release()
})

test('R007-110 a daemon ends with its database, and acknowledges nothing that is gone', async (t) => {
  const place = new Place(t)
  for (const taken of ['records/data.mdb', 'records', 'values', '']) {
    const daemon = await Daemon.start(t, [], place)
    let stderr = ''
    daemon.process.stderr!.on('data', (piece) => (stderr += String(piece)))
    const ended = once(daemon.process, 'close')
    const value = randomBytes(100)
    t.is((await daemon.run(['put', '-'], value)).exit, 0)
    rmSync(join(place.state, 'store-v3', taken), { recursive: true })
    // Also a value that exists, which needs no commit.
    for (const input of [value, randomBytes(100)]) {
      const put = await daemon.run(['put', '-', '--no-start'], input)
      t.is(put.stdout.toString(), '')
      t.true(put.exit === 1 || put.exit === 5, put.stderr)
    }
    t.deepEqual(await ended, [1, null], stderr)
    t.regex(stderr, / error the state directory is gone error=".* was removed or replaced/)
    t.regex(stderr, /^dstore: .* was removed or replaced while it was in use\nhint: /m)
    rmSync(join(place.state, 'store-v3'), { recursive: true, force: true })
  }
})

test('R007-110 one directory deleted, one daemon ends and the next serves', async (t) => {
  const place = new Place(t)
  const first = await Daemon.start(t, ['--global'], place)
  const ended = once(first.process, 'close')
  rmSync(place.state, { recursive: true })
  writeFileSync(place.file('value'), 'kept')
  const put = await place.run(['put', place.file('value')])
  t.is(put.exit, 0, put.stderr)
  t.deepEqual(await ended, [1, null])
  const got = await place.run(['get', put.stdout.toString().trim(), '--no-start'])
  t.is(got.stdout.toString(), 'kept', got.stderr)
})

test('R007-110 a moved directory can be moved back, and started there', async (t) => {
  const place = new Place(t)
  const first = await Daemon.start(t, [], place)
  const ended = once(first.process, 'close')
  const key = (await first.run(['put', '-'], 'kept')).stdout.toString().trim()
  renameSync(place.state, `${place.state}-away`)
  mkdirSync(place.state, { mode: 0o700 })
  t.deepEqual(await ended, [1, null])
  rmSync(place.state, { recursive: true })
  renameSync(`${place.state}-away`, place.state)
  t.is((await place.run(['get', key])).stdout.toString(), 'kept')
})

test('R005-56 of a put and its repetition in a node without a daemon, neither is acknowledged', async (t) => {
  const { createNode } = await import('../../../src/dstore.ts')
  for (const taken of ['store-v3/records/data.mdb', 'daemon.lock']) {
    const dir = join(temporaryDirectory(t), 'state')
    const node = await createNode({ dir })
    const small = randomBytes(50)
    const large = randomBytes(100_000)
    await node.put(small, { name: 'small' })
    const { key } = await node.put(large)
    rmSync(join(dir, taken))
    for (const again of [
      () => node.put(small, { name: 'small' }),
      () => node.put(small),
      () => node.put(large),
      () => node.bind('small', 'small'),
      () => node.bind('large', key),
      () => node.putMany([small]),
      () => node.remove(key, { force: true }),
    ]) {
      const fault = await t.throwsAsync(again(), { instanceOf: DstoreError })
      t.is(fault.code, 'unwritable', again.toString())
    }
    await node.close()
  }
})
