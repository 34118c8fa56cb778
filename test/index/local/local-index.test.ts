/** What a Local's index makes of what goes on beside its stream. */
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { keySubject } from '../../../src/index/local/in-flight.ts'
import { LocalIndex } from '../../../src/index/local/local-index.ts'
import type { Position, Request } from '../../../src/index/message.ts'

const DIGEST = new Uint8Array(32).fill(5)
const THING = keySubject(DIGEST)

const run = (n: number): Uint8Array => new Uint8Array(16).fill(n)

function away(): LocalIndex {
  return new LocalIndex({ bootId: run(9), now: 0 })
}

/** Global welcomes it, where it stood before or with a reset. */
function welcome(
  index: LocalIndex,
  position: Position,
  reset: boolean,
  held: readonly Uint8Array[] = [],
  leaseMs?: number,
): void {
  index.handle({ type: 'opened', now: 1 })
  const rest = { type: 'welcome', version: 2, members: [], addresses: [] } as const
  const body = { ...rest, position, leaseMs, reset }
  index.handle({ type: 'message', message: { id: 1, body }, now: 2 })
  if (reset) index.handle({ type: 'held', digests: held, now: 3 })
}

function connected(): LocalIndex {
  const index = away()
  welcome(index, { runId: run(1), seq: 8 }, true)
  return index
}

test('R004-17 what was put on a link that has lasted is fresh', (t) => {
  const index = connected()
  const flight = index.begin(DIGEST)
  t.true(flight.isFresh(THING, 9))
  t.is(index.link, 'connected')
})

test('R004-17 an upload that a broken link has overtaken is not kept: its seq may be of a history that never was', (t) => {
  const index = connected()
  const flight = index.begin(DIGEST)
  const error = new DstoreError('unreachable', 'the link broke')
  index.handle({ type: 'closed', now: 4, error })
  t.false(flight.isFresh(THING, 9))
  // A Global that was restored from a backup begins its run where the upload was; the hello did not
  // know of it.
  welcome(index, { runId: run(2), seq: 9 }, false)
  t.is(index.link, 'connected')
  t.false(flight.isFresh(THING, 9))
  t.true(index.begin(DIGEST).isFresh(THING, 10))
})

test('R004-74 an upload during which a hello goes out is not kept: that hello could not name it', (t) => {
  const index = connected()
  const before = index.begin(DIGEST)
  index.handle({ type: 'opened', now: 10 })
  t.is(index.link, 'connected', 'the session goes on')
  t.true(index.isGreeting)
  t.false(before.isFresh(THING, 9))
  const during = index.begin(DIGEST)
  t.false(during.isFresh(THING, 9))
  const error = new DstoreError('timeout', 'no welcome')
  t.deepEqual(index.handle({ type: 'unanswered', error, now: 20 }), [])
  t.is(index.link, 'connected')
  t.false(during.isFresh(THING, 9), 'Global may have taken that hello')
  t.true(index.begin(DIGEST).isFresh(THING, 9))
})

test('R004-75 a session ends when a second hello is answered, and its requests go to the new one', (t) => {
  const index = connected()
  const locate = { type: 'locate', digests: [DIGEST], inline: true } as const
  index.handle({ type: 'request', ticket: 1, body: locate, now: 5 })
  index.handle({ type: 'opened', now: 10 })
  const error = new DstoreError('unreachable', 'it was silent')
  index.handle({ type: 'closed', error, now: 20 })
  t.is(index.link, 'greeting', 'the hello is still out')
  const position = { runId: run(1), seq: 8 }
  const rest = { type: 'welcome', version: 1, members: [], addresses: [] } as const
  const body = { ...rest, position, leaseMs: undefined, reset: false }
  const effects = index.handle({ type: 'message', message: { id: 1, body }, now: 30 })
  t.is(index.link, 'connected')
  t.false(index.isGreeting)
  t.true(effects.some((one) => one.type === 'send' && one.message.body.type === 'locate'))
})

test('R004-17 what is put without a link is not kept: nothing is known of the history that it is in', (t) => {
  t.false(away().begin(DIGEST).isFresh(THING, 9))
})

