/** One value in a file: its incarnations, and what happens to it while it is written. */
import { test } from '../../serial.ts'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
} from 'node:fs'
import { GROUP_BYTES, MIB, SEGMENT_BYTES } from '../../../src/limits.ts'
import { sameBytes } from '../../same-bytes.ts'
import { codeOf, fill, filesBelow, read, receive, sample, withTier } from './tier.ts'

test('R003-144 a change that leaves length and time of writing as they were is noticed', async (t) => {
  await withTier(64 * MIB, async ({ tier }) => {
    const one = sample(SEGMENT_BYTES, 1)
    const { path } = await fill(tier, one)
    const before = statSync(path!, { bigint: true })
    // As a writer does before and after; the last change is the only trace.
    chmodSync(path!, 0o600)
    chmodSync(path!, 0o400)
    const { size, mtimeNs, mode } = statSync(path!, { bigint: true })
    t.deepEqual([size, mtimeNs, mode], [before.size, before.mtimeNs, before.mode])
    t.is(await codeOf(() => tier.hold(tier.peek(one.key)!)), 'integrity')
    t.is(tier.peek(one.key), undefined)
  })
})

test('R003-140 a part that another process made longer gets no name', async (t) => {
  await withTier(64 * MIB, async ({ tier, directory, warnings }) => {
    const one = sample(2 * SEGMENT_BYTES, 1)
    const value = tier.prepare(one.key, one.bytes.byteLength, 1)!
    const release = value.use()
    tier.claim(value, { start: 0, end: value.size })
    await receive(value, one, { start: 0, end: SEGMENT_BYTES })
    const part = [...filesBelow(directory).keys()].find((path) =>
      path.endsWith(value.key.toString()),
    )
    appendFileSync(part!, Buffer.alloc(3 * SEGMENT_BYTES))
    const rest = { start: SEGMENT_BYTES, end: value.size }
    t.is(await codeOf(() => receive(value, one, rest)), 'integrity')
    release()
    t.is(tier.peek(one.key), undefined)
    t.is(filesBelow(directory).size, 0)
    t.is(warnings.length, 1)
  })
})

test('R003-142 a value that was put again is another entry, and an earlier one is not listed', async (t) => {
  await withTier(64 * MIB, async ({ tier }) => {
    const one = sample(GROUP_BYTES, 1)
    const before = await fill(tier, one, 3)
    const hold = await tier.hold(before)
    t.is(tier.prepare(one.key, GROUP_BYTES, 2), undefined, 'an answer about an earlier put')
    t.is(tier.prepare(one.key, GROUP_BYTES, 3), before)
    const after = tier.prepare(one.key, GROUP_BYTES, 4)!
    t.not(after, before)
    t.true(before.isDropped)
    t.true(hold.removed.aborted)
    t.is(await codeOf(() => before.use()), 'removed')
    t.is(after.held.count, 0)
    hold.release()
    tier.remove(one.key, ({ incarnation }) => incarnation < 4)
    t.is(tier.peek(one.key), after, 'the removal of the earlier one does not concern it')
    after.isVoid = true
    t.is(tier.prepare(one.key, GROUP_BYTES, 5), after, 'Global confirmed it')
    t.false(after.isVoid)
    t.is(after.incarnation, 5)
  })
})

test('R003-146 a transfer that ends while its bytes are written is charged for what it left', async (t) => {
  await withTier(64 * MIB, async ({ tier, directory }) => {
    const one = sample(4 * SEGMENT_BYTES, 1)
    const value = tier.prepare(one.key, one.bytes.byteLength, 1)!
    const release = value.use()
    t.true(tier.claim(value, { start: 0, end: value.size }))
    const whole = tier.status().usedBytes
    t.true(whole >= 4 * SEGMENT_BYTES)
    const writing = receive(value, one, { start: 0, end: SEGMENT_BYTES })
    // Nothing is held yet, and the file must not be deleted under the write.
    tier.settle(value)
    t.is(tier.status().usedBytes, whole)
    await writing
    const usedBytes = tier.status().usedBytes
    t.true(usedBytes >= SEGMENT_BYTES && usedBytes < 2 * SEGMENT_BYTES, `${usedBytes}`)
    release()
    sameBytes(t, await read(value, { start: 0, end: SEGMENT_BYTES }), one.bytes.subarray(0, MIB))
    tier.evict(one.key)
    const other = tier.prepare(one.key, one.bytes.byteLength, 1)!
    t.true(tier.claim(other, { start: 0, end: other.size }))
    tier.settle(other)
    t.is(tier.status().usedBytes, 0, 'nothing came')
    t.is(filesBelow(directory).size, 0)
    t.is(tier.peek(one.key), other)
  })
})

test('R003-142 what is written when its value is removed is not kept', async (t) => {
  await withTier(64 * MIB, async ({ tier, directory }) => {
    const one = sample(2 * SEGMENT_BYTES, 1)
    const value = tier.prepare(one.key, one.bytes.byteLength, 1)!
    const release = value.use()
    tier.claim(value, { start: 0, end: value.size })
    const writing = codeOf(() => receive(value, one))
    tier.remove(one.key)
    t.is(await writing, 'removed')
    release()
    t.is(value.held.count, 0)
    t.is(filesBelow(directory).size, 0)
    t.is(tier.status().usedBytes, 0)
    t.throws(() => value.receive().memoryFor({ start: 0, end: 1 }), { code: 'removed' })
  })
})

