import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { equal } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { activeEngine } from '../../src/hash/engine/active-engine.ts'
import { wrongGroup } from '../../src/hash/proof/group-check.ts'
import { notTheValues } from '../../src/hash/proof/piece-decoder.ts'
import { lengthOf, planPieces } from '../../src/hash/proof/piece-plan.ts'
import { bytesOf, groupsOf, sliceBytes, type ByteRange } from '../../src/hash/tree/tree.ts'
import { FETCH_RANGES, GROUP_BYTES, MIB, PIECE_BYTES } from '../../src/limits.ts'
import { fetchPieces } from '../../src/transfer/fetch.ts'
import { encodeMessage, type Message } from '../../src/transfer/message.ts'
import type { ReceiveOptions } from '../../src/transfer/piece-stream.ts'
import { within } from '../../src/transfer/piece-reader.ts'
import { encodeLength } from '../../src/wire/frames.ts'
import { TREE_SIZES, pattern } from '../hash/sizes.ts'
import { seededCuts } from '../wire/seeded.ts'
import { fails, fetched, sample, served, TestHost } from './ends.ts'

/** Trees that change, and where pieces end. */
const SIZES = [0, 1, ...TREE_SIZES, PIECE_BYTES - 1, PIECE_BYTES + 1, 3 * PIECE_BYTES + 17]

for (const size of SIZES) {
  test(`R003-5: every range of ${size} bytes arrives, whatever the cuts`, async (t) => {
    const value = sample(pattern(size))
    const host = new TestHost(value)
    const { client, end } = served(host, { recut: seededCuts(size) })
    const edges = [0, 1, GROUP_BYTES - 1, GROUP_BYTES, GROUP_BYTES + 1, size - 1, size]
    const inside = [...new Set(edges)].filter((edge) => edge >= 0 && edge <= size)
    for (const start of inside) {
      for (const stop of inside) {
        if (stop <= start && size > 0) continue
        const range = { start, end: stop }
        const sentBefore = host.sentBytes
        const got = await fetched(client, { digest: value.digest, size, ranges: [range] })
        const groups = bytesOf(groupsOf(range, size), size, GROUP_BYTES)
        t.true(equal(got.bytes, value.bytes.subarray(groups.start, groups.end)))
        t.is(got.start ?? groups.start, groups.start)
        t.is(host.sentBytes - sentBefore, sliceBytes(size, range))
      }
    }
    await client.end()
    t.is(await end, undefined)
    t.is(host.opened, host.released)
    t.is(host.allowance.usedBytes, 0)
  })
}

test('R003-123: a fetch asks for what will come, and for nothing once it came', async (t) => {
  const value = sample(pattern(2 * MIB))
  const { client } = served(new TestHost(value))
  const asked: number[] = []
  client.channel.ask = (bytes) => void asked.push(bytes)
  const ranges = [
    { start: 0, end: GROUP_BYTES },
    { start: MIB, end: 2 * MIB },
  ]
  await fetched(client, { digest: value.digest, size: value.size, ranges })
  const sent = ranges.reduce((sum, range) => sum + sliceBytes(value.size, range), 0)
  t.is(asked.length, 2)
  t.true(asked[0]! >= sent && asked[0]! < sent + MIB / 8, `${asked[0]} for ${sent}`)
  t.is(asked[1], 0)
})

test('R003-5: several ranges of one fetch come one after the other', async (t) => {
  const value = sample(pattern(MIB))
  const { client } = served(new TestHost(value))
  const ranges = Array.from({ length: FETCH_RANGES / 8 }, (_, i) => ({
    start: 2 * i * GROUP_BYTES + 1,
    end: 2 * i * GROUP_BYTES + 2,
  }))
  const request = { digest: value.digest, size: value.size, ranges }
  const got: number[] = []
  for await (const proved of fetchPieces(client, request)) {
    for (const range of ranges) {
      const bytes = within(proved, range)
      if (bytes !== undefined) got.push(...bytes)
    }
  }
  t.deepEqual(
    got,
    ranges.map(({ start }) => value.bytes[start]!),
  )
})

test('R003-6: a range that is empty or beyond the value is refused, and the channel goes on', async (t) => {
  const value = sample(pattern(100_000))
  const { client } = served(new TestHost(value))
  for (const [start, end] of [
    [5, 5],
    [99_999, 100_001],
    [100_000, 100_001],
  ] as const) {
    await client.send({ type: 'fetch', digest: value.digest, ranges: [{ start, end }] })
    await fails(t, client.expect('found'), 'range')
  }
  const whole = { start: 0, end: value.size }
  const got = await fetched(client, { digest: value.digest, size: value.size, ranges: [whole] })
  t.true(equal(got.bytes, value.bytes))
})

