import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { MemberNode } from '../../../../src/daemon/process/set/member-node.ts'
import { DstoreError } from '../../../../src/errors.ts'
import { createMemoryJournal } from '../../../journal/memory-journal.ts'
import type { Journal } from '../../../../src/journal/journal.ts'
import { SILENT } from '../../../../src/log.ts'
import type { NodeSet } from '../../../../src/node/global/set/node-set.ts'
import type { ServedNode } from '../../../../src/node/node.ts'
import { openNode } from '../../../../src/node/open.ts'
import type { Elected, MemberStatus, SetMember } from '../../../../src/set/interface.ts'
import { MemoryBucket } from '../../../bucket/memory-objects.ts'
import { member as setMember } from '../../../set/members.ts'
import { temporaryDirectory } from '../../serving.ts'
import { test } from '../../../serial.ts'

interface Common {
  readonly directory: string
  readonly journal: Journal
  readonly bucket: MemoryBucket
  readonly elapsed?: () => number
}

/** A real member with a real Global, over a journal and a bucket in memory. */
function memberIn(
  t: ExecutionContext,
  { directory, journal, bucket, elapsed }: Common,
  name: string,
): MemberNode {
  mkdirSync(join(directory, name))
  const clock = elapsed === undefined ? {} : { elapsed }
  const { set } = setMember({ directory, journal, bucket, name, ...clock })
  const node = new MemberNode({
    set,
    diskBytes: undefined,
    log: SILENT,
    open: (part: NodeSet) =>
      openNode({
        dir: join(directory, name),
        role: 'global',
        store: 'disk',
        cacheBytes: 0,
        lanes: false,
        log: SILENT,
        set: part,
      }),
    onActive: async () => undefined,
  })
  t.teardown(() => node.close())
  return node
}

const bytes = (text: string): AsyncIterable<Uint8Array> => [Buffer.from(text)] as never

async function until(isIt: () => boolean): Promise<void> {
  while (!isIt()) await new Promise((resolve) => setTimeout(resolve, 10))
}

const isActive = (node: MemberNode) => () => node.refusal === undefined

test('R012-35 a step-down leaves the part to the other member, which has all; this one stands by', async (t) => {
  t.timeout(60_000)
  const directory = temporaryDirectory(t)
  const [journal, bucket] = [createMemoryJournal(), new MemoryBucket()]
  const a = memberIn(t, { directory, journal, bucket }, 'a')
  await a.start()
  await until(isActive(a))
  const { key } = await a.node.put({ bytes: bytes('kept') }, { name: 'n/1' })
  const { startedAt } = await a.node.status()
  const b = memberIn(t, { directory, journal, bucket }, 'b')
  await b.start()
  t.is(b.refusal?.code, 'unreachable')
  t.throws(() => b.node.index, { code: 'unreachable' })
  const { set, listen } = await b.node.status()
  t.deepEqual([set?.state, listen], ['standby', []])
  await t.throwsAsync(b.stepDown(), { code: 'conflict' })
  const before = a.handOver!
  t.true(before.mayServe())
  await a.stepDown()
  t.false(before.mayServe(), 'nothing of that time is handed over any more')
  await t.throwsAsync(before.serving(), { code: 'unreachable' })
  t.is(a.refusal?.code, 'unreachable')
  await until(isActive(b))
  await until(() => (void a.freshen(), a.refusal!.message.endsWith(': b is active')))
  t.is((await b.node.index.lookup('n/1'))?.key.toString(), key.toString())
  t.is((await b.node.status()).set?.takeOvers, 1)
  await b.stepDown()
  await until(isActive(a))
  t.false(before.mayServe(), 'nor in a later time of the same member')
  t.true(a.handOver!.mayServe())
  t.is((await a.node.status()).startedAt, startedAt, 'of the process')
})

test('R012-53 a member does not step down for a standby that has ended since it said so', async (t) => {
  t.timeout(60_000)
  const directory = temporaryDirectory(t)
  const [journal, bucket] = [createMemoryJournal(), new MemoryBucket()]
  const a = memberIn(t, { directory, journal, bucket }, 'a')
  await a.start()
  await until(isActive(a))
  const b = memberIn(t, { directory, journal, bucket }, 'b')
  await b.start()
  const saysStandby = async (): Promise<boolean> => {
    await a.freshen()
    const { set } = await a.node.status()
    return set!.members.some(({ name, state }) => name === 'b' && state === 'standby')
  }
  while (!(await saysStandby()));
  await b.close()
  t.true(await saysStandby(), 'its last note says so still')
  await t.throwsAsync(a.stepDown(), { code: 'conflict', message: /^no other member stands by/ })
  t.true(isActive(a)())
  t.is((await a.node.status()).set?.takeOvers, 1, 'and it was active all the time')
})

