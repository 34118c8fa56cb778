import { test } from '../../serial.ts'
import type { Body, PutBatch, Receipt } from '../../../src/index/message.ts'
import { COMMIT_BYTES } from '../../../src/limits.ts'
import { Machine, digestOf, valueOf } from './machine.ts'

const putOf = (...numbers: number[]) =>
  ({ type: 'put', values: numbers.map(valueOf), name: undefined }) as const

const receiptsOf = (body: Body | undefined): readonly Receipt[] =>
  body?.type === 'stored' ? body.receipts : []

const existed = (body: Body | undefined): boolean[] => receiptsOf(body).map((one) => one.existed)

/** How many effects of each kind of work there were since the first `from`. */
function work(machine: Machine, from: number): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { type } of machine.effects.slice(from)) counts[type] = (counts[type] ?? 0) + 1
  return counts
}

test('R007-197 R004-45: a batch of new values takes one look-up and one commit, each value its own change', (t) => {
  const machine = new Machine()
  const before = machine.store.lastSeq
  const body = machine.answer(putOf(1, 2, 3))
  t.deepEqual(work(machine, 0), { stage: 1, read: 1, 'commit-all': 1, send: 1 })
  t.deepEqual(
    receiptsOf(body).map(({ digest, incarnation, existed }) => ({ digest, incarnation, existed })),
    [1, 2, 3].map((n) => ({ digest: digestOf(n), incarnation: before + n, existed: false })),
  )
  t.is(machine.index.position.seq, before + 3)
  // Nothing counts as being committed any more: a removal, and one again, conclude at once.
  const remove = {
    type: 'remove',
    digest: digestOf(2),
    timeoutMs: undefined,
    force: false,
  } as const
  for (let i = 0; i < 2; i++) t.like(machine.answer(remove), { type: 'removed', seq: before + 4 })
})

test('R007-197: values that exist are confirmed once, those that come twice are stored once, and others are new', (t) => {
  const machine = new Machine()
  machine.put(1)
  machine.put(2, 'named only')
  const from = machine.effects.length
  const body = machine.answer(putOf(3, 1, 3, 2, 1))
  t.deepEqual(existed(body), [false, true, true, true, true])
  const counts = work(machine, from)
  t.is(counts['commit-all'], 1)
  // The ones together; the second three in a plan of its own, and the named one after its change.
  t.is(counts['confirm'], 3)
  // Those that were not adopted: both ones, the second three, and the named one.
  t.is(counts['discard'], 4)
  t.deepEqual(existed(machine.answer(putOf(1, 2, 3))), [true, true, true])
  t.is(machine.index.position.seq, machine.store.lastSeq)
})

test('R007-197 R004-5: of two batches at the same moment each value is created once', (t) => {
  const machine = new Machine()
  machine.holds.add('commit-all')
  const [first, second] = [machine.ask(putOf(1, 2)), machine.ask(putOf(2, 3))]
  t.deepEqual([first(), second()], [undefined, undefined])
  machine.release()
  t.deepEqual(existed(first()), [false, false])
  t.deepEqual(existed(second()), [true, false])
  t.is(machine.index.position.seq, machine.store.lastSeq)
})

test('R007-197: a batch whose work fails is answered once, and frees what it staged', (t) => {
  for (const at of ['read', 'commit-all', 'confirm'] as const) {
    const machine = new Machine()
    machine.put(9)
    const from = machine.effects.length
    machine.holds.add(at)
    const answer = machine.ask(putOf(1, 2, 9))
    const [held] = machine.held.splice(0)
    if (held === undefined || !('ticket' in held)) return t.fail()
    const failure = { type: 'failure', code: 'no-space', message: 'full', hint: undefined } as const
    machine.handle({ type: 'failed', ticket: held.ticket, failure, now: 0 })
    t.like(answer(), { type: 'failure', code: 'no-space' }, at)
    const counts = work(machine, from)
    t.is(counts['send'], 1, at)
    t.is(counts['discard'], at === 'confirm' ? 1 : 3, at)
    machine.holds.clear()
    t.deepEqual(existed(machine.answer(putOf(1, 2))), [at === 'confirm', at === 'confirm'])
  }
})

/** 80 values of 10 kB, under names or without. */
const largeBatch = (hasNames: boolean): PutBatch => ({
  type: 'put-batch',
  items: Array.from({ length: 80 }, (_, i) => ({
    value: new Uint8Array(10_000).fill(i),
    ...(hasNames && { name: `n/${i}` }),
  })),
})

test('R005-140: what is put together is committed in calls that fit into a message', (t) => {
  for (const hasNames of [false, true]) {
    const machine = new Machine()
    const before = machine.store.lastSeq
    const body = machine.answer(largeBatch(hasNames))
    const commits = machine.effects.flatMap((effect) =>
      effect.type === 'commit-all' ? [effect.transactions] : [],
    )
    t.is(commits.length, 2)
    for (const transactions of commits) {
      const adopted = transactions.flatMap(({ adopt }) => adopt ?? [])
      t.true(adopted.length * 10_000 <= COMMIT_BYTES)
    }
    const outcomes = body.type === 'stored-batch' ? body.outcomes : []
    t.deepEqual(
      outcomes.map((one) => 'receipt' in one && one.receipt.incarnation - before),
      Array.from({ length: 80 }, (_, i) => i + 1),
    )
    t.is(machine.index.position.seq, machine.store.lastSeq)
  }
})

test('R005-140: of a batch whose second call fails, the values of the first are put', (t) => {
  const machine = new Machine()
  machine.holds.add('commit-all')
  const answer = machine.ask(largeBatch(true))
  const [first, second] = machine.held.splice(0)
  if (second === undefined || !('ticket' in second)) return t.fail()
  machine.holds.clear()
  machine.carryOut(first!)
  t.is(answer(), undefined)
  const failure = { type: 'failure', code: 'no-space', message: 'full', hint: undefined } as const
  machine.handle({ type: 'failed', ticket: second.ticket, failure, now: 0 })
  const body = answer()
  const isStored = body?.type === 'stored-batch' ? body.outcomes.map((one) => 'receipt' in one) : []
  const stored = isStored.filter((is) => is).length
  t.true(stored > 40 && stored < 80)
  t.is(isStored.lastIndexOf(true), stored - 1)
  t.is(machine.index.position.seq, machine.store.lastSeq)
  // What failed is free again, and can be put; what was put is there.
  const again = machine.answer(largeBatch(true))
  const existed =
    again.type === 'stored-batch'
      ? again.outcomes.map((one) => 'receipt' in one && one.receipt.existed)
      : []
  t.deepEqual(existed, isStored)
})