test('R003-7, R003-8: a node that holds a part says so, gives that, and nothing else', async (t) => {
  const value = sample(pattern(10 * GROUP_BYTES))
  const part = { start: 3 * GROUP_BYTES, end: 5 * GROUP_BYTES }
  const host = new TestHost(value, part)
  host.field.setRange({ start: 9 * GROUP_BYTES, end: value.size })
  const { client } = served(host)
  const { digest, size } = value
  const held: ByteRange[][] = []
  const onHeld = (runs: readonly ByteRange[]) => held.push([...runs])
  t.is((await fetched(client, { digest, size, ranges: [], onHeld })).bytes.byteLength, 0)
  t.deepEqual(held.pop(), [part, { start: 9 * GROUP_BYTES, end: size }])
  const got = await fetched(client, { digest, size, ranges: [part], onHeld })
  t.true(equal(got.bytes, value.bytes.subarray(part.start, part.end)))
  t.is(held.length, 1)
  const ranges = [{ start: part.start, end: part.end + 1 }]
  await fails(t, fetched(client, { digest, size, ranges }), 'not-found')
  const other = sample(pattern(5))
  await fails(t, fetched(client, { ...other, ranges: [] }), 'not-found')
  t.is(host.opened, host.released)
})

test('R003-8: of more runs than a message may name, the first are named', async (t) => {
  const value = sample(pattern((2 * FETCH_RANGES + 10) * GROUP_BYTES))
  const host = new TestHost(value, { start: 0, end: 0 })
  for (let group = 0; group < host.field.groups; group += 2) host.field.set(group)
  const { client } = served(host)
  let named = 0
  const onHeld = (runs: readonly ByteRange[]): void => void (named = runs.length)
  await fetched(client, { digest: value.digest, size: value.size, ranges: [], onHeld })
  t.is(named, FETCH_RANGES)
})

test('R003-12: a transfer cut anywhere is completed without fetching a group twice', async (t) => {
  const value = sample(pattern(20 * GROUP_BYTES + 5))
  const { digest, size } = value
  const total = sliceBytes(size, { start: 0, end: size })
  for (let cutAfterBytes = 1; cutAfterBytes < total; cutAfterBytes += 9973) {
    const held = new TestHost(value, { start: 0, end: 0 }).field
    let groups = 0
    const fetch = async (cut: { cutAfterBytes?: number }): Promise<void> => {
      const { client } = served(new TestHost(value), cut)
      const ranges = [...held.missing()]
      for await (const proved of fetchPieces(client, { digest, size, ranges })) {
        const end = proved.start + proved.bytes.byteLength
        t.true(equal(proved.bytes, value.bytes.subarray(proved.start, end)))
        groups += Math.ceil(proved.bytes.byteLength / GROUP_BYTES)
        held.setRange({ start: proved.start, end })
      }
    }
    await fails(t, fetch({ cutAfterBytes }), 'unreachable')
    await fetch({})
    t.true(held.complete)
    t.is(groups, held.groups)
  }
})

/**
 * Bytes that come before the first group of each piece, and where it ends, on a link that gives
 * this answer.
 */
function answerOf(
  size: number,
  range: ByteRange,
): { readonly groupsAt: number; readonly end: number }[] {
  const frame = (message: Message): number => {
    const { byteLength } = encodeMessage(message)
    return encodeLength(byteLength).byteLength + byteLength
  }
  let at = frame({ type: 'found', size, held: [{ start: 0, end: size }] })
  return [...planPieces(size, range)].map((piece) => {
    const length = lengthOf(piece)
    const groupsAt = at + frame({ type: 'piece', length }) + piece.proofBytes
    at += frame({ type: 'piece', length }) + length
    return { groupsAt, end: at }
  })
}

/** Where the groups end of which all bytes come before the cut. */
function provable(size: number, range: ByteRange, cutAfterBytes: number): number {
  let { start } = range
  for (const { groupsAt, end } of answerOf(size, range)) {
    const came = Math.max(0, Math.min(cutAfterBytes, end) - groupsAt)
    start += cutAfterBytes >= end ? end - groupsAt : came - (came % GROUP_BYTES)
    if (cutAfterBytes < end) break
  }
  return start
}

/** In what memory a fetch lands, and who proves it. */
const RECEIVERS: Readonly<Record<string, ReceiveOptions>> = {
  'in one place': {},
  'where it stays': { memoryFor: ({ start, end }) => new Uint8Array(end - start) },
  'where it stays, and proved elsewhere': {
    memoryFor: ({ start, end }) => new Uint8Array(end - start),
    checker: {
      check: async (memory, at, length, groups) => {
        const { buffer } = memory as Uint8Array<ArrayBuffer>
        const taken = new Uint8Array(structuredClone(buffer, { transfer: [buffer] }))
        await new Promise((resolve) => setTimeout(resolve, 1))
        const wrong = wrongGroup(taken.subarray(at, at + length), groups, activeEngine())
        if (wrong !== undefined) throw notTheValues(wrong)
        return taken
      },
    },
  },
}

