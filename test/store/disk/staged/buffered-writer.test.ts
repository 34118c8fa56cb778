import { test } from '../../../serial.ts'
import * as fc from 'fast-check'
import { concat, equal } from '../../../../src/bytes.ts'
import { WRITE_AHEAD_BYTES } from '../../../../src/limits.ts'
import type { WritableFile } from '../../../../src/store/disk/files.ts'
import {
  BufferedWriter,
  WRITE_BUFFER_BYTES,
} from '../../../../src/store/disk/staged/buffered-writer.ts'

/** Accepts a limited number of bytes of each write, and records how many it was offered. */
function fileOf(mostBytes: number) {
  const taken: Uint8Array[] = []
  const offered: number[] = []
  const calls: string[] = []
  const file: WritableFile = {
    write: async (bytes) => {
      offered.push(bytes.byteLength)
      taken.push(bytes.slice(0, mostBytes))
      return Math.min(mostBytes, bytes.byteLength)
    },
    copyFrom: () => Promise.reject(new Error('no files here')),
    setMode: async (mode) => void calls.push(`mode ${mode.toString(8)}`),
    sync: async () => void calls.push('sync'),
    close: async () => void calls.push('close'),
  }
  return { file, taken, offered, calls }
}

const PIECE = fc.oneof(
  fc.nat(100),
  fc.nat(40_000),
  fc.constantFrom(WRITE_BUFFER_BYTES - 1, WRITE_BUFFER_BYTES, WRITE_BUFFER_BYTES + 1),
  fc.nat(1_000_000),
)

test('what is appended is what is written, in whatever pieces it comes and however little a write takes', async (t) => {
  const runs = fc.record({
    lengths: fc.array(PIECE, { maxLength: 12 }),
    mostBytes: fc.constantFrom(70_001, Infinity),
  })
  await fc.assert(
    fc.asyncProperty(runs, async ({ lengths, mostBytes }) => {
      const { file, taken, calls } = fileOf(mostBytes)
      const joined = new BufferedWriter(file)
      const pieces = lengths.map((length, n) => new Uint8Array(length).fill(n + 1))
      for (const piece of pieces) {
        const lent = piece.slice()
        await joined.append(lent)
        lent.fill(0xff)
      }
      await joined.seal(0o400)
      t.true(equal(concat(taken), concat(pieces)))
      t.deepEqual(calls, ['mode 400', 'sync'])
      await joined.close()
    }),
    { numRuns: 50 },
  )
})

test('R005-69: pieces of any size go in writes of one size', async (t) => {
  const small = fileOf(Infinity)
  const joined = new BufferedWriter(small.file)
  for (let n = 0; n < 40; n++) await joined.append(new Uint8Array(32_768))
  await joined.seal(0o400)
  t.deepEqual(new Set(small.offered), new Set([WRITE_BUFFER_BYTES]))
  const large = fileOf(Infinity)
  const second = new BufferedWriter(large.file)
  await second.append(new Uint8Array(3 * WRITE_BUFFER_BYTES))
  await second.flush()
  t.deepEqual(
    large.offered,
    [1, 2, 3].map(() => WRITE_BUFFER_BYTES),
  )
  for (const writer of [joined, second]) await writer.close()
})

/** A file whose writes wait until the test lets them end, or fail. */
function heldFile() {
  const { file, taken, calls } = fileOf(Infinity)
  const held: { readonly pass: () => void; readonly fail: (reason: unknown) => void }[] = []
  const write: WritableFile['write'] = async (bytes) => {
    await new Promise<void>((pass, fail) => held.push({ pass, fail }))
    return file.write(bytes)
  }
  return { file: { ...file, write }, taken, calls, held }
}

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10))

/** Appends buffers of bytes 1, 2, 3 and so on, until one has to wait; gives their number. */
async function appendUntilHeld(writer: BufferedWriter): Promise<number> {
  for (let n = 1; ; n++) {
    const append = writer.append(new Uint8Array(WRITE_BUFFER_BYTES).fill(n))
    append.catch(() => undefined)
    const isDone = await Promise.race([append.then(() => true), soon().then(() => false)])
    if (!isDone) return n - 1
  }
}

test('R005-69: four buffers are filled and written at once, then an append waits', async (t) => {
  const { file, taken, held } = heldFile()
  const writer = new BufferedWriter(file)
  t.is(await appendUntilHeld(writer), 4)
  t.is(held.length, 1, 'one write at a time')
  for (let done = 0; done < 5; done++) {
    held[done]!.pass()
    await soon()
  }
  await writer.flush()
  const expected = [1, 2, 3, 4, 5].map((n) => new Uint8Array(WRITE_BUFFER_BYTES).fill(n))
  t.true(equal(concat(taken), concat(expected)))
  await writer.close()
})

test('R005-69: all files together have a bound, and each has one buffer beyond it', async (t) => {
  const files = Array.from({ length: 40 }, heldFile)
  const writers = files.map(({ file }) => new BufferedWriter(file))
  const held = await Promise.all(writers.map(appendUntilHeld))
  const buffers = held.reduce((sum, count) => sum + count, 0)
  t.is(buffers, WRITE_AHEAD_BYTES / WRITE_BUFFER_BYTES + writers.length)
  const closed = writers.map((writer) => writer.close())
  for (const { held: writes } of files) writes[0]!.pass()
  await Promise.all(closed)
  const after = heldFile()
  const writer = new BufferedWriter(after.file)
  t.is(await appendUntilHeld(writer), 4, 'what was closed gave its buffers back')
  const ended = writer.close()
  after.held[0]!.pass()
  await ended
})

test('R005-32, R005-69: a write that fails beside the caller fails the next call, and no later one is made', async (t) => {
  const { file, held } = heldFile()
  const writer = new BufferedWriter(file)
  for (let n = 0; n < 3; n++) await writer.append(new Uint8Array(WRITE_BUFFER_BYTES))
  const reason = new Error('full')
  await soon()
  held[0]!.fail(reason)
  await soon()
  t.is(await t.throwsAsync(writer.append(new Uint8Array(1))), reason)
  t.is(await t.throwsAsync(writer.seal(0o400)), reason)
  t.is(held.length, 1)
  await writer.close()
})

test('R005-69: a file is closed when the write in progress has ended, and what waits is not written', async (t) => {
  const { file, held, calls } = heldFile()
  const writer = new BufferedWriter(file)
  for (let n = 0; n < 3; n++) await writer.append(new Uint8Array(WRITE_BUFFER_BYTES))
  await soon()
  const closed = writer.close()
  await soon()
  t.deepEqual(calls, [])
  held[0]!.pass()
  await closed
  t.deepEqual(calls, ['close'])
  t.is(held.length, 1)
})
