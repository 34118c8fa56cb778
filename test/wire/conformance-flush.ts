/**
 * What every channel promises with `flush`: nothing that was written is read from its memory any
 * more.
 */
import * as fc from 'fast-check'
import { concat } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import type { Channel } from '../../src/wire/channel.ts'
import {
  aborted,
  blocked,
  noise,
  pairTest,
  readAll,
  same,
  settle,
  type ChannelSuite,
} from './channel-tools.ts'

/** Everything up to the end; a piece is looked at only just before the next is asked for. */
async function readLate(channel: Channel): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (let i = 0; ; i++) {
    const piece = await channel.read()
    if (piece === undefined) return concat(parts)
    if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    else await new Promise((resolve) => setImmediate(resolve))
    parts.push(new Uint8Array(piece))
  }
}

/** Rejects where it is never over. */
async function over<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const never = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('it is never over')), 60_000)
  })
  try {
    return await Promise.race([work, never])
  } finally {
    clearTimeout(timer)
  }
}

/** Writes these arrays, as one or one by one, and forgets them as soon as the channel has. */
async function sendAndForget(
  channel: Channel,
  arrays: readonly Uint8Array[],
  isOneWrite: boolean,
): Promise<void> {
  // These are not awaited: `flush` waits for everything that was written.
  if (isOneWrite) void channel.write(arrays).catch(() => undefined)
  else for (const bytes of arrays) void channel.write(bytes).catch(() => undefined)
  await channel.flush()
  for (const bytes of arrays) bytes.fill(0xee)
}

export function flushSuite(suite: ChannelSuite): void {
  const { name, runs } = suite
  const test = pairTest(suite)

  test('memory that was flushed is the writer’s again', async ({ a, b }, t) => {
    const lengths = [1, 70_000, 100, 1_048_577, 65_535, 65_536, 5]
    const memory = lengths.map((length) => new Uint8Array(length))
    const expected: Uint8Array[] = []
    const receiving = readLate(b)
    for (const round of [0, 1, 2]) {
      for (const [i, bytes] of memory.entries()) {
        bytes.set(noise(bytes.byteLength, round * 10 + i))
        expected.push(bytes.slice())
      }
      await sendAndForget(a, memory, round === 1)
    }
    await a.end()
    same(t, await receiving, concat(expected))
  })

  test('memory that was flushed is the writer’s again, though the reader comes late', async ({
    a,
    b,
  }, t) => {
    const memory = [100, 70_000, 3_000_000].map((length, i) => noise(length, i))
    const expected = memory.map((bytes) => bytes.slice())
    const sending = (async () => {
      for (const bytes of memory) await sendAndForget(a, [bytes], true)
      await a.end()
    })()
    await settle()
    same(t, await readAll(b), concat(expected))
    await sending
  })

  test('who writes nothing waits for nothing', async ({ a, b }, t) => {
    await over(a.flush())
    await a.write(new Uint8Array(0))
    await over(a.flush())
    const receiving = readAll(b)
    await a.write(noise(10, 1))
    await a.end()
    await over(a.flush())
    same(t, await receiving, noise(10, 1))
  })

  test('several who wait for a flush are all told, also where more is written meanwhile', async ({
    a,
    b,
  }, t) => {
    const sent = [600_000, 200_000, 10, 300_000].map((length, i) => noise(length, i))
    const receiving = readAll(b)
    for (let round = 0; round < 3; round++) {
      const waiting: Promise<void>[] = []
      for (const bytes of sent) {
        waiting.push(a.write(bytes), a.flush(), a.flush())
        // One who begins to write while others wait for what was written before.
        await new Promise((resolve) => setImmediate(resolve))
      }
      await over(Promise.all(waiting))
    }
    await a.end()
    same(t, await receiving, concat(Array<Uint8Array[]>(3).fill(sent).flat()))
  })

  for (const side of ['this', 'the other'] as const) {
    test(`an abort of ${side} side frees all who wait for a flush`, async ({ a, b }, t) => {
      const writing = blocked(a).catch((error: unknown) => error)
      await settle()
      const flushing = [a.flush(), a.flush()].map((flush) => flush.catch((error: unknown) => error))
      await new Promise((resolve) => setImmediate(resolve))
      const end = side === 'this' ? a : b
      end.abort(new DstoreError('cancelled', 'enough'))
      for (const failed of await over(Promise.all([writing, ...flushing]))) {
        t.is(failed, a.signal.reason)
        t.true(failed instanceof DstoreError)
      }
      await t.throwsAsync(a.flush(), { is: a.signal.reason as Error })
    })
  }

  test('a channel that is closed has nothing more to flush, and says why', async ({ a, b }, t) => {
    a.abort(new Error('enough'))
    await t.throwsAsync(a.flush(), { is: a.signal.reason as Error })
    await aborted(b)
    await t.throwsAsync(b.flush(), { is: b.signal.reason as Error })
  })

  suite.test(`${name}: any memory that was flushed may be written to`, async (t) => {
    const writes = fc.array(
      fc.record({
        lengths: fc.array(fc.oneof(fc.nat(300), fc.nat(100_000)), { minLength: 1, maxLength: 4 }),
        isOneWrite: fc.boolean(),
      }),
      { maxLength: 5 },
    )
    await fc.assert(
      fc.asyncProperty(writes, fc.boolean(), async (writes, isLate) => {
        const { a, b, close } = await suite.create()
        try {
          const receiving = isLate ? readLate(b) : readAll(b)
          const expected: Uint8Array[] = []
          for (const [i, { lengths, isOneWrite }] of writes.entries()) {
            const arrays = lengths.map((length, j) => noise(length, 10 * i + j))
            expected.push(...arrays.map((bytes) => bytes.slice()))
            await sendAndForget(a, arrays, isOneWrite)
          }
          await a.end()
          same(t, await receiving, concat(expected))
        } finally {
          await close()
        }
      }),
      { numRuns: Math.ceil(runs / 2) },
    )
  })
}
