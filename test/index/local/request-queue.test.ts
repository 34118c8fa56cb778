/** What a Local asks: several in one message, and each settled for itself. */
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { InFlight, keySubject } from '../../../src/index/local/in-flight.ts'
import type { Body, Fact, Message, Receipt, Request } from '../../../src/index/message.ts'
import { RequestQueue } from '../../../src/index/local/request-queue.ts'
import {
  FAILOVER_PATIENCE_MS,
  INDEX_MESSAGE_BYTES,
  INLINE_ANSWER_BYTES,
  INLINE_VALUE_BYTES,
  JOINED_REQUESTS,
  REDIAL_PATIENCE_MS,
  REQUESTS_IN_FLIGHT,
} from '../../../src/limits.ts'

const digest = (n: number): Uint8Array => new Uint8Array(32).fill(n)

const locate = (n: number): Request => ({ type: 'locate', digests: [digest(n)], inline: true })

const put = (n: number): Request => ({ type: 'put', values: [Uint8Array.of(n)], name: undefined })

const fact = (incarnation: number): Fact => {
  return { size: 1, incarnation, value: undefined, holders: [], names: [] }
}

const receipt = (n: number): Receipt => {
  return { digest: digest(n), size: 1, incarnation: 5, existed: false }
}

function begun(): { inFlight: InFlight; requests: RequestQueue } {
  const inFlight = new InFlight()
  return { inFlight, requests: new RequestQueue(inFlight, { now: 0 }) }
}

/** Ask these under the tickets 1, 2 and so on; what is sent. */
function sent(requests: RequestQueue, bodies: readonly Request[]): Message[] {
  for (const [i, body] of bodies.entries()) requests.add(i + 1, body)
  return [...requests.sendable()]
}

const located = (id: number, ...facts: (Fact | undefined)[]): Message => {
  return { id, body: { type: 'located', facts } }
}

test('R004-56 questions about single keys go in one message, and each gets its own answer', (t) => {
  const { requests } = begun()
  const [message, ...more] = sent(requests, [locate(1), locate(2), locate(3)])
  t.deepEqual(more, [])
  t.deepEqual(message!.body, {
    type: 'locate',
    digests: [digest(1), digest(2), digest(3)],
    inline: true,
  })
  requests.cancel(2)
  t.deepEqual(requests.answered(located(message!.id, undefined, fact(4), fact(7))), [
    { ticket: 1, result: { type: 'located', facts: [undefined] }, keep: true },
    { ticket: 3, result: { type: 'located', facts: [fact(7)] }, keep: true },
  ])
  t.deepEqual(requests.expire(Infinity), [], 'nothing is left')
})

test('R004-56 so do small values that are put without a name', (t) => {
  const { requests } = begun()
  const named: Request = { type: 'put', values: [Uint8Array.of(9)], name: 'nine' }
  const batch: Request = {
    type: 'put',
    values: [Uint8Array.of(7), Uint8Array.of(8)],
    name: undefined,
  }
  const messages = sent(requests, [put(1), named, locate(4), put(2), batch])
  t.deepEqual(
    messages.map(({ body }) => body),
    [
      named,
      batch,
      locate(4),
      { type: 'put', values: [Uint8Array.of(1), Uint8Array.of(2)], name: undefined },
    ],
  )
  const { id } = messages.at(-1)!
  const stored: Body = { type: 'stored', receipts: [receipt(1), receipt(2)] }
  t.deepEqual(requests.answered({ id, body: stored }), [
    { ticket: 1, result: { type: 'stored', receipts: [receipt(1)] }, keep: true },
    { ticket: 4, result: { type: 'stored', receipts: [receipt(2)] }, keep: true },
  ])
})

test('R004-56 not more of them than fit with their values', (t) => {
  const { requests } = begun()
  const asked = Array.from({ length: 2 * JOINED_REQUESTS + 1 }, (_, i) => locate(i + 1))
  const counts = sent(requests, asked).map(
    ({ body }) => (body as Request & { type: 'locate' }).digests.length,
  )
  t.deepEqual(counts, [JOINED_REQUESTS, JOINED_REQUESTS, 1])
  t.true(JOINED_REQUESTS * INLINE_VALUE_BYTES <= INLINE_ANSWER_BYTES)
  t.true(JOINED_REQUESTS * (INLINE_VALUE_BYTES + 128) < INDEX_MESSAGE_BYTES)
})

