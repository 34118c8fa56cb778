import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause } from '../../src/deadline.ts'
import { createMemoryJournal } from '../journal/memory-journal.ts'
import { SILENT } from '../../src/log.ts'
import { diskReplica } from '../../src/set/disk-replica.ts'
import { ALL_SET_RULES } from '../../src/set/rules.ts'
import { Standing } from '../../src/set/standing.ts'
import { MemoryBucket } from '../bucket/memory-objects.ts'
import { eventually } from '../eventually.ts'
import { test } from '../serial.ts'
import { member, open } from './members.ts'

const never = new AbortController().signal

test('R012-72: a standby that is told to loads its records again, and goes on', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'dstore-set-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  for (const name of ['a', 'b']) await mkdir(join(directory, name))
  const journal = createMemoryJournal()
  const bucket = new MemoryBucket()
  const a = member({ directory, journal, bucket, name: 'a' })
  const store = await open(a.directory, await a.set.stand(never))
  const objects = bucket.client()
  const replica = diskReplica({ directory: join(directory, 'b'), objects, log: SILENT })
  const states: string[] = []
  let [loads, position] = [0, 0]
  const standing = new Standing({
    journal,
    objects,
    replica: {
      ...replica,
      load: (signal) => {
        loads++
        return replica.load(signal)
      },
    },
    elapsed: () => performance.now(),
    sleep: (ms, signal) => pause(ms, signal ?? never),
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    log: SILENT,
    rules: ALL_SET_RULES,
    ownEpoch: 0,
    yieldMs: 0,
    beside: async () => undefined,
    onAccepted: () => undefined,
    onState: (state) => states.push(state),
    onRead: (read) => (position = read.position ?? position),
    onApplied: () => undefined,
    onFailed: () => undefined,
  })
  const running = standing.run(never)
  running.catch(() => undefined)
  const isThere = async (): Promise<boolean> => states.at(-1) === 'standby' && position > 0
  t.true(await eventually(isThere))
  t.is(loads, 0)
  standing.rebuild('because')
  t.true(await eventually(async () => loads === 1))
  position = 0
  t.true(await eventually(isThere), 'it has read the journal again')
  t.is(loads, 1)
  await standing.stop()
  await t.throwsAsync(running, { code: 'unreachable' })
  await store.close()
  await a.set.close()
  await journal.close()
})