const feed = (after: number, upto: number) =>
  ({
    type: 'feed',
    after,
    upto,
    removals: [{ digest: DIGEST, seq: upto }],
    unbindings: [],
    memberships: [],
  }) as const

test('R004-4 R004-13 a feed that leaves a gap, or goes back, ends the stream and is not applied', (t) => {
  for (const after of [7, 9]) {
    const index = connected()
    const message = { id: 0, body: feed(after, 12) }
    const effects = index.handle({ type: 'message', message, now: 5 })
    t.like(effects, [{ type: 'close', error: { code: 'protocol' } }])
    t.is(effects.length, 1)
    t.is(index.position?.seq, 8)
  }
  const index = connected()
  const effects = index.handle({ type: 'message', message: { id: 0, body: feed(8, 12) }, now: 5 })
  t.like(effects, [
    { type: 'apply' },
    { type: 'send', message: { body: { type: 'ack', seq: 12 } } },
  ])
})

test('R004-19 a feed before the reset is acknowledged ends the stream', (t) => {
  const index = connected()
  index.handle({ type: 'closed', now: 4, error: new DstoreError('unreachable', 'gone') })
  welcome(index, { runId: run(2), seq: 8 }, true, [DIGEST])
  const message = { id: 0, body: feed(8, 12) }
  t.like(index.handle({ type: 'message', message, now: 5 }), [{ type: 'close' }])
})

test('R004-50 a lease is renewed several times before it expires', (t) => {
  const index = away()
  welcome(index, { runId: run(1), seq: 8 }, true, [], 400)
  const pings = (now: number): number =>
    index
      .handle({ type: 'tick', now })
      .filter((effect) => effect.type === 'send' && effect.message.body.type === 'ping').length
  t.is(pings(101), 0)
  t.is(pings(102), 1)
  t.is(pings(201), 0)
  t.is(pings(202), 1)
})

test('R006-15 a Local that is not permitted serves nothing until it is welcome again', (t) => {
  const index = connected()
  const body = { type: 'failure', code: 'not-permitted', message: 'gone', hint: undefined } as const
  const effects = index.handle({ type: 'message', message: { id: 0, body }, now: 5 })
  t.deepEqual(
    effects.map(({ type }) => type),
    ['end-reads', 'close'],
  )
  t.is(index.verdict(5), 'refused')
  index.handle({ type: 'closed', now: 6, error: new DstoreError('not-permitted', 'gone') })
  t.is(index.verdict(60_000), 'refused')
  welcome(index, { runId: run(1), seq: 8 }, false)
  t.is(index.verdict(7), 'serve')
})

const HOLD = run(7)

const OF_TREES: readonly Request[] = [
  { type: 'hold', id: HOLD, release: false },
  { type: 'present', hold: HOLD, items: [{ digest: DIGEST, directory: false }] },
  { type: 'make-directories', hold: HOLD, digests: [DIGEST] },
  { type: 'commit-tree', hold: HOLD, digest: DIGEST, name: undefined },
  { type: 'put', values: [DIGEST], name: undefined, hold: HOLD },
  { type: 'offer', digest: DIGEST, size: 1, name: undefined, hold: HOLD },
  { type: 'bind', name: 'n', digest: DIGEST, directory: true },
]

const OF_TAGS: readonly Request[] = [
  { type: 'rebind', name: 'n', digest: DIGEST },
  { type: 'tag-history', name: 'n' },
  { type: 'bind', name: 'n', digest: DIGEST, naming: { expiresMs: 1 } },
  { type: 'put', values: [DIGEST], name: 'n', naming: { tag: true } },
  { type: 'offer', digest: DIGEST, size: 1, name: 'n', naming: { tag: true } },
  { type: 'commit-tree', hold: HOLD, digest: DIGEST, name: 'n', naming: { tag: true } },
]

