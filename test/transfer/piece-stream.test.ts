import type { GroupChecker } from '../../src/hash/proof/group-check.ts'
import { test } from '../serial.ts'
import { equal } from '../../src/bytes.ts'
import { activeEngine } from '../../src/hash/engine/active-engine.ts'
import { wrongGroup, type ExpectedGroups } from '../../src/hash/proof/group-check.ts'
import { notTheValues } from '../../src/hash/proof/piece-decoder.ts'
import { sliceBytes, type ByteRange } from '../../src/hash/tree/tree.ts'
import { GROUP_BYTES, PIECES_AHEAD, PIECE_BYTES, PROOF_THREAD_BYTES } from '../../src/limits.ts'
import {
  receivePieces,
  type ReceiveOptions,
  type VerifiedRun,
} from '../../src/transfer/piece-stream.ts'
import type { TransferChannel } from '../../src/transfer/transfer-channel.ts'
import { pattern } from '../hash/sizes.ts'
import { encodePieces, sample, scripted, sendPieces, type Sample } from './ends.ts'

const VALUE = sample(pattern(3 * PIECE_BYTES + 10 * GROUP_BYTES + 100))
const WHOLE: ByteRange = { start: 0, end: VALUE.size }
const TRUTH = encodePieces(VALUE, WHOLE)

/** A peer that sends these pieces at once. */
function sending(pieces: readonly Uint8Array[]): TransferChannel {
  return scripted((peer) => sendPieces(peer, pieces))
}

/** Memory of its own for everything that lands; tells what for. */
function ownMemory(asked: ByteRange[] = []): Required<Pick<ReceiveOptions, 'memoryFor'>> {
  return {
    memoryFor: (data) => {
      asked.push(data)
      return new Uint8Array(data.end - data.start)
    },
  }
}

/** Proves elsewhere, as a thread does: takes the memory away, and answers later. */
class TestChecker implements GroupChecker {
  readonly lengths: number[] = []
  most = 0
  readonly #together: number
  #waiting: (() => void)[] = []
  #inFlight = 0

  /** `together`: it answers so many at once, the last first. */
  constructor(together = 1) {
    this.#together = together
  }

  async check(
    memory: Uint8Array,
    at: number,
    length: number,
    groups: ExpectedGroups,
  ): Promise<Uint8Array> {
    this.lengths.push(length)
    this.most = Math.max(this.most, ++this.#inFlight)
    const { buffer } = memory as Uint8Array<ArrayBuffer>
    const taken = new Uint8Array(structuredClone(buffer, { transfer: [buffer] }))
    await this.#turn()
    this.#inFlight--
    const wrong = wrongGroup(taken.subarray(at, at + length), groups, activeEngine())
    if (wrong !== undefined) throw notTheValues(wrong)
    return taken
  }

  async #turn(): Promise<void> {
    const turn = new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.#waiting.length < this.#together) return turn
    await new Promise((resolve) => setImmediate(resolve))
    for (const answer of this.#waiting.splice(0).toReversed()) {
      answer()
      await new Promise((resolve) => setImmediate(resolve))
    }
    return turn
  }
}

/** Everything that is proved, in copies; and what it ended with. */
async function taken(
  transfer: TransferChannel,
  options: ReceiveOptions = {},
  { digest, size }: Sample = VALUE,
  ranges: readonly ByteRange[] = [{ start: 0, end: size }],
): Promise<{ readonly runs: VerifiedRun[]; readonly error: unknown }> {
  const runs: VerifiedRun[] = []
  try {
    for await (const run of receivePieces(transfer, { digest, size }, ranges, options)) {
      const { pairs } = run
      runs.push({
        ...run,
        bytes: run.bytes.slice(),
        pairs: pairs.map((pair) => ({ ...pair, bytes: pair.bytes.slice() })),
      })
    }
    return { runs, error: undefined }
  } catch (error) {
    return { runs, error }
  }
}

/** Do the runs follow one another from `start` to `end`, each with the value's bytes? */
function isRight(
  runs: readonly VerifiedRun[],
  start: number,
  end: number,
  value: Sample = VALUE,
): boolean {
  let at = start
  for (const { start, bytes } of runs) {
    if (start !== at || !equal(bytes, value.bytes.subarray(at, at + bytes.byteLength))) return false
    at += bytes.byteLength
  }
  return at === end
}

