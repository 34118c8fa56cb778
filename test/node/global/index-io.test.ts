/** Bounds and checks between Global's index and its store. */
import { createHash } from 'node:crypto'
import { test } from '../../serial.ts'
import { once } from '../../../src/bytes.ts'
import { digestName } from '../../../src/hash/foreign-digest.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { encodeMessage } from '../../../src/index/codec/encode.ts'
import type { Fact } from '../../../src/index/message.ts'
import {
  HELLO_BYTES,
  INDEX_MESSAGE_BYTES,
  INLINE_ANSWER_BYTES,
  INLINE_VALUE_BYTES,
  REQUESTS_IN_FLIGHT,
} from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { adoptOrFind, ingest, recordOf } from '../../../src/node/global/ingest.ts'
import { IndexDriver } from '../../../src/node/global/index-driver.ts'
import { Repair } from '../../../src/node/global/repair.ts'
import { RequestWindow } from '../../../src/node/global/request-window.ts'
import { createMemoryStore } from '../../../src/store/memory/memory.ts'
import { encodeLength } from '../../../src/wire/frames.ts'
import { pattern } from '../../hash/sizes.ts'
import { openHost, Stranger } from '../../network/stranger.ts'
import { channelPair } from '../../wire/memory-pair.ts'

test('R004-1 the values of an answer fit into one message, however many are asked for', async (t) => {
  const host = await openHost(t)
  const count = INLINE_ANSWER_BYTES / INLINE_VALUE_BYTES + 3
  const values = Array.from({ length: count }, (_, i) => pattern(INLINE_VALUE_BYTES).fill(i, 0, 8))
  for (const value of values) await host.ask({ type: 'put', values: [value], name: undefined })
  const digests = values.map((value) => hash(value).digest)
  const located = await host.ask({ type: 'locate', digests, inline: true })
  const carried = located.facts.filter((fact: Fact | undefined) => fact?.value !== undefined)
  t.is(carried.length, INLINE_ANSWER_BYTES / INLINE_VALUE_BYTES)
  t.true(encodeMessage({ id: 1, body: located }).byteLength <= INDEX_MESSAGE_BYTES)
})

test('R004-165: Global verifies small values whatever their sender says', async (t) => {
  const host = await openHost(t)
  const nameOf = (value: Uint8Array): string =>
    digestName('sha2-256', createHash('sha256').update(value).digest())
  const [value, other] = [pattern(100), pattern(101)]
  const name = nameOf(other)
  const put = { type: 'put', values: [value], name } as const
  await t.throwsAsync(host.ask(put), { code: 'usage' })
  const items = [
    { value, name },
    { value, name: nameOf(value) },
  ]
  const { outcomes } = await host.ask({ type: 'put-batch', items })
  t.like(outcomes[0], { failure: { code: 'usage' } })
  t.true('receipt' in outcomes[1]!)
  await t.throwsAsync(host.ask({ type: 'bind', name, digest: hash(value).digest }), {
    code: 'usage',
  })
})

test('R005-50 of several Locals one that lies does not end a repair', async (t) => {
  const store = createMemoryStore()
  const value = pattern(30_000)
  const { digest } = hash(value)
  const liar = once(pattern(30_000).fill(1))
  const repair = new Repair({ store, log: SILENT, holders: () => [liar, once(value)] })
  const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes))
  const clocks = { now: () => 0, wall: Date.now }
  const host = await IndexDriver.open({ store, repair, log: SILENT, ...clocks, random })
  t.teardown(() => host.close())
  await adoptOrFind(host, await ingest(store, once(value), 30_000), {})
  const { location } = (await recordOf(store, digest))!
  await store.quarantine(location)
  t.true(await repair.heal(digest))
  t.false(await store.isDamaged(location))
})

test('R004-53 requests without weight are bounded by their number', async (t) => {
  const [channel] = channelPair({ peers: ['L', 'Global'] })
  const window = new RequestWindow(channel)
  const body = { type: 'locate', digests: [], inline: false } as const
  for (let id = 1; id < REQUESTS_IN_FLIGHT; id++) window.opened({ id, body })
  await window.room()
  window.opened({ id: REQUESTS_IN_FLIGHT, body })
  let hasRoom = false
  const room = window.room().then(() => (hasRoom = true))
  await new Promise((resolve) => setImmediate(resolve))
  t.false(hasRoom)
  await window.send({ id: 7, body: { type: 'located', facts: [] } })
  await room
  t.true(hasRoom)
})

test('R004-2 a peer that is not a member may send no more than a hello', async (t) => {
  for (const isMember of [false, true]) {
    const host = await openHost(t)
    if (isMember) await host.ask({ type: 'admit', peer: 'L', role: 'reader' })
    const [first, second] = channelPair({ peers: ['L', 'Global'] })
    const [mine, ofGlobal] = first.peer === 'L' ? [second, first] : [first, second]
    void host.serve(ofGlobal)
    const peer = new Stranger(mine)
    await peer.raw(encodeLength(HELLO_BYTES + 1))
    if (!isMember) {
      t.like((await peer.last())?.body, { type: 'failure', code: 'protocol' })
      continue
    }
    // Of a member it is the start of a message: the rest of it may follow.
    await peer.raw(new Uint8Array(HELLO_BYTES + 1).fill(0xff))
    const refusal = (await peer.last())?.body
    t.like(refusal, { type: 'failure', code: 'protocol' })
    t.regex((refusal as { message: string }).message, /cannot be parsed/)
  }
})
