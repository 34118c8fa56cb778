import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../../src/errors.ts'
import { decodeMessage } from '../../../src/index/codec/decode.ts'
import { encodeMessage } from '../../../src/index/codec/encode.ts'
import type { Body, Feed, Message } from '../../../src/index/message.ts'
import { DOUBT_MS, INDEX_MESSAGE_BYTES } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { KnownMembers } from '../../../src/membership/known-members.ts'
import type { Greeted } from '../../../src/node/local/global-connector.ts'
import { GlobalLink } from '../../../src/node/local/global-link.ts'
import { FrameReader } from '../../../src/wire/frames.ts'
import { FrameWriter } from '../../../src/wire/frame-writer.ts'
import { eventually } from '../../eventually.ts'
import { channelPair } from '../../wire/memory-pair.ts'

const RUN = new Uint8Array(16).fill(1)
const DIGEST = new Uint8Array(32).fill(2)
const rest = { leaseMs: undefined, members: [], addresses: [] }
const welcome = (seq: number, reset: boolean): Body => {
  return { type: 'welcome', version: 1, position: { runId: RUN, seq }, reset, ...rest }
}
const LOSS: Feed = {
  type: 'feed',
  after: 8,
  upto: 9,
  removals: [{ digest: DIGEST, seq: 9 }],
  unbindings: [],
  memberships: [],
}

/** One stream to a Global that is a script. */
class Stream {
  readonly heard: Message[] = []
  isClosed = false
  greeted: Greeted
  readonly #writer: FrameWriter

  constructor(answer: Body) {
    const [near, far] = channelPair({ peers: ['G', 'L'] })
    this.#writer = new FrameWriter(far)
    this.greeted = {
      channel: near,
      reader: new FrameReader(near, { maxBytes: INDEX_MESSAGE_BYTES }),
      writer: new FrameWriter(near),
      answer: { id: 1, body: answer },
      target: undefined,
      welcomed: () => undefined,
      close: () => (this.isClosed = true),
    }
    const reader = new FrameReader(far, { maxBytes: INDEX_MESSAGE_BYTES })
    void (async () => {
      for (;;) {
        const frame = await reader.next()
        if (frame === undefined) return
        this.heard.push(decodeMessage(frame))
      }
    })().catch(() => undefined)
  }

  say(body: Body): void {
    void this.#writer.send(encodeMessage({ id: 0, body })).catch(() => undefined)
  }
}

/** A Local whose session is silent, and whose second hello is out. */
async function silent(t: ExecutionContext) {
  let now = 0
  const first = new Stream(welcome(8, true))
  let answer: (greeted: Greeted) => void = () => undefined
  let fail: (error: DstoreError) => void = () => undefined
  let attempts = 0
  const link = new GlobalLink({
    connect: (greeter, signal) => {
      greeter.hello()
      if (++attempts === 1) return Promise.resolve(first.greeted)
      return new Promise((resolve, reject) => {
        answer = resolve
        fail = (error) => {
          greeter.unanswered(error)
          reject(error)
        }
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
    },
    backoffMs: () => 10,
    members: new KnownMembers(() => undefined),
    log: SILENT,
    now: () => now,
    random: (bytes) => new Uint8Array(bytes),
  })
  const applied: number[] = []
  link.attach({
    apply: (removals) => void applied.push(...removals.map(({ seq }) => seq)),
    reset: () => [],
    verified: () => undefined,
    cut: () => undefined,
  })
  t.teardown(() => link.close())
  t.is(await link.start(), undefined)
  now += DOUBT_MS
  t.true(await eventually(async () => attempts === 2))
  return {
    link,
    first,
    applied,
    answer: (greeted: Greeted) => answer(greeted),
    fail: () => fail(new DstoreError('timeout', 'no welcome')),
  }
}

/** Whatever is on its way has come. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

test('R004-74: what comes on a session after a second hello counts no longer once that is answered', async (t) => {
  const { link, first, applied, answer } = await silent(t)
  t.is(link.status.state, 'connected')
  first.say(LOSS)
  await settled()
  t.deepEqual(applied, [], 'the hello did not name it')
  const second = new Stream(welcome(9, false))
  answer(second.greeted)
  t.true(await eventually(async () => first.greeted.channel.signal.aborted))
  t.is(link.status.state, 'connected', 'it was never away')
  second.say(LOSS)
  t.true(await eventually(async () => second.heard.some(({ body }) => body.type === 'ack')))
  t.deepEqual(applied, [9])
  t.is(link.position?.seq, 9)
})

test('R004-75: a session goes on where it was, if a second hello gets no welcome', async (t) => {
  const { link, first, applied, fail } = await silent(t)
  first.say(LOSS)
  await settled()
  fail()
  t.true(await eventually(async () => applied.length === 1))
  t.true(
    await eventually(async () =>
      first.heard.some(({ body }) => body.type === 'ack' && body.seq === 9),
    ),
  )
  t.is(link.status.state, 'connected')
  t.false(first.greeted.channel.signal.aborted)
})

test('R004-73 R004-75: where Global answers that this node is no member, the session ends', async (t) => {
  const { link, first, answer } = await silent(t)
  const refusal: Body = { type: 'failure', code: 'not-permitted', message: 'no', hint: undefined }
  const second = new Stream(refusal)
  answer(second.greeted)
  t.true(await eventually(async () => link.status.error?.code === 'not-permitted'))
  t.true(first.greeted.channel.signal.aborted)
  t.true(second.isClosed)
  await t.throwsAsync(link.ask({ type: 'ping' }), { code: 'not-permitted' })
})
