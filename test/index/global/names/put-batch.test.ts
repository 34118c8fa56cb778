import type { BatchItem, BatchOutcome, Body } from '../../../../src/index/message.ts'
import { BATCH_ITEMS } from '../../../../src/limits.ts'
import { test } from '../../../serial.ts'
import { Machine, digestOf, valueOf } from '../machine.ts'

const id = (n: number): Uint8Array => new Uint8Array(16).fill(n)

const item = (n: number, name?: string, rest: Partial<BatchItem> = {}): BatchItem => ({
  value: valueOf(n),
  ...(name !== undefined && { name }),
  ...rest,
})

const tag = { naming: { tag: true } }

const batch = (...items: BatchItem[]) => ({ type: 'put-batch', items }) as const

const outcomesOf = (body: Body | undefined): readonly BatchOutcome[] =>
  body?.type === 'stored-batch' ? body.outcomes : []

/** `new` or `existed`, or the code of the failure, of each. */
const said = (body: Body | undefined): string[] =>
  outcomesOf(body).map((one) =>
    'failure' in one ? one.failure.code : one.receipt.existed ? 'existed' : 'new',
  )

const boundTo = (machine: Machine, name: string): Uint8Array | undefined => {
  const body = machine.answer({ type: 'lookup', name, inline: false })
  return body.type === 'binding' ? body.found?.digest : undefined
}

function work(machine: Machine, from: number): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { type } of machine.effects.slice(from)) counts[type] = (counts[type] ?? 0) + 1
  return counts
}

test('R004-167: new values with names take two look-ups and one commit, each its own change', (t) => {
  const machine = new Machine()
  const before = machine.store.lastSeq
  const body = machine.answer(batch(item(1, 'a'), item(2, 'b/c'), item(3), item(4, 't', tag)))
  t.deepEqual(work(machine, 0), { stage: 1, read: 2, 'commit-all': 1, send: 1 })
  t.deepEqual(
    outcomesOf(body).map((one) => 'receipt' in one && one.receipt.incarnation),
    [1, 2, 3, 4].map((n) => before + n),
  )
  t.deepEqual(
    ['a', 'b/c', 't'].map((name) => boundTo(machine, name)),
    [1, 2, 4].map(digestOf),
  )
  t.is(outcomesOf(machine.answer(batch())).length, 0)
})

test('R004-167: one that fails leaves the others as they are, and keeps nothing', (t) => {
  const machine = new Machine()
  machine.put(1, 'taken')
  const { lastSeq } = machine.store
  const expired = { naming: { expiresMs: 0 } }
  const body = machine.answer(
    batch(item(2, 'a'), item(3, 'taken'), item(4, 'taken', tag), item(1, 'taken'), item(5, 'mh/x')),
  )
  t.deepEqual(said(body), ['new', 'conflict', 'conflict', 'existed', 'usage'])
  t.is(machine.store.lastSeq, lastSeq + 1)
  t.is(boundTo(machine, 'a') && machine.bytes.size, 6)
  const discarded = machine.effects.filter(({ type }) => type === 'discard').length
  t.is(discarded, 4, 'what was not adopted')
  t.deepEqual(said(machine.answer(batch(item(6, 'soon', expired)))), ['new'])
})

test('R004-167: items with the same bytes or name take their turns, in their order', (t) => {
  const machine = new Machine()
  const from = machine.effects.length
  const body = machine.answer(
    batch(item(1, 'a'), item(2, 't', tag), item(1, 'b'), item(3, 't', tag), item(1, 'a'), item(2)),
  )
  t.deepEqual(said(body), ['new', 'new', 'existed', 'new', 'existed', 'existed'])
  t.deepEqual(boundTo(machine, 't'), digestOf(3))
  t.deepEqual(boundTo(machine, 'b'), digestOf(1))
  const { 'commit-all': together, commit } = work(machine, from)
  t.true((together ?? 0) + (commit ?? 0) <= 4)
  const same = Array.from({ length: 60 }, (_, i) => item(9, `same/${i}`))
  const before = machine.effects.length
  t.is(said(machine.answer(batch(...same))).filter((one) => one !== 'new').length, 59)
  // None was tried in vain.
  t.is(work(machine, before)['commit'], 60)
})

test('R004-167 R004-125: a repeated batch has no further effect, and an item of it neither', (t) => {
  const machine = new Machine()
  const items = [
    item(1, 'a', { operation: id(1) }),
    item(2, 't', { ...tag, operation: id(2) }),
    item(3, 'c', { operation: id(3) }),
  ]
  const first = machine.answer(batch(...items))
  machine.answer({ type: 'unbind', name: 'a', keepValue: false, timeoutMs: 9 })
  machine.answer(batch(item(4, 't', { ...tag, operation: id(4) })))
  const { lastSeq } = machine.store
  t.deepEqual(machine.answer(batch(...items)), first)
  t.is(machine.store.lastSeq, lastSeq)
  t.is(boundTo(machine, 'a'), undefined)
  t.deepEqual(boundTo(machine, 't'), digestOf(4))
  // After a restart the log says the same.
  machine.start()
  t.deepEqual(
    said(machine.answer(batch(...items, item(5, 'd', { operation: id(5) })))).at(-1),
    'new',
  )
  t.is(boundTo(machine, 'a'), undefined)
  t.deepEqual(boundTo(machine, 't'), digestOf(4))
  t.deepEqual(boundTo(machine, 'd'), digestOf(5))
})

test('R004-167: what a batch stages is freed where its rows cannot be read', (t) => {
  const machine = new Machine()
  machine.holds.add('read')
  const answer = machine.ask(batch(item(1, 'a'), item(2, 'b')))
  const [read] = machine.held.splice(0)
  const failure = { type: 'failure', code: 'internal', message: 'no', hint: undefined } as const
  const { ticket } = read as { ticket: number }
  machine.handle({ type: 'failed', ticket, failure, now: machine.now })
  t.deepEqual(said(answer()), ['internal', 'internal'])
  t.is(machine.effects.filter(({ type }) => type === 'discard').length, 2)
})

test('R004-167: a full batch of names is one commit', (t) => {
  const machine = new Machine()
  const items = Array.from({ length: BATCH_ITEMS }, (_, i) => ({
    value: Uint8Array.of(i & 255, i >> 8),
    name: `n/${i}`,
  }))
  const from = machine.effects.length
  t.true(said(machine.answer(batch(...items))).every((one) => one === 'new'))
  t.deepEqual(work(machine, from), { stage: 1, read: 2, 'commit-all': 1, send: 1 })
})

test('R004-167: writers may send batches, and readers not', (t) => {
  const machine = new Machine()
  const reader = machine.hello('reader', {}, 'reader')
  t.like(machine.answer(batch(item(1, 'a')), reader), { type: 'failure', code: 'not-permitted' })
  const writer = machine.hello('writer', {}, 'writer')
  t.deepEqual(said(machine.answer(batch(item(1, 'a')), writer)), ['new'])
  const older = machine.hello('older', { versions: [2, 1] }, 'writer')
  t.like(machine.answer(batch(item(1, 'b')), older), { type: 'failure', code: 'incompatible' })
})