test('R012-51 a member that was active is not named once another has begun', (t) => {
  const note = { id: 'a'.repeat(16), name: 'a', state: 'active' }
  const of = (own: number, its?: number): string => {
    const { set } = fakeSet()
    const others = [{ ...note, epoch: its }]
    const status = (): unknown => ({ own: { state: 'standby' }, others, epoch: own })
    return nodeOver({ ...set, status: status as SetMember['status'] }, () => {
      throw new Error('never')
    }).refusal!.message
  }
  t.regex(of(4, 2), /no member is known to be active$/)
  t.regex(of(4, 4), /a is active$/)
  t.regex(of(4, 6), /a is active$/, 'this one has not read so far')
  t.regex(of(4), /a is active$/, 'an older version says no epoch')
})

test('R012-30 a frozen member that wakes answers nothing, and ends once another has begun', async (t) => {
  t.timeout(60_000)
  const directory = temporaryDirectory(t)
  const [journal, bucket] = [createMemoryJournal(), new MemoryBucket()]
  let frozenMs = 0
  let isAway = false
  const away = (): void => {
    if (isAway) throw new DstoreError('unreachable', 'no engine')
  }
  const ofA: Journal = {
    append: async (after, entry) => (away(), journal.append(after, entry)),
    extent: async () => (away(), journal.extent()),
    at: async (position) => (away(), journal.at(position)),
    follow: (after, signal) => journal.follow(after, signal),
    trim: (upto) => journal.trim(upto),
    close: () => journal.close(),
  }
  const a = memberIn(
    t,
    { directory, journal: ofA, bucket, elapsed: () => performance.now() + frozenMs },
    'a',
  )
  await a.start()
  await until(isActive(a))
  const handOver = a.handOver!
  t.true(handOver.mayServe())
  // The engine does not hear of it, and its own clocks have gone on: it was stopped.
  isAway = true
  frozenMs = 5_000
  t.false(handOver.mayServe())
  const waited = handOver.serving().then(
    () => 'served',
    (error: DstoreError) => error.code,
  )
  const b = memberIn(t, { directory, journal, bucket }, 'b')
  await b.start()
  await until(isActive(b))
  t.false(handOver.mayServe())
  isAway = false
  t.is((await a.ended).code, 'unwritable')
  t.is(await waited, 'unwritable')
  t.false(handOver.mayServe())
  t.not(a.refusal, undefined)
})

/** A member of which the test says what becomes of it. */
function fakeSet() {
  const state = { stands: 0, closed: 0 }
  let elect: (elected: Elected) => void = () => undefined
  let fail: (error: Error) => void = () => undefined
  const set: SetMember = {
    stand: (signal) => {
      state.stands++
      return new Promise((resolve, reject) => {
        elect = resolve
        fail = reject
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
    },
    status: () => ({ own: { state: 'standby' }, others: [] }) as unknown as MemberStatus,
    rows: () => undefined,
    addresses: () => [],
    setAddresses: () => undefined,
    freshen: async () => undefined,
    close: async () => void state.closed++,
  }
  return { set, state, elect: (one: Elected) => elect(one), fail: (error: Error) => fail(error) }
}

const elected = (lost = new Promise<DstoreError>(() => undefined)): Elected =>
  ({ epoch: 1, lost, mayServe: () => true, serving: async () => undefined }) as Elected

function nodeOver(set: SetMember, open: () => Promise<ServedNode>): MemberNode {
  const onActive = async (): Promise<void> => undefined
  return new MemberNode({ set, diskBytes: undefined, log: SILENT, open, onActive })
}

test('R012-34 a member that cannot stand by ends with the reason', async (t) => {
  const { set, fail } = fakeSet()
  const node = nodeOver(set, () => Promise.reject(new Error('never')))
  await node.start()
  fail(new DstoreError('integrity', 'the journal is behind'))
  t.is((await node.ended).code, 'integrity')
  await node.close()
})

test('R012-34 a store that another member came before is no fault: it stands by again', async (t) => {
  const { set, state, elect } = fakeSet()
  const conflict = new DstoreError('conflict', 'another came between')
  const node = nodeOver(set, () => Promise.reject(conflict))
  await node.start()
  elect(elected())
  await until(() => state.stands === 2)
  await node.close()
  t.is(state.closed, 1)
})

test('R012-36 closing ends a member at every stage: standing by, opening, active', async (t) => {
  const standing = fakeSet()
  const first = nodeOver(standing.set, () => Promise.reject(new Error('never')))
  await first.start()
  await first.close()
  t.is(standing.state.closed, 1)

  const opening = fakeSet()
  let closed = 0
  const opened = {
    status: async () => ({ listen: [] }),
    close: async () => void closed++,
  } as unknown as ServedNode
  let opens: (node: ServedNode) => void = () => undefined
  let isOpening = false
  const second = nodeOver(opening.set, () => {
    isOpening = true
    return new Promise((resolve) => (opens = resolve))
  })
  await second.start()
  opening.elect(elected())
  await until(() => isOpening)
  const closing = second.close()
  opens(opened)
  await closing
  t.deepEqual([closed, opening.state.closed], [1, 1])
})