test('R004-17 of several in one message, only what a removal has overtaken is asked once more', (t) => {
  const { requests, inFlight } = begun()
  const [message] = sent(requests, [locate(1), locate(2)])
  inFlight.overtake(keySubject(digest(2)), 9)
  const first = requests.answered(located(message!.id, fact(4), fact(4)))
  t.deepEqual(first, [{ ticket: 1, result: { type: 'located', facts: [fact(4)] }, keep: true }])
  const [again, ...more] = [...requests.sendable()]
  t.deepEqual([again!.body, more], [locate(2), []])
  inFlight.overtake(keySubject(digest(2)), 12)
  const [last] = requests.answered(located(again!.id, fact(10)))
  t.like(last, { ticket: 2, result: { code: 'removed' }, keep: false })
})

test('R004-56 a failure is told to all that were asked in one message', (t) => {
  const { requests } = begun()
  const [message] = sent(requests, [locate(1), locate(2)])
  const body: Body = { type: 'failure', code: 'internal', message: 'no disk', hint: undefined }
  const settled = requests.answered({ id: message!.id, body })
  t.like(settled, [
    { ticket: 1, result: { code: 'internal' } },
    { ticket: 2, result: { code: 'internal' } },
  ])
})

test('R004-4 R004-45 an answer to more or fewer than were asked is none', (t) => {
  for (const facts of [[], [fact(1)], [fact(1), fact(1), fact(1)]]) {
    const { requests } = begun()
    const [message] = sent(requests, [locate(1), locate(2)])
    t.throws(() => requests.answered(located(message!.id, ...facts)), { code: 'protocol' })
  }
  for (const facts of [[], [fact(1), fact(1)]]) {
    const { requests } = begun()
    const [message] = sent(requests, [locate(1)])
    const [settled] = requests.answered(located(message!.id, ...facts))
    t.like(settled, { ticket: 1, result: { code: 'protocol' } })
  }
  const { requests } = begun()
  const [message] = sent(requests, [put(1)])
  const [settled] = requests.answered({ id: message!.id, body: { type: 'stored', receipts: [] } })
  t.like(settled, { ticket: 1, result: { code: 'protocol' } })
})

test('R004-28 where the link breaks, all of them are asked again', (t) => {
  const { requests } = begun()
  const [before] = sent(requests, [locate(1), put(2), locate(3)])
  t.deepEqual((before!.body as Request & { type: 'locate' }).digests.length, 2)
  t.deepEqual(requests.closed(new DstoreError('unreachable', 'the link broke')), [])
  t.deepEqual(
    [...requests.sendable()].map(({ body }) => body),
    [{ type: 'locate', digests: [digest(1), digest(3)], inline: true }, put(2)],
  )
})

test('R004-56 nothing waits for others where nothing is under way', (t) => {
  const { requests } = begun()
  t.false(requests.shouldWait(locate(1)))
  const [message] = sent(requests, [locate(1)])
  t.true(requests.shouldWait(locate(2)))
  t.true(requests.shouldWait(put(2)))
  t.false(requests.shouldWait({ type: 'locate', digests: [digest(1)], inline: false }))
  t.false(requests.shouldWait({ type: 'put', values: [Uint8Array.of(1)], name: 'one' }))
  requests.answered(located(message!.id, fact(1)))
  t.false(requests.shouldWait(locate(2)))
})

test('R004-53 no more requests are in flight than Global would read', (t) => {
  const { requests } = begun()
  const list: Request = { type: 'list', after: undefined, limit: 1 }
  const messages = sent(
    requests,
    Array.from({ length: REQUESTS_IN_FLIGHT + 2 }, () => list),
  )
  t.is(messages.length, REQUESTS_IN_FLIGHT)
  const body: Body = { type: 'listed', items: [], more: false }
  t.is(requests.answered({ id: messages[0]!.id, body }).length, 1)
  t.is([...requests.sendable()].length, 1)
})

const ONCE: readonly Request[] = [
  { type: 'remove', digest: digest(1), timeoutMs: 1, force: false },
  { type: 'unbind', name: 'one', keepValue: false, timeoutMs: 1 },
  { type: 'expel', peer: 'L', timeoutMs: 1 },
  { type: 'invite', secretHash: digest(1), role: 'reader', uses: 1, validMs: 1000 },
]

