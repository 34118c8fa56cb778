/**
 * Groups are proved on another thread: what it says is right, and whatever becomes of it, nobody
 * waits in vain.
 */
import { fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { test } from '../../serial.ts'
import { concat, equal } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { ExpectedGroups } from '../../../src/hash/proof/group-check.ts'
import { IntegrityError } from '../../../src/hash/proof/integrity.ts'
import { PieceDecoder } from '../../../src/hash/proof/piece-decoder.ts'
import { planPieces } from '../../../src/hash/proof/piece-plan.ts'
import { GROUP_BYTES, MIB, PIECE_BYTES } from '../../../src/limits.ts'
import type { VerifyJob, VerifyReport } from '../../../src/node/swarm/verify-thread.ts'
import { checkerOn, openVerifyWorker } from '../../../src/node/swarm/verify-thread.ts'
import { fetchPieces } from '../../../src/transfer/fetch.ts'
import type { GroupChecker } from '../../../src/hash/proof/group-check.ts'
import { pattern } from '../../hash/sizes.ts'
import { TestHost, encodePieces, sample, served, type Sample } from '../../transfer/ends.ts'

/** What is to be proved of a value, a piece each. */
interface Order {
  readonly start: number
  readonly bytes: Uint8Array
  readonly groups: ExpectedGroups
}

function ordersOf(value: Sample): Order[] {
  const range = { start: 0, end: value.size }
  const decoder = new PieceDecoder(value)
  const encoded = encodePieces(value, range)
  return [...planPieces(value.size, range)].map((piece, i) => {
    decoder.proof(piece, encoded[i]!.subarray(0, piece.proofBytes))
    const { start, end } = piece.data
    return { start, bytes: value.bytes.subarray(start, end), groups: decoder.expected }
  })
}

/** Memory to give away, with these bytes somewhere in it. */
function memoryWith(bytes: Uint8Array, at: number, behind = 0): Uint8Array {
  const memory = new Uint8Array(at + bytes.byteLength + behind).fill(0xee)
  memory.set(bytes, at)
  return memory
}

function check(checker: GroupChecker, { bytes, groups }: Order, at = 0): Promise<Uint8Array> {
  return checker.check(memoryWith(bytes, at), at, bytes.byteLength, groups)
}

const checker = checkerOn(openVerifyWorker)
const VALUE = sample(pattern(3 * PIECE_BYTES + 5 * GROUP_BYTES + 17))
const ORDERS = ordersOf(VALUE)

test('groups that are right come back in the memory in which they went', async (t) => {
  const values = [0, 1, GROUP_BYTES, GROUP_BYTES + 1, 17 * GROUP_BYTES].map((size) =>
    sample(pattern(size)),
  )
  for (const value of [VALUE, ...values]) {
    for (const { bytes, groups } of ordersOf(value)) {
      const memory = memoryWith(bytes, 100, 50)
      const copy = memory.slice()
      const checking = checker.check(memory, 100, bytes.byteLength, groups)
      t.is(memory.byteLength, 0, 'it is given away')
      t.true(equal(await checking, copy), `${bytes.byteLength} of ${value.size} bytes`)
    }
  }
})

test('one wrong bit is found, whichever group it is in', async (t) => {
  for (const [which, place] of [
    [0, 0],
    [0, PIECE_BYTES - 1],
    [1, 7 * GROUP_BYTES - 1],
    [2, 16 * GROUP_BYTES],
    [3, 5 * GROUP_BYTES + 16],
  ] as const) {
    const { start, bytes, groups } = ORDERS[which]!
    const memory = memoryWith(bytes, 10)
    memory[10 + place]! ^= 1
    const error = await t.throwsAsync(checker.check(memory, 10, bytes.byteLength, groups), {
      instanceOf: IntegrityError,
      code: 'integrity',
    })
    t.is(error?.flaw, 'group')
    t.is(error?.position, start + place - (place % GROUP_BYTES))
  }
  // Right bytes in another's place.
  const { bytes } = ORDERS[0]!
  const elsewhere = { bytes, groups: ORDERS[1]!.groups, start: PIECE_BYTES }
  await t.throwsAsync(check(checker, elsewhere), { code: 'integrity' })
})

test('many at once are answered in their order, right and wrong ones', async (t) => {
  const settled: string[] = []
  const asked: string[] = []
  const all = Array.from({ length: 24 }, async (_, i) => {
    const order = ORDERS[i % ORDERS.length]!
    const isWrong = i % 3 === 1
    const bytes = order.bytes.slice()
    if (isWrong) bytes[0]! ^= 1
    asked.push(`${i} ${isWrong ? 'wrong' : 'right'}`)
    const found = await check(checker, { ...order, bytes }).then(
      (memory) => (equal(memory, bytes) ? 'right' : 'other bytes'),
      (error: unknown) => (error instanceof IntegrityError ? 'wrong' : String(error)),
    )
    settled.push(`${i} ${found}`)
  })
  await Promise.all(all)
  t.deepEqual(settled, asked)
})

test('what a fetch gives is in order, up to the piece that is not the value’s', async (t) => {
  const value = sample(pattern(5 * PIECE_BYTES + 3))
  const start = 3 * GROUP_BYTES
  const ranges = [{ start, end: value.size }]
  for (const flip of [undefined, 3 * PIECE_BYTES + 9 * GROUP_BYTES]) {
    const bytes = value.bytes.slice()
    if (flip !== undefined) bytes[flip]! ^= 1
    const { client } = served(new TestHost({ ...value, bytes }))
    // Somewhere in memory, as in a segment of which a part is held.
    const memoryFor = ({ start, end }: { start: number; end: number }): Uint8Array =>
      new Uint8Array(2 * PIECE_BYTES).subarray(100, 100 + end - start)
    const request = { digest: value.digest, size: value.size, ranges, memoryFor, checker }
    const got: Uint8Array[] = []
    const fetching = (async () => {
      for await (const run of fetchPieces(client, request)) got.push(run.bytes)
    })()
    if (flip === undefined) await fetching
    else {
      const error = await t.throwsAsync(fetching, { instanceOf: IntegrityError })
      t.is(error?.position, flip)
    }
    const right = value.bytes.subarray(start, flip === undefined ? value.size : 3 * PIECE_BYTES)
    t.true(equal(concat(got), right))
    client.channel.abort(new DstoreError('cancelled', 'enough'))
  }
})

/** A thread in the hands of a test. */
class FakeWorker extends EventEmitter {
  readonly asked: VerifyJob[] = []
  isTerminated = false

  /** Does it keep the process alive? */
  isRef = true

  ref(): void {
    this.isRef = true
  }

  unref(): void {
    this.isRef = false
  }

  postMessage(order: VerifyJob): void {
    this.asked.push(order)
  }

  async terminate(): Promise<number> {
    this.isTerminated = true
    return 0
  }

  /** Answer what was asked first. */
  answer(wrong?: number): void {
    const { id, memory } = this.asked.shift()!
    this.emit('message', { id, memory, wrong } satisfies VerifyReport)
  }
}

/** A checker whose threads are these, as it opens them. */
function faked(idleMs?: number): { checker: GroupChecker; workers: FakeWorker[] } {
  const workers: FakeWorker[] = []
  const open = (): Worker => {
    workers.push(new FakeWorker())
    return workers.at(-1) as unknown as Worker
  }
  return { checker: checkerOn(open, idleMs), workers }
}

const [ORDER] = ORDERS

const ENDS: Readonly<Record<string, (worker: FakeWorker) => void>> = {
  failed: (worker) => worker.emit('error', new Error('out of memory')),
  ended: (worker) => worker.emit('exit', 1),
}

for (const [what, end] of Object.entries(ENDS)) {
  test(`whoever waits for a thread that ${what} is told so, and the next is proved by another`, async (t) => {
    const { checker, workers } = faked()
    const waiting = [check(checker, ORDER!), check(checker, ORDER!)]
    t.is(workers.length, 1)
    end(workers[0]!)
    for (const one of waiting) {
      const error = await t.throwsAsync(one, { instanceOf: DstoreError, code: 'internal' })
      t.regex(error.message, new RegExp(`verifies values ${what}`))
    }
    const next = check(checker, ORDER!)
    t.is(workers.length, 2)
    t.is(workers[0]!.asked.length, 2, 'nothing more is asked of the first')
    workers[1]!.answer()
    t.true(equal(await next, ORDER!.bytes))
  })

  test(`the end of a thread that ${what} is no end of the one that followed it`, async (t) => {
    const { checker, workers } = faked()
    const first = check(checker, ORDER!)
    end(workers[0]!)
    await t.throwsAsync(first, { code: 'internal' })
    const second = check(checker, ORDER!)
    // It comes once it is all over, whatever came before.
    workers[0]!.emit('exit', 1)
    const third = check(checker, ORDER!)
    t.is(workers.length, 2)
    workers[1]!.answer()
    workers[1]!.answer(7 * GROUP_BYTES)
    t.true(equal(await second, ORDER!.bytes))
    t.is((await t.throwsAsync(third, { instanceOf: IntegrityError }))?.position, 7 * GROUP_BYTES)
  })
}

/** Time for the exit of a thread, or for what should not happen, to be seen. */
const turns = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

test('a thread that was idle for long is ended, and its end is no end of the next', async (t) => {
  const { checker, workers } = faked(1)
  const first = check(checker, ORDER!)
  const second = check(checker, ORDER!)
  workers[0]!.answer()
  await first
  await turns()
  t.false(workers[0]!.isTerminated, 'something waits')
  t.true(workers[0]!.isRef)
  workers[0]!.answer()
  await second
  await turns()
  t.true(workers[0]!.isTerminated)
  const third = check(checker, ORDER!)
  t.is(workers.length, 2)
  workers[0]!.emit('exit', 1)
  const fourth = check(checker, ORDER!)
  t.is(workers.length, 2, 'the second is not forgotten')
  await turns()
  t.false(workers[1]!.isTerminated)
  for (const one of [third, fourth]) {
    workers[1]!.answer()
    t.true(equal(await one, ORDER!.bytes))
  }
})

test('a thread that is asked again in time goes on', async (t) => {
  const { checker, workers } = faked(60_000)
  for (let i = 0; i < 3; i++) {
    const checking = check(checker, ORDER!)
    workers[0]!.answer()
    await checking
    t.false(workers[0]!.isRef)
    await turns()
  }
  t.is(workers.length, 1)
  t.false(workers[0]!.isTerminated)
})

test('threads that really fail or end tell whoever waits', async (t) => {
  const scripts = [
    [
      "require('node:worker_threads').parentPort.on('message', () => { throw new Error('boom') })",
      'boom',
    ],
    ["require('node:worker_threads').parentPort.on('message', () => process.exit(0))", 'ended'],
    ["throw new Error('not at all')", 'not at all'],
    ['', 'ended'],
  ] as const
  for (const [script, message] of scripts) {
    let opened = 0
    const checker = checkerOn(() => {
      // The first of them alone.
      if (opened++ > 0) return openVerifyWorker()
      return new Worker(script, { eval: true, execArgv: [] })
    })
    const error = await t.throwsAsync(check(checker, ORDER!), { code: 'internal' })
    t.regex(error.message, new RegExp(message))
    t.true(equal(await check(checker, ORDER!), ORDER!.bytes))
    await turns()
    t.true(equal(await check(checker, ORDER!, MIB), memoryWith(ORDER!.bytes, MIB)))
    t.is(opened, 2)
  }
})

test('a thread that has nothing to prove does not keep its process alive', async (t) => {
  const child = fork(fileURLToPath(new URL('verifying-process.js', import.meta.url)), {
    silent: true,
    timeout: 60_000,
  })
  let said = ''
  child.stdout!.on('data', (text: Buffer) => (said += text.toString()))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  t.deepEqual([said, code, signal], ['proved 1024\n', 0, null])
})
