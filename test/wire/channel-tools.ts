/** What the suites of channels share. */
import type { ExecutionContext } from 'ava'
import { concat } from '../../src/bytes.ts'
import type { Channel } from '../../src/wire/channel.ts'

export interface ConnectedPair {
  readonly a: Channel
  readonly b: Channel
  readonly close: () => Promise<void>
}

export interface ChannelSuite {
  /** `test` or `test.serial` of ava. */
  readonly test: (title: string, body: (t: ExecutionContext) => Promise<void>) => void
  readonly name: string
  readonly create: () => Promise<ConnectedPair>
  /** At most this much lies between a writer and a reader that does not read, in bytes. */
  readonly inFlightBytes: number
  /** How many seeded runs a property gets. */
  readonly runs: number
}

/** A test with a fresh pair. */
export type PairTest = (
  title: string,
  body: (pair: ConnectedPair, t: ExecutionContext) => Promise<void>,
) => void

export function pairTest(suite: ChannelSuite): PairTest {
  return (title, body) => {
    suite.test(`${suite.name}: ${title}`, async (t) => {
      const pair = await suite.create()
      try {
        await body(pair, t)
      } finally {
        await pair.close()
      }
    })
  }
}

/** What `blocked` sends again and again. */
const BLOCKED_BYTES = 1_048_292

/** Lengths where frames, records, windows and buffers of one transport or another end. */
export const PIECES: readonly number[] = [
  1, 2, 127, 128, 16_383, 16_384, 65_507, 65_536, 262_144, 1_048_292, 1_048_577,
]

/** Bytes that show where they come from: a repeated or lost piece is seen. */
export function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 17 + seed * 101) & 0xff
  return bytes
}

/** Memory to be filled. */
export const memory = (length: number): Uint8Array => new Uint8Array(length)

/** Bytes of which no stretch is found again elsewhere: swapped ones are seen as well. */
export function noise(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4))
  let state = (seed + 1) * 2_654_435_761
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[i] = state
  }
  return new Uint8Array(words.buffer).subarray(0, length)
}

/** The first bytes that `blocked` sends. */
export function blockedBytes(length: number): Uint8Array {
  return pattern(BLOCKED_BYTES, 2).subarray(0, length)
}

export async function sendAll(channel: Channel, pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) await channel.write(piece)
  await channel.end()
}

/** Everything up to the end; before each read, wait a turn where `waits` says so. */
export async function readAll(
  channel: Channel,
  waits: readonly boolean[] = [false],
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for (let i = 0; ; i++) {
    if (waits[i % waits.length]!) await new Promise((resolve) => setTimeout(resolve, 1))
    const piece = await channel.read()
    if (piece === undefined) return concat(pieces)
    if (piece.byteLength === 0) throw new Error('an empty piece')
    // The channel may use its memory again.
    pieces.push(new Uint8Array(piece))
  }
}

/** Without printing megabytes where they differ. */
export function same(t: ExecutionContext, actual: Uint8Array, expected: Uint8Array): void {
  t.is(actual.byteLength, expected.byteLength)
  t.is(Buffer.compare(actual, expected), 0, 'other bytes')
}

/** Resolves when the channel can carry nothing more. */
export async function aborted(channel: Channel): Promise<void> {
  if (channel.signal.aborted) return
  await new Promise((resolve) => channel.signal.addEventListener('abort', resolve, { once: true }))
}

/** Writes until the channel is no more. */
export async function blocked(channel: Channel): Promise<void> {
  for (;;) await channel.write(pattern(BLOCKED_BYTES, 2))
}

/** Long enough for all that can move to have moved. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 150))
}
