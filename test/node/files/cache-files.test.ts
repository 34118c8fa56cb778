/** The tier of files: what is written, under which names, and what it costs. */
import { test } from '../../serial.ts'
import {
  existsSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  chmodSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { DstoreError } from '../../../src/errors.ts'
import { GROUP_BYTES, MIB, SEGMENT_BYTES } from '../../../src/limits.ts'
import { sameBytes } from '../../same-bytes.ts'
import { codeOf, fill, filesBelow, read, receive, sample, withTier } from './tier.ts'

const SIZES = [0, 1, GROUP_BYTES, GROUP_BYTES + 1, SEGMENT_BYTES, 3 * SEGMENT_BYTES + 5]

test('R003-140 a file holds exactly the value, mode 0400, under the name of its key', async (t) => {
  await withTier(64 * MIB, async ({ tier }) => {
    for (const [i, size] of SIZES.entries()) {
      const one = sample(size, i + 1)
      const value = await fill(tier, one)
      t.true(value.isWhole)
      t.is(basename(value.path!), one.key.toString())
      sameBytes(t, readFileSync(value.path!), one.bytes)
      t.is(statSync(value.path!).mode & 0o777, 0o400)
      sameBytes(t, await read(value), one.bytes)
    }
  })
})

test('R003-141 an unfinished value has no name that another process may open', async (t) => {
  await withTier(64 * MIB, async ({ tier, directory }) => {
    const one = sample(3 * SEGMENT_BYTES)
    const value = tier.prepare(one.key, one.bytes.byteLength, 1)!
    t.is(filesBelow(directory).size, 0, 'to prepare takes nothing')
    t.is(tier.status().usedBytes, 0)
    const range = { start: SEGMENT_BYTES, end: 2 * SEGMENT_BYTES }
    t.true(tier.claim(value, range))
    await receive(value, one, range)
    tier.settle(value)
    t.false(value.isWhole)
    t.is(value.path, undefined)
    t.is(await codeOf(() => tier.hold(value)), 'no-space')
    for (const [path, mode] of filesBelow(directory)) {
      t.notRegex(path, /\/values\//)
      t.is(mode, 0o600)
    }
    sameBytes(t, await read(value, range), one.bytes.subarray(range.start, range.end))
    await fill(tier, one)
    t.true(value.isWhole)
    sameBytes(t, readFileSync(value.path!), one.bytes)
  })
})

test('R003-142 a removal unlinks before it returns, and ends readers', async (t) => {
  await withTier(64 * MIB, async ({ tier, directory }) => {
    const one = sample(3 * SEGMENT_BYTES)
    const value = await fill(tier, one)
    const hold = await tier.hold(value)
    const served = value.served(value.dropped, value.use())
    const reading = served.read({ start: 0, end: value.size })[Symbol.asyncIterator]()
    t.false((await reading.next()).done)
    tier.remove(one.key)
    t.is(filesBelow(directory).size, 0)
    t.true(hold.removed.aborted)
    t.is(await codeOf(() => reading.next()), 'removed')
    t.is(await codeOf(() => tier.hold(value)), 'removed')
    hold.release()
    t.is(tier.status().usedBytes, 0)
  })
})

test('readers of a value that is evicted may finish', async (t) => {
  await withTier(64 * MIB, async ({ tier, directory }) => {
    const one = sample(3 * SEGMENT_BYTES)
    const value = await fill(tier, one)
    const release = value.use()
    t.is(tier.evict(one.key), value.size)
    t.is(filesBelow(directory).size, 0)
    t.is(tier.peek(one.key), undefined)
    sameBytes(t, await read(value), one.bytes)
    release()
    t.is(await codeOf(() => value.use()), 'cancelled')
  })
})

test('R003-143 the least recently used file that nothing uses is evicted first', async (t) => {
  await withTier(4 * MIB, async ({ tier }) => {
    const [a, b, c, d] = [1, 2, 3, 4].map((i) => sample(SEGMENT_BYTES, i))
    const first = await fill(tier, a!)
    await fill(tier, b!)
    await fill(tier, c!)
    const hold = await tier.hold(first)
    await fill(tier, d!)
    t.deepEqual(
      [a, b, c, d].map((one) => tier.peek(one!.key)?.isWhole),
      [true, undefined, true, true],
    )
    t.true(existsSync(hold.path))
    t.is(tier.status().heldBytes, SEGMENT_BYTES)
    t.is(tier.status().evictions, 1)
    const holds = [hold, await tier.hold(tier.peek(c!.key)!), await tier.hold(tier.peek(d!.key)!)]
    t.is(tier.prepare(b!.key, SEGMENT_BYTES, 1), undefined, 'all others are held')
    for (const one of holds) one.release()
    t.truthy(await fill(tier, b!))
    t.is(tier.status().heldBytes, 0)
  })
})

const CHANGES: readonly (readonly [what: string, change: (path: string) => void])[] = [
  ['cut', (path) => truncateSync(path, SEGMENT_BYTES)],
  [
    'changed',
    (path) => {
      const bytes = readFileSync(path)
      bytes[2 * SEGMENT_BYTES]! ^= 1
      writeFileSync(path, bytes)
    },
  ],
  ['deleted', (path) => rmSync(path)],
]

for (const [what, change] of CHANGES) {
  test(`R003-144 a file that was ${what} gives no wrong byte, and is not held`, async (t) => {
    await withTier(64 * MIB, async ({ tier, warnings }) => {
      const one = sample(3 * SEGMENT_BYTES)
      for (const how of ['read', 'held'] as const) {
        const value = await fill(tier, one)
        const path = value.path!
        chmodSync(path, 0o600)
        change(path)
        const code = await codeOf(() => (how === 'read' ? read(value) : tier.hold(value)))
        t.is(code, 'integrity', how)
        t.is(tier.peek(one.key), undefined)
        t.false(existsSync(path))
      }
      t.is(warnings.length, 2)
      t.is(warnings[0]![1]?.['key'], one.key.toString())
    })
  })
}

test('R003-145 a folder that is moved away leaves no path to a file, and ends holds', async (t) => {
  await withTier(64 * MIB, async ({ tier, directory }) => {
    const one = sample(3 * SEGMENT_BYTES)
    const value = await fill(tier, one)
    const hold = await tier.hold(value)
    const release = value.use()
    const served = value.served(value.dropped, release)
    const reading = served.read({ start: 0, end: value.size })[Symbol.asyncIterator]()
    await reading.next()
    const reason = new DstoreError('not-permitted', 'no member any more')
    tier.moveAway(reason)
    t.false(existsSync(hold.path))
    t.is(hold.removed.reason, reason)
    t.false((await reading.next()).done, 'readers go on')
    await reading.return?.()
    hold.release()
    release()
    sameBytes(t, readFileSync(value.path!), one.bytes)
    const again = await tier.hold(value)
    t.true(again.path.startsWith(tier.folder))
    again.release()
    const modes = readdirSync(directory).map((name) => statSync(join(directory, name)).mode & 0o777)
    t.deepEqual(modes, [0o700])
  })
})

test('R003-146 room that is reserved for other files counts against the budget', async (t) => {
  await withTier(4 * MIB, async ({ tier }) => {
    const one = sample(SEGMENT_BYTES, 1)
    await fill(tier, one)
    const release = tier.reserve(3.5 * MIB)!
    t.is(tier.peek(one.key), undefined, 'it was evicted')
    t.is(tier.status().usedBytes, 3.5 * MIB)
    t.is(tier.headroomBytes, 0.5 * MIB)
    t.is(tier.reserve(MIB), undefined)
    release()
    release()
    t.is(tier.status().usedBytes, 0)
    t.is(tier.headroomBytes, 4 * MIB)
  })
})

test('R003-143 what was used later stays', async (t) => {
  await withTier(3.5 * MIB, async ({ tier }) => {
    const [a, b, c, d] = [1, 2, 3, 4].map((i) => sample(SEGMENT_BYTES, i))
    for (const one of [a, b, c]) await fill(tier, one!)
    t.is(tier.get(a!.key), tier.peek(a!.key))
    t.is(tier.get(d!.key), undefined)
    await fill(tier, d!)
    t.deepEqual(
      [a, b, c, d].map((one) => tier.peek(one!.key)?.isWhole),
      [true, undefined, true, true],
    )
  })
})

test('R003-143 what is wanted of a value beyond the budget evicts nothing, and a part of it may stay', async (t) => {
  await withTier(4.5 * MIB, async ({ tier }) => {
    const small = sample(SEGMENT_BYTES, 1)
    await fill(tier, small)
    const size = 64 * SEGMENT_BYTES
    const value = tier.prepare(sample(1, 2).key, size, 1)!
    const part = { start: 8 * SEGMENT_BYTES, end: 9 * SEGMENT_BYTES }
    const all = { start: 0, end: size }
    const first = { start: 0, end: SEGMENT_BYTES }
    t.false(tier.claim(value, first, () => [all]))
    t.true(tier.claim(value, part, () => [part]))
    t.false(
      tier.claim(value, first, () => [all, part]),
      'also once it has a part',
    )
    t.truthy(tier.peek(small.key))
  })
})

test('R003-143 a value does not make room for itself', async (t) => {
  await withTier(3.5 * MIB, async ({ tier }) => {
    const one = sample(3 * SEGMENT_BYTES, 1)
    const value = tier.prepare(one.key, one.bytes.byteLength, 1)!
    const first = { start: 0, end: SEGMENT_BYTES }
    t.true(tier.claim(value, first))
    await receive(value, one, first)
    tier.settle(value)
    const other = await fill(tier, sample(2 * SEGMENT_BYTES, 2))
    t.is(tier.status().values, 2)
    // It was used longest ago, and nothing uses it.
    t.true(tier.claim(value, { start: SEGMENT_BYTES, end: 2 * SEGMENT_BYTES }))
    t.is(tier.peek(one.key), value)
    t.is(tier.peek(other.key), undefined)
    t.true(tier.reserve(SEGMENT_BYTES) !== undefined)
  })
})

test('R003-146 the number of values is bounded, too', async (t) => {
  await withTier(
    64 * MIB,
    async ({ tier }) => {
      const some = [1, 2, 3, 4, 5].map((i) => sample(GROUP_BYTES, i))
      for (const one of some) await fill(tier, one)
      t.deepEqual(
        some.map(({ key }) => tier.peek(key) !== undefined),
        [false, false, true, true, true],
      )
      const large = tier.prepare(sample(1, 9).key, 3 * SEGMENT_BYTES, 1)!
      t.true(tier.claim(large, { start: 0, end: SEGMENT_BYTES }))
      t.true(tier.claim(large, { start: 0, end: 3 * SEGMENT_BYTES }))
      t.is(tier.status().values, 3, 'one that has room needs no other')
      tier.evict(large.key)
      await fill(tier, some[2]!)
      const held = await Promise.all([...tier.values()].map((value) => tier.hold(value)))
      const value = tier.prepare(some[0]!.key, GROUP_BYTES, 1)!
      t.false(tier.claim(value, { start: 0, end: GROUP_BYTES }))
      for (const hold of held) hold.release()
    },
    { mostFiles: 3 },
  )
})