/** The outboard as far as the runs hold it; the rest is zeros. */
function outboardOf(runs: readonly VerifiedRun[], { outboard }: Sample = VALUE): Uint8Array {
  const whole = new Uint8Array(outboard.byteLength)
  for (const { outboardOffset, bytes } of runs.flatMap(({ pairs }) => pairs)) {
    whole.set(bytes, outboardOffset)
  }
  return whole
}

for (const size of [0, 1, GROUP_BYTES, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES + 17]) {
  test(`all of ${size} bytes is proved with all its pairs, each where it belongs`, async (t) => {
    const value = sample(pattern(size))
    const pieces = encodePieces(value, { start: 0, end: size })
    for (const options of [{}, ownMemory(), { ...ownMemory(), checker: new TestChecker() }]) {
      let received = 0
      const onReceived = (bytes: number): void => void (received += bytes)
      const { runs, error } = await taken(sending(pieces), { ...options, onReceived }, value)
      t.is(error, undefined)
      t.true(isRight(runs, 0, size, value))
      t.true(equal(outboardOf(runs, value), value.outboard))
      t.is(received, sliceBytes(size, { start: 0, end: size }))
      t.true(runs.every(({ isWhole }) => isWhole))
    }
  })
}

test('what is proved lies where it landed, one memory for each piece', async (t) => {
  const asked: ByteRange[] = []
  const memories: Uint8Array[] = []
  const memoryFor = (data: ByteRange): Uint8Array => {
    asked.push(data)
    memories.push(new Uint8Array(data.end - data.start))
    return memories.at(-1)!
  }
  const { digest, size } = VALUE
  const range = { start: PIECE_BYTES - GROUP_BYTES, end: size }
  const client = sending(encodePieces(VALUE, range))
  let count = 0
  for await (const run of receivePieces(client, { digest, size }, [range], { memoryFor })) {
    t.is(run.bytes.buffer, memories[count]!.buffer)
    t.is(run.start, asked[count]!.start)
    count++
  }
  t.deepEqual(asked, [
    { start: range.start, end: PIECE_BYTES },
    { start: PIECE_BYTES, end: 2 * PIECE_BYTES },
    { start: 2 * PIECE_BYTES, end: 3 * PIECE_BYTES },
    { start: 3 * PIECE_BYTES, end: size },
  ])
})

test('what is long enough is proved elsewhere, several at once, and given in order', async (t) => {
  const checker = new TestChecker(3)
  const { runs, error } = await taken(sending(TRUTH), { ...ownMemory(), checker })
  t.is(error, undefined)
  t.true(isRight(runs, 0, VALUE.size))
  t.true(equal(outboardOf(runs), VALUE.outboard))
  t.deepEqual(checker.lengths, [PIECE_BYTES, PIECE_BYTES, PIECE_BYTES])
  t.is(checker.most, 3)
})

test('no more is ahead of what is proved than there may be', async (t) => {
  const count = 2 * PIECES_AHEAD
  const value = sample(pattern(count * PROOF_THREAD_BYTES))
  const ranges = Array.from({ length: count }, (_, i) => ({
    start: i * PROOF_THREAD_BYTES,
    end: (i + 1) * PROOF_THREAD_BYTES,
  }))
  const pieces = ranges.flatMap((range) => encodePieces(value, range))
  const asked: ByteRange[] = []
  const checker = new TestChecker(PIECES_AHEAD)
  const { digest, size } = value
  const runs = receivePieces(sending(pieces), { digest, size }, ranges, {
    ...ownMemory(asked),
    checker,
  })
  let given = 0
  for await (const run of runs) {
    // All that was sent is there by now.
    await new Promise((resolve) => setTimeout(resolve, 2))
    t.true(asked.length <= ++given + PIECES_AHEAD, `${asked.length} landed, ${given} given`)
    t.true(equal(run.bytes, value.bytes.subarray(run.start, run.start + run.bytes.byteLength)))
  }
  t.is(given, count)
  t.is(checker.lengths.length, count)
  t.is(checker.most, PIECES_AHEAD)
})