test('R003-156 memory that an abandoned transfer may still write to is not used again', async (t) => {
  await withTier(64 * MIB, async ({ tier }) => {
    const one = sample(2 * SEGMENT_BYTES, 1)
    const value = tier.prepare(one.key, one.bytes.byteLength, 1)!
    const release = value.use()
    tier.claim(value, { start: 0, end: value.size })
    const abandoned = value.receive()
    const late = abandoned.memoryFor({ start: 0, end: SEGMENT_BYTES })
    abandoned.end()
    const receiver = value.receive()
    const memory = receiver.memoryFor({ start: 0, end: SEGMENT_BYTES })
    t.not(memory.buffer, late.buffer)
    memory.set(one.bytes.subarray(0, SEGMENT_BYTES))
    const pairs = [{ outboardOffset: 0, bytes: one.outboard }]
    await receiver.keep({ start: 0, bytes: memory, isWhole: true, pairs })
    const next = receiver.memoryFor({ start: SEGMENT_BYTES, end: value.size })
    t.is(next.buffer, memory.buffer, 'what was written is used again')
    late.fill(0)
    next.set(one.bytes.subarray(SEGMENT_BYTES))
    await receiver.keep({ start: SEGMENT_BYTES, bytes: next, isWhole: true, pairs: [] })
    receiver.end()
    tier.settle(value)
    release()
    sameBytes(t, readFileSync(value.path!), one.bytes)
  })
})

test('R003-146 what is evicted while it is received takes no more room, and is read as far as it came', async (t) => {
  await withTier(64 * MIB, async ({ tier, directory }) => {
    const one = sample(3 * SEGMENT_BYTES, 1)
    const value = tier.prepare(one.key, one.bytes.byteLength, 1)!
    const release = value.use()
    tier.claim(value, { start: 0, end: value.size })
    await receive(value, one, { start: 0, end: SEGMENT_BYTES })
    const writing = codeOf(() => receive(value, one, { start: SEGMENT_BYTES, end: value.size }))
    tier.evict(one.key)
    t.is(await writing, 'no-space')
    t.is(filesBelow(directory).size, 0)
    const first = await read(value, { start: 0, end: SEGMENT_BYTES })
    sameBytes(t, first, one.bytes.subarray(0, SEGMENT_BYTES))
    release()
    t.is(tier.status().usedBytes, 0)
  })
})

test('R003-146 a transfer that begins while the last one is written keeps its room', async (t) => {
  await withTier(64 * MIB, async ({ tier }) => {
    const one = sample(4 * SEGMENT_BYTES, 1)
    const value = tier.prepare(one.key, one.bytes.byteLength, 1)!
    const release = value.use()
    tier.claim(value, { start: 0, end: SEGMENT_BYTES })
    const writing = receive(value, one, { start: 0, end: SEGMENT_BYTES })
    tier.settle(value)
    t.true(tier.claim(value, { start: 0, end: value.size }))
    const { usedBytes } = tier.status()
    await writing
    t.is(tier.status().usedBytes, usedBytes)
    tier.settle(value)
    t.true(tier.status().usedBytes < usedBytes)
    release()
  })
})

test('R003-141 an unfinished value is read while its outboard grows', async (t) => {
  await withTier(64 * MIB, async ({ tier }) => {
    const one = sample(3 * SEGMENT_BYTES, 1)
    const value = tier.prepare(one.key, one.bytes.byteLength, 1)!
    tier.claim(value, { start: 0, end: value.size })
    const served = value.served(value.dropped, value.use())
    // The root, the left half, and what is below its left half; then the others.
    const firstPairs = (2 + 63) * 64
    const parts = [
      { start: 0, end: SEGMENT_BYTES, from: 0, to: firstPairs },
      { start: SEGMENT_BYTES, end: value.size, from: firstPairs, to: one.outboard.byteLength },
    ]
    const receiver = value.receive()
    for (const { start, end, from, to } of parts) {
      const pairs = [{ outboardOffset: from, bytes: one.outboard.subarray(from, to) }]
      const bytes = one.bytes.slice(start, end)
      await receiver.keep({ start, bytes, isWhole: false, pairs })
      const got: Uint8Array[] = []
      for await (const some of served.read({ start, end })) got.push(some)
      sameBytes(t, Buffer.concat(got), bytes)
    }
    receiver.end()
    served.release(false)
  })
})

test('R003-140 what a second source sends of a whole value is not written to its file', async (t) => {
  await withTier(64 * MIB, async ({ tier }) => {
    const one = sample(2 * SEGMENT_BYTES, 1)
    const value = await fill(tier, one)
    const { mtimeNs } = statSync(value.path!, { bigint: true })
    const release = value.use()
    await receive(value, one)
    release()
    t.is(statSync(value.path!, { bigint: true }).mtimeNs, mtimeNs)
    ;(await tier.hold(value)).release()
    t.is(tier.peek(one.key), value)
  })
})

test('R003-144 a file that is only held or pinned has no descriptor', async (t) => {
  await withTier(8 * MIB, async ({ tier, directory }) => {
    const value = await fill(tier, sample(MIB, 1))
    const open = (): string[] =>
      readdirSync('/proc/self/fd').flatMap((fd) => {
        try {
          const path = readlinkSync(`/proc/self/fd/${fd}`)
          return path.startsWith(directory) ? [path] : []
        } catch {
          // That of this very listing.
          return []
        }
      })
    const pinned = value.use()
    const held = await tier.hold(value)
    t.is((await read(value)).byteLength, MIB)
    if (existsSync('/proc/self/fd')) t.deepEqual(open(), [])
    // What is evicted meanwhile can still be read.
    tier.evict(value.key)
    t.is((await read(value)).byteLength, MIB)
    held.release()
    pinned()
    if (existsSync('/proc/self/fd')) t.deepEqual(open(), [])
  })
})
