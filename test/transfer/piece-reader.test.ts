import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import { concat, equal } from '../../src/bytes.ts'
import { hash } from '../../src/hash/hasher.ts'
import type { IntegrityError } from '../../src/hash/proof/integrity.ts'
import type { ByteRange } from '../../src/hash/tree/tree.ts'
import { GROUP_BYTES, PIECE_BYTES } from '../../src/limits.ts'
import { verifiedBytes, type ValueBytes } from '../../src/transfer/piece-reader.ts'
import { pattern } from '../hash/sizes.ts'

const SIZE = PIECE_BYTES + 3 * GROUP_BYTES + 100
const BYTES = pattern(SIZE)
const { digest: DIGEST, outboard: OUTBOARD } = hash(BYTES)
const WHOLE: ByteRange = { start: 0, end: SIZE }

/** A value in storage, which gives its bytes in parts of these lengths, in turns. */
function stored(
  bytes: Uint8Array,
  lengths: readonly number[] = [PIECE_BYTES],
  outboard: Uint8Array = OUTBOARD,
): ValueBytes & { readonly isClosed: boolean } {
  let isClosed = false
  return {
    size: SIZE,
    get isClosed() {
      return isClosed
    },
    async *read({ start, end }) {
      try {
        let at = start
        for (let i = 0; at < Math.min(end, bytes.length); i++) {
          const to = Math.min(end, at + lengths[i % lengths.length]!)
          yield bytes.subarray(at, to)
          at = to
        }
      } finally {
        isClosed = true
      }
    },
    outboard: async ({ start, end }) => outboard.subarray(start, end),
  }
}

interface Outcome {
  readonly parts: readonly Uint8Array[]
  readonly error: unknown
}

async function read(value: ValueBytes, range: ByteRange = WHOLE): Promise<Outcome> {
  const parts: Uint8Array[] = []
  try {
    for await (const bytes of verifiedBytes(value, DIGEST, range)) parts.push(bytes)
    return { parts, error: undefined }
  } catch (error) {
    return { parts, error }
  }
}

/** Only the value's own bytes, from its start up to `atMost`, were given out before the failure. */
function refused(t: ExecutionContext, { parts, error }: Outcome, atMost: number): void {
  const bytes = concat(parts)
  t.true(equal(bytes, BYTES.subarray(0, bytes.length)))
  t.true(bytes.length <= atMost)
  t.like(error, { code: 'integrity' })
}

test('R002-11: any range is given out exactly, however storage cuts its bytes', async (t) => {
  const lengths = fc.array(fc.integer({ min: 1, max: 3 * GROUP_BYTES }), { minLength: 1 })
  const range = fc.tuple(fc.nat(SIZE), fc.nat(SIZE)).map(([a, b]) => ({
    start: Math.min(a, b),
    end: Math.max(a, b),
  }))
  await fc.assert(
    fc.asyncProperty(lengths, range, async (cuts, { start, end }) => {
      const value = stored(BYTES, cuts)
      const { parts, error } = await read(value, { start, end })
      t.is(error, undefined)
      t.true(value.isClosed)
      t.true(equal(concat(parts), BYTES.subarray(start, end)))
    }),
    { numRuns: 30 },
  )
})

test('R002-18: bytes are given out where storage put them; only a group that it cuts is copied', async (t) => {
  const { parts } = await read(stored(BYTES, [2 * GROUP_BYTES + 1000]))
  t.true(equal(concat(parts), BYTES))
  const copies = parts.filter(({ buffer }) => buffer !== BYTES.buffer)
  t.true(copies.length > 0)
  for (const { length } of copies) t.true(length <= GROUP_BYTES)
  const whole = await read(stored(BYTES, [4 * GROUP_BYTES]))
  for (const { buffer } of whole.parts) t.is(buffer, BYTES.buffer)
})

test('R002-13: a bit that decayed, anywhere, ends the read before its group', async (t) => {
  for (const at of [0, GROUP_BYTES - 1, 5 * GROUP_BYTES, PIECE_BYTES, SIZE - 1]) {
    const decayed = BYTES.slice()
    decayed[at]! ^= 1
    const value = stored(decayed, [GROUP_BYTES])
    const outcome = await read(value)
    refused(t, outcome, Math.floor(at / GROUP_BYTES) * GROUP_BYTES)
    t.is((outcome.error as IntegrityError).flaw, 'group')
    t.true(value.isClosed)
  }
  for (const at of [0, 63, 64, OUTBOARD.length - 1]) {
    const decayed = OUTBOARD.slice()
    decayed[at]! ^= 1
    const outcome = await read(stored(BYTES, [GROUP_BYTES], decayed))
    refused(t, outcome, at < OUTBOARD.length - 3 * 64 ? 0 : PIECE_BYTES)
    t.is((outcome.error as IntegrityError).flaw, 'parent')
  }
})

test('R002-15: a value that is shorter than it was is refused', async (t) => {
  for (const length of [0, 1, GROUP_BYTES, PIECE_BYTES, PIECE_BYTES + 1, SIZE - 1]) {
    for (const cut of [1000, GROUP_BYTES, PIECE_BYTES]) {
      refused(t, await read(stored(BYTES.subarray(0, length), [cut])), length)
    }
  }
})

test('a reader who stops early ends the read below', async (t) => {
  const value = stored(BYTES, [GROUP_BYTES])
  for await (const bytes of verifiedBytes(value, DIGEST, WHOLE)) {
    t.true(bytes.length > 0)
    break
  }
  t.true(value.isClosed)
})