test('R003-10: a wrong group that is found elsewhere is told after everything that came before it', async (t) => {
  for (const index of [0, 1, 2]) {
    const wrong = TRUTH[index]!.slice()
    wrong[wrong.byteLength - 1]! ^= 1
    const checker = new TestChecker()
    const sent = TRUTH.with(index, wrong)
    const { runs, error } = await taken(sending(sent), { ...ownMemory(), checker })
    t.like(error, {
      code: 'integrity',
      flaw: 'group',
      position: (index + 1) * PIECE_BYTES - GROUP_BYTES,
    })
    t.true(isRight(runs, 0, index * PIECE_BYTES))
  }
})

test('R003-10: what was right before a wrong tree is given, though it is proved elsewhere', async (t) => {
  const wrong = TRUTH[2]!.slice()
  wrong[0]! ^= 1
  const checker = new TestChecker()
  const sent = TRUTH.with(2, wrong)
  const { runs, error } = await taken(sending(sent), { ...ownMemory(), checker })
  t.like(error, { flaw: 'parent', position: 2 * PIECE_BYTES })
  t.true(isRight(runs, 0, 2 * PIECE_BYTES))
})

test('a piece that comes with a pause is proved here, what came of it first', async (t) => {
  const [first, ...rest] = TRUTH as [Uint8Array, ...Uint8Array[]]
  const cut = first.byteLength - 3 * GROUP_BYTES - 1
  let goOn: (() => void) | undefined
  const client = scripted(async (peer) => {
    await peer.sendPiece([first.subarray(0, cut)], first.byteLength)
    await new Promise<void>((resolve) => (goOn = resolve))
    await peer.channel.write(first.subarray(cut))
    await sendPieces(peer, rest)
  })
  const { digest, size } = VALUE
  const checker = new TestChecker()
  const runs: VerifiedRun[] = []
  const options = { ...ownMemory(), checker }
  for await (const run of receivePieces(client, { digest, size }, [WHOLE], options)) {
    runs.push({ ...run, bytes: run.bytes.slice() })
    goOn?.()
  }
  t.true(isRight(runs, 0, size))
  t.true(equal(outboardOf(runs), VALUE.outboard))
  t.is(runs[0]!.bytes.byteLength, PIECE_BYTES - 4 * GROUP_BYTES)
  t.deepEqual(
    runs.map(({ isWhole, pairs }) => [isWhole, pairs.length > 0]),
    [
      [false, true],
      [false, false],
      [true, true],
      [true, true],
      [true, true],
    ],
  )
  t.deepEqual(checker.lengths, [PIECE_BYTES, PIECE_BYTES])
})

test('less than a group, then a pause, is nothing yet, and the whole is proved elsewhere all the same', async (t) => {
  const [first] = TRUTH as [Uint8Array]
  const proofBytes = first.byteLength - PIECE_BYTES
  const client = scripted(async (peer) => {
    await peer.sendPiece([first.subarray(0, proofBytes + 100)], first.byteLength)
    // Until the receiver has taken this, and waits for more.
    await peer.channel.flush()
    await new Promise((resolve) => setImmediate(resolve))
    await peer.channel.write(first.subarray(proofBytes + 100))
    await peer.end()
  })
  const checker = new TestChecker()
  const { runs, error } = await taken(client, { ...ownMemory(), checker })
  t.like(error, { code: 'unreachable' })
  t.deepEqual(checker.lengths, [PIECE_BYTES])
  t.true(isRight(runs, 0, PIECE_BYTES))
  t.true(runs[0]!.isWhole)
})

test('who leaves early is not told of what failed afterwards', async (t) => {
  const wrong = TRUTH[1]!.slice()
  wrong[wrong.byteLength - 1]! ^= 1
  for (const checker of [undefined, new TestChecker()]) {
    const client = sending(TRUTH.with(1, wrong))
    const { digest, size } = VALUE
    const options = { ...ownMemory(), ...(checker && { checker }) }
    for await (const run of receivePieces(client, { digest, size }, [WHOLE], options)) {
      t.is(run.start, 0)
      break
    }
    client.channel.abort(new Error('enough'))
    // Time for a rejection that nobody takes to be seen.
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
})