for (const [where, receiver] of Object.entries(RECEIVERS)) {
  const value = sample(pattern(PIECE_BYTES + 20 * GROUP_BYTES + 5))
  const { digest, size } = value

  /** Where a fetch from there on ends, on a link that is cut after so many bytes. */
  const fetchFrom = async (
    t: ExecutionContext,
    start: number,
    cutAfterBytes: number,
  ): Promise<number> => {
    const { client } = served(new TestHost(value), { cutAfterBytes })
    let at = start
    const fetching = (async () => {
      const request = { digest, size, ranges: [{ start, end: size }], ...receiver }
      for await (const run of fetchPieces(client, request)) {
        t.is(run.start, at)
        at += run.bytes.byteLength
        t.is(Buffer.compare(run.bytes, value.bytes.subarray(run.start, at)), 0)
      }
    })()
    const [last] = answerOf(size, { start, end: size }).slice(-1)
    if (cutAfterBytes < last!.end) await fails(t, fetching, 'unreachable')
    else await fetching.catch(() => undefined)
    return at
  }

  test(`R003-12: a link that is cut again and again makes headway each time, received ${where}`, async (t) => {
    for (const cutAfterBytes of [5 * GROUP_BYTES, 67 * GROUP_BYTES + 1234]) {
      for (let start = 0; start < size;) {
        const end = provable(size, { start, end: size }, cutAfterBytes)
        t.true(end > start)
        t.is(await fetchFrom(t, start, cutAfterBytes), end)
        start = end
      }
    }
  })

  test(`R003-12: what came before a cut at the edge of a piece or a group is given, received ${where}`, async (t) => {
    const start = 3 * GROUP_BYTES
    for (const { groupsAt, end } of answerOf(size, { start, end: size })) {
      const firstGroup = groupsAt + GROUP_BYTES
      for (const edge of [groupsAt, firstGroup, end - 5 - GROUP_BYTES, end]) {
        for (const cutAfterBytes of [edge - 1, edge, edge + 1]) {
          const expected = provable(size, { start, end: size }, cutAfterBytes)
          t.is(await fetchFrom(t, start, cutAfterBytes), expected, `${cutAfterBytes}`)
        }
      }
    }
  })
}

test('R003-13: a value removed in the middle ends the transfer as removed', async (t) => {
  const value = sample(pattern(5 * MIB))
  const host = new TestHost(value)
  const { client, end } = served(host)
  host.onRead = ({ start }) => {
    if (start > 2 * MIB) host.dropped.abort(new DstoreError('removed', 'the value was removed'))
  }
  const whole = { start: 0, end: value.size }
  const request = { digest: value.digest, size: value.size, ranges: [whole] }
  await fails(t, fetched(client, request), 'removed')
  client.channel.abort(new Error('understood'))
  t.is((await end)?.code, 'removed')
  t.is(host.released, 1)
  t.is(host.allowance.usedBytes, 0)
})

test('R003-13: a read that fails in the middle arrives as its code', async (t) => {
  const value = sample(pattern(3 * MIB))
  const host = new TestHost(value)
  host.onRead = ({ start }) => {
    if (start > MIB) throw new DstoreError('integrity', 'the disk has decayed')
  }
  const { client } = served(host)
  const request = {
    digest: value.digest,
    size: value.size,
    ranges: [{ start: 0, end: value.size }],
  }
  const error = await fails(t, fetched(client, request), 'integrity')
  t.is(error?.message, 'the disk has decayed')
})

test('R003-13: every piece that was read before a failure arrives before it', async (t) => {
  const value = sample(pattern(6 * MIB))
  for (const isSlow of [false, true]) {
    const host = new TestHost(value)
    host.onRead = ({ start }) => {
      if (start >= 4 * MIB) throw new DstoreError('integrity', 'the disk has decayed')
    }
    const { client } = served(host)
    const whole = { start: 0, end: value.size }
    const request = { digest: value.digest, size: value.size, ranges: [whole] }
    let bytes = 0
    const thrown = await t.throwsAsync(async () => {
      for await (const run of fetchPieces(client, request)) {
        t.true(equal(run.bytes, value.bytes.subarray(bytes, bytes + run.bytes.byteLength)))
        bytes += run.bytes.byteLength
        // The failure is on its way before the first piece is looked at.
        const turns = isSlow ? 50 : 0
        for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
      }
    })
    t.like(thrown, { code: 'integrity', message: 'the disk has decayed' })
    t.is(bytes, 4 * MIB)
  }
})