for (const once of ONCE) {
  test(`R004-28 ${once.type} is not sent twice where the link breaks`, (t) => {
    const { requests } = begun()
    sent(requests, [once])
    requests.add(9, once)
    const broken = new DstoreError('unreachable', 'the link broke')
    t.like(requests.closed(broken), [{ ticket: 1, result: { code: 'unreachable' }, keep: false }])
    t.deepEqual(
      [...requests.sendable()].map(({ body }) => body),
      [once],
      'what was not sent is sent now',
    )
  })
}

test('R004-125 values that share a message keep the ids of their operations, also in the next', (t) => {
  const operation = (n: number): Uint8Array => new Uint8Array(16).fill(n)
  const body = (n: number): Request => ({ ...put(n), operations: [operation(n)] }) as Request
  const { requests } = begun()
  const [message, bare, ...more] = sent(requests, [body(1), put(9), body(2)])
  t.deepEqual(more, [])
  const values = [1, 2].map((n) => Uint8Array.of(n))
  const operations = [1, 2].map(operation)
  const expected = { type: 'put', values, name: undefined, operations } as Body
  t.deepEqual([message!.body, bare!.body].toSorted(byCount), [put(9), expected])
  requests.closed(new DstoreError('unreachable', 'gone'), 0)
  requests.add(4, body(3))
  requests.cancel(2)
  const [again] = [...requests.sendable()].filter(({ body: one }) => 'operations' in one)
  t.like(again!.body, { operations: [1, 2, 3].map(operation) })
  const receipts = [1, 2, 3].map(receipt)
  const settled = requests.answered({ id: again!.id, body: { type: 'stored', receipts } })
  t.deepEqual(
    settled.map(({ ticket, keep }) => [ticket, keep]),
    [
      [1, false],
      [3, false],
      [4, true],
    ],
  )
})

const byCount = (a: Body, b: Body): number =>
  a.type === 'put' && b.type === 'put' ? a.values.length - b.values.length : 0

test('R004-125 what the repeat of an operation answers is given, and not kept', (t) => {
  const operation = new Uint8Array(16).fill(7)
  const value = Uint8Array.of(1)
  const batch = { type: 'put-batch', items: [{ value, name: 'n', operation }] } as const
  const single = { type: 'put', values: [value], name: 'n', operation } as const
  const outcomes = [{ receipt: receipt(1) }]
  for (const [body, answer] of [
    [single, { type: 'stored', receipts: [receipt(1)] }],
    [batch, { type: 'stored-batch', outcomes }],
  ] as const) {
    const { requests } = begun()
    const [first] = sent(requests, [body])
    requests.closed(new DstoreError('unreachable', 'gone'), 0)
    const [again] = [...requests.sendable()]
    t.truthy(first)
    const [repeat] = requests.answered({ id: again!.id, body: answer })
    t.false(repeat!.keep, body.type)
    // The caller asks once more for the same operation, and once for another.
    const fresh = operation.slice()
    requests.add(2, body)
    const renamed =
      body.type === 'put-batch'
        ? { ...body, items: [{ ...body.items[0], operation: fresh }] }
        : { ...body, operation: fresh }
    requests.add(3, renamed)
    const kept = [...requests.sendable()].map(({ id }) => {
      return requests.answered({ id, body: answer })[0]!.keep
    })
    t.deepEqual(kept, [false, true], body.type)
  }
})

test('R012-61: a request waits for another member of a set, unless its caller has another answer', (t) => {
  const lost = new DstoreError('unreachable', 'reset')
  for (const isOfSet of [false, true]) {
    const { requests } = begun()
    requests.isOfSet = isOfSet
    requests.add(1, put(1))
    requests.add(2, locate(2), [], false)
    requests.closed(lost, 1000)
    t.deepEqual(requests.expire(1000 + REDIAL_PATIENCE_MS - 1), [])
    const brief = (now: number): number[] => requests.expire(now).map(({ ticket }) => ticket)
    t.deepEqual(brief(1000 + REDIAL_PATIENCE_MS), isOfSet ? [2] : [1, 2])
    t.deepEqual(brief(1000 + FAILOVER_PATIENCE_MS - 1), [])
    t.deepEqual(brief(1000 + FAILOVER_PATIENCE_MS), isOfSet ? [1] : [])
  }
})

test('R012-61: a Local that a set refuses does not wait for another member', (t) => {
  const { requests } = begun()
  requests.isOfSet = true
  requests.add(1, put(1))
  requests.closed(new DstoreError('not-permitted', 'expelled'), 0)
  t.like(requests.expire(1)[0]?.result, { code: 'not-permitted' })
})