test('R004-3: to a Global of version 2 no request of tags or expiry is sent', (t) => {
  const index = away()
  index.handle({ type: 'opened', now: 1 })
  const rest = { type: 'welcome', version: 2, members: [], addresses: [] } as const
  const body = { ...rest, position: { runId: run(1), seq: 8 }, leaseMs: undefined, reset: true }
  index.handle({ type: 'message', message: { id: 1, body }, now: 2 })
  for (const [ticket, request] of OF_TAGS.entries()) {
    const effects = index.handle({ type: 'request', ticket, body: request, now: 5 })
    t.is(effects.length, 1)
    t.like(effects[0], { type: 'settle', ticket, result: { code: 'incompatible' } }, request.type)
  }
  const hold = { type: 'hold', id: HOLD, release: false } as const
  const sent = index.handle({ type: 'request', ticket: 50, body: hold, now: 6 })
  t.like(sent[0], { type: 'send', message: { body: { type: 'hold' } } })
})

test('R004-3: to a Global of version 1 no request of trees is sent, and the session goes on', (t) => {
  const index = away()
  index.handle({ type: 'opened', now: 1 })
  const rest = { type: 'welcome', version: 1, members: [], addresses: [] } as const
  const body = { ...rest, position: { runId: run(1), seq: 8 }, leaseMs: undefined, reset: true }
  index.handle({ type: 'message', message: { id: 1, body }, now: 2 })
  for (const [ticket, request] of OF_TREES.entries()) {
    const effects = index.handle({ type: 'request', ticket, body: request, now: 5 })
    t.deepEqual(
      effects.map(({ type }) => type),
      ['settle'],
      request.type,
    )
    t.like(effects[0], { ticket, result: { code: 'incompatible' } })
    t.regex((effects[0] as { result: { hint: string } }).result.hint, /same release/)
  }
  const put = { type: 'put', values: [DIGEST], name: undefined } as const
  const sent = index.handle({ type: 'request', ticket: 50, body: put, now: 6 })
  t.like(sent[0], { type: 'send', message: { body: { type: 'put' } } })
  t.is(index.link, 'connected')
})

test('R004-27, R004-85: a caller that has another answer takes it once Global is silent for 5 s', (t) => {
  const index = connected()
  const lookup = (ticket: number, now: number, isPatient: boolean): unknown[] => {
    const body: Request = { type: 'lookup', name: `n/${ticket}`, inline: true }
    const effects = index.handle({ type: 'request', ticket, body, now, isPatient })
    return effects.filter(({ type }) => type === 'settle')
  }
  const tick = (now: number): unknown[] =>
    index.handle({ type: 'tick', now }).filter(({ type }) => type === 'settle')
  t.deepEqual([...lookup(1, 100, false), ...lookup(2, 100, true)], [])
  // Heard at 3; a doubt of 2 s begins after 3 s of silence.
  t.deepEqual([...tick(3004), ...tick(5003)], [])
  t.like(tick(5004), [{ ticket: 1, result: { code: 'unreachable' } }])
  t.like(lookup(3, 6000, false), [{ ticket: 3, result: { code: 'unreachable' } }])
  t.deepEqual(lookup(4, 6000, true), [])
  t.is(index.link, 'connected')
})

test('R012-61: Global is a set once its pong has named addresses, also after the link broke', (t) => {
  const requests = (index: LocalIndex): number => {
    const body: Request = { type: 'locate', digests: [DIGEST], inline: true }
    const closed = { type: 'closed', error: new DstoreError('unreachable', 'gone') } as const
    index.handle({ ...closed, now: 2000 })
    index.handle({ type: 'request', ticket: 1, body, now: 2001 })
    const effects = index.handle({ type: 'tick', now: 12_000 })
    return effects.filter(({ type }) => type === 'settle').length
  }
  for (const addresses of [undefined, ['/ip4/10.0.0.1/tcp/1']]) {
    const index = connected()
    const ping = index.handle({ type: 'tick', now: 1500 }).find(({ type }) => type === 'send')
    t.true(ping?.type === 'send' && ping.message.body.type === 'ping')
    const { id } = (ping as { message: { id: number } }).message
    const body = { type: 'pong', seq: 8, ...(addresses && { addresses }) } as const
    index.handle({ type: 'message', message: { id, body }, now: 1501 })
    t.is(index.failover.isOfSet, addresses !== undefined)
    t.is(requests(index), addresses === undefined ? 1 : 0)
    t.is(index.failover.isFailingOver(12_000), addresses !== undefined)
    t.false(index.failover.isFailingOver(17_001))
  }
})
