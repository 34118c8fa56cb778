/** The window that the uploads of a Local share, on a virtual clock. */
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../src/errors.ts'
import { KIB, MIB, UPLOAD_WINDOW_BYTES } from '../../src/limits.ts'
import { SendWindow, type Flow } from '../../src/transfer/send-window.ts'

const never = new AbortController().signal
const FIRST = 64 * KIB

/** A link that carries what is sent in order, at a rate, and acknowledges it on arrival. */
class Link {
  nowMs = 0
  readonly window = new SendWindow(() => this.nowMs)
  readonly #bytesPerMs: number
  readonly #onWay: { readonly flow: Flow; readonly end: number; readonly bytes: number }[] = []

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000
  }

  /** Sends so many bytes of an upload, a chunk at a time. */
  async send(flow: Flow, bytes: number): Promise<void> {
    for (let end = 0; end < bytes;) {
      const chunk = Math.min(flow.chunkBytes, bytes - end)
      await flow.take(chunk, never)
      end += chunk
      this.#onWay.push({ flow, end, bytes: chunk })
    }
  }

  /** Carries the next chunk. False if there is none. */
  async step(): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve))
    const next = this.#onWay.shift()
    if (next === undefined) return false
    this.nowMs += next.bytes / this.#bytesPerMs
    next.flow.received(next.end)
    return true
  }
}

/** Sends uploads at once; the longest that each waited for any sign of movement, in ms. */
async function uploads(link: Link, count: number, size: number): Promise<number[]> {
  const waited = Array.from({ length: count }, () => 0)
  const movedAt = Array.from({ length: count }, () => 0)
  const sending = waited.map(async (_, i) => {
    const flow = link.window.open(() => {
      waited[i] = Math.max(waited[i]!, link.nowMs - movedAt[i]!)
      movedAt[i] = link.nowMs
    })
    await link.send(flow, size)
  })
  let most = 0
  while (await link.step()) most = Math.max(most, link.window.inFlightBytes)
  await Promise.all(sending)
  return waited
}

test('R003-117: of eight uploads on a link of 0.2 Mbit/s each sees that bytes move, every second or so', async (t) => {
  const link = new Link(25_000)
  const waited = await uploads(link, 8, 256 * KIB)
  t.true(Math.max(...waited) < 1000, `${Math.max(...waited)} ms`)
  t.is(link.window.inFlightBytes, 0)
})

test('R003-118: on a slow link little is in flight, and on a fast one all that is allowed', async (t) => {
  const slow = new Link(25_000)
  await uploads(slow, 8, 256 * KIB)
  t.true(slow.window.limitBytes <= 2 * 25_000)
  t.is(slow.window.chunkBytes, 8 * KIB)
  const fast = new Link(1e9)
  await uploads(fast, 1, 128 * MIB)
  t.is(fast.window.limitBytes, UPLOAD_WINDOW_BYTES)
  t.is(fast.window.chunkBytes, MIB)
})

test('R003-118: the window grows fast where acknowledgements are quick, and never beyond a second of the link', async (t) => {
  const grown = async (ms: number): Promise<number> => {
    let now = 0
    const window = new SendWindow(() => now)
    const flow = window.open(() => undefined)
    await flow.take(FIRST, never)
    now += ms
    flow.received(FIRST)
    return window.limitBytes
  }
  t.is(await grown(1), 8 * FIRST)
  t.is(await grown(250), 5 * FIRST)
  t.is(await grown(1000), 2 * FIRST)
})

test('R003-118: uploads take turns, and one with enough in flight lets others pass', async (t) => {
  const link = new Link(1e6)
  const { window } = link
  const order: string[] = []
  const first = window.open(() => undefined, 16 * KIB)
  const second = window.open(() => undefined)
  await first.take(16 * KIB, never)
  const waiting = first.take(8 * KIB, never).then(() => order.push('first'))
  await second.take(8 * KIB, never).then(() => order.push('second'))
  t.deepEqual(order, ['second'])
  first.received(16 * KIB)
  await waiting
  t.deepEqual(order, ['second', 'first'])
})

test('R003-118: what was in flight on a broken channel is not in the way of others', async (t) => {
  const { window } = new Link(1e6)
  const broken = window.open(() => undefined)
  await broken.take(FIRST, never)
  const other = window.open(() => undefined)
  const taken = other.take(FIRST, never)
  broken.close()
  await taken
  t.is(window.inFlightBytes, FIRST)
  other.close(true)
  t.is(window.inFlightBytes, 0)
})

test('an upload that gives up while it waits leaves the queue', async (t) => {
  const { window } = new Link(1e6)
  const full = window.open(() => undefined)
  await full.take(FIRST, never)
  const controller = new AbortController()
  const waiting = window.open(() => undefined)
  const taken = waiting.take(8 * KIB, controller.signal)
  controller.abort(new DstoreError('cancelled', 'the caller left'))
  await t.throwsAsync(taken, { code: 'cancelled' })
  full.received(FIRST)
  t.is(window.inFlightBytes, 0)
  await t.throwsAsync(waiting.take(1, controller.signal), { code: 'cancelled' })
})

for (const [what, said] of Object.entries({
  'more than was sent': [FIRST + 1],
  nothing: [0],
  'the same again': [10, 10],
  'less than before': [10, 9],
})) {
  test(`R003-117: a receipt of ${what} breaks the protocol`, async (t) => {
    const flow = new SendWindow(() => 0).open(() => undefined)
    await flow.take(FIRST, never)
    for (const bytes of said.slice(0, -1)) flow.received(bytes)
    refused(t, () => flow.received(said.at(-1)!))
  })
}

function refused(t: ExecutionContext, work: () => unknown): void {
  t.is(t.throws(work, { instanceOf: DstoreError }).code, 'protocol')
}
