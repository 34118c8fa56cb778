import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { concat, equal } from '../../../src/bytes.ts'
import type { WritableFile } from '../../../src/store/disk/files.ts'
import { BufferedWriter, WRITE_BUFFER_BYTES } from '../../../src/store/disk/buffered-writer.ts'

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
    }),
    { numRuns: 50 },
  )
})

test('small pieces go in writes of one size, large ones as they are', async (t) => {
  const small = fileOf(Infinity)
  const joined = new BufferedWriter(small.file)
  for (let n = 0; n < 40; n++) await joined.append(new Uint8Array(32_768))
  await joined.seal(0o400)
  t.deepEqual(new Set(small.offered), new Set([WRITE_BUFFER_BYTES]))
  const large = fileOf(Infinity)
  await new BufferedWriter(large.file).append(new Uint8Array(3 * WRITE_BUFFER_BYTES))
  t.deepEqual(large.offered, [3 * WRITE_BUFFER_BYTES])
})
