import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { pause } from '../../src/deadline.ts'
import { DstoreError } from '../../src/errors.ts'
import { createMemoryJournal } from '../journal/memory-journal.ts'
import { SET_LOOK_MS } from '../../src/limits.ts'
import { SILENT } from '../../src/log.ts'
import { diskReplica } from '../../src/set/disk-replica.ts'
import { ALL_SET_RULES } from '../../src/set/rules.ts'
import type { Furthest } from '../../src/set/same-set.ts'
import { Standing } from '../../src/set/standing.ts'
import { MemoryBucket } from '../bucket/memory-objects.ts'
import { eventually } from '../eventually.ts'
import { test } from '../serial.ts'
import { member, open } from './members.ts'

const never = new AbortController().signal

test('R012-72: a standby that is told to loads its records again, and goes on', async (t) => {
  const { standing, running, seen, end } = await beside(t)
  t.true(await eventually(seen.isThere))
  t.is(seen.loads, 0)
  standing.rebuild('because')
  t.true(await eventually(async () => seen.loads === 1))
  seen.position = 0
  t.true(await eventually(seen.isThere), 'it has read the journal again')
  t.is(seen.loads, 1)
  await standing.stop()
  await t.throwsAsync(running, { code: 'unreachable' })
  await end()
})

test('R012-8: a bucket that is away while the records are loaded again is waited for', async (t) => {
  const { standing, running, seen, end } = await beside(t)
  t.true(await eventually(seen.isThere))
  seen.isAway = true
  standing.rebuild('because')
  t.true(await eventually(async () => seen.loads === 2))
  t.is(seen.state, 'joining')
  seen.isAway = false
  t.true(await eventually(seen.isThere))
  await standing.stop()
  await t.throwsAsync(running, { code: 'unreachable', message: 'the member of the set is closed' })
  await end()
})

test('R012-3: a journal that ends before what another member has said to have is refused', async (t) => {
  const { running, seen, end } = await beside(t)
  t.true(await eventually(seen.isThere))
  seen.furthest = { name: 'a', position: 1000 }
  const error = await t.throwsAsync(running, { code: 'integrity' })
  t.regex(error.message, /ends at entry \d+: the member a has said that it has entry 1000$/)
  await end()
})

test('R012-4: a standby that reads a farewell takes over without waiting for its next look', async (t) => {
  const { running, seen, end } = await beside(t)
  t.true(await eventually(seen.isThere))
  seen.lookMs = 60_000
  // Longer than the look that it may be waiting for.
  await pause(2 * SET_LOOK_MS, never)
  const began = performance.now()
  await end()
  t.is((await running).kind, 'farewell')
  t.true(performance.now() - began < 10_000)
})

/** One that stands by beside an active member. */
async function beside(t: ExecutionContext) {
  const directory = await mkdtemp(join(tmpdir(), 'dstore-set-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  for (const name of ['a', 'b']) await mkdir(join(directory, name))
  const journal = createMemoryJournal()
  t.teardown(() => journal.close())
  const bucket = new MemoryBucket()
  const a = member({ directory, journal, bucket, name: 'a' })
  const store = await open(a.directory, await a.set.stand(never))
  const objects = bucket.client()
  const replica = diskReplica({ directory: join(directory, 'b'), objects, log: SILENT })
  const seen = {
    state: 'joining',
    loads: 0,
    position: 0,
    isAway: false,
    furthest: undefined as Furthest | undefined,
    /** How long it waits from one look to the next. */
    lookMs: SET_LOOK_MS,
    isThere: async (): Promise<boolean> => seen.state === 'standby' && seen.position > 0,
  }
  const standing = new Standing({
    journal,
    objects,
    replica: {
      ...replica,
      load: async (signal) => {
        seen.loads++
        if (seen.isAway) throw new DstoreError('unreachable', 'the bucket is away')
        return replica.load(signal)
      },
    },
    elapsed: () => performance.now(),
    sleep: (ms, signal) => pause(ms === SET_LOOK_MS ? seen.lookMs : ms, signal ?? never),
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    log: SILENT,
    rules: ALL_SET_RULES,
    ownEpoch: 0,
    yieldMs: 0,
    furthest: () => seen.furthest,
    beside: async () => undefined,
    onAccepted: () => undefined,
    onState: (state) => (seen.state = state),
    onRead: ({ position }) => (seen.position = position ?? seen.position),
    onApplied: () => undefined,
    onFailed: () => undefined,
  })
  const running = standing.run(never)
  running.catch(() => undefined)
  const end = async (): Promise<void> => {
    await store.close()
    await a.set.close()
  }
  return { standing, running, seen, end }
}
