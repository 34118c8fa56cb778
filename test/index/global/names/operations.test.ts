import { viewOf } from '../../../../src/bytes.ts'
import { Operations } from '../../../../src/index/global/names/operations.ts'
import type { LoggedChange } from '../../../../src/index/global/plan.ts'
import type { Body, Request, Stored } from '../../../../src/index/message.ts'
import { keyRow } from '../../../../src/index/records/record.ts'
import { ALL_RULES } from '../../../../src/index/rules.ts'
import { OPERATIONS, OPERATION_MS } from '../../../../src/limits.ts'
import { test } from '../../../serial.ts'
import { Machine, digestOf, valueOf } from '../machine.ts'

const id = (n: number): Uint8Array => new Uint8Array(16).fill(n)

const rebind = (n: number, operation?: number): Request => ({
  type: 'rebind',
  name: 'tag',
  digest: digestOf(n),
  ...(operation !== undefined && { operation: id(operation) }),
})

const put = (n: number, operation: number): Request => ({
  type: 'put',
  values: [valueOf(n)],
  name: `n${n}`,
  operation: id(operation),
})

const boundTo = (machine: Machine, name: string): Uint8Array | undefined => {
  const body = machine.answer({ type: 'lookup', name, inline: false })
  return body.type === 'binding' ? body.found?.digest : undefined
}

function withValues(): Machine {
  const machine = new Machine()
  for (const n of [1, 2, 3]) machine.put(n)
  return machine
}

test('R004-125: a repeated move does not undo a later one, and gets the same answer', (t) => {
  const machine = withValues()
  const first = machine.answer(rebind(1, 7))
  machine.answer(rebind(2, 8))
  const { lastSeq } = machine.store
  t.deepEqual(machine.answer(rebind(1, 7)), first)
  t.deepEqual(boundTo(machine, 'tag'), digestOf(2))
  t.is(machine.store.lastSeq, lastSeq)
  machine.answer(rebind(1))
  t.deepEqual(boundTo(machine, 'tag'), digestOf(1), 'another operation moves it')
})

test('R004-125: a repeated put does not undo a removal', (t) => {
  const machine = new Machine()
  const first = machine.answer(put(1, 7))
  machine.answer({ type: 'unbind', name: 'n1', keepValue: false, timeoutMs: 9 })
  t.deepEqual(machine.answer(put(1, 7)), first)
  t.is(boundTo(machine, 'n1'), undefined)
  const value = { digest: digestOf(1), size: 1, location: 'late' }
  const again = { type: 'uploaded', id: 900, value, name: 'n1', operation: id(7) } as const
  machine.handle({ ...again, now: machine.now })
  t.is(boundTo(machine, 'n1'), undefined)
  t.true(machine.effects.some((one) => one.type === 'discard' && one.location === 'late'))
})

test('R004-125: a repeated put without a name does not undo a removal, whatever shares its message', (t) => {
  const machine = new Machine()
  const putAll = (numbers: readonly number[]): Body =>
    machine.answer({
      type: 'put',
      values: numbers.map(valueOf),
      name: undefined,
      operations: numbers.map(id),
    })
  const first = putAll([1, 2])
  t.like(first, { type: 'stored', receipts: [{ existed: false }, { existed: false }] })
  machine.answer({ type: 'remove', digest: digestOf(1), force: true, timeoutMs: 9 })
  const again = putAll([3, 1])
  t.like(again, { type: 'stored', receipts: [{ digest: digestOf(3) }, { digest: digestOf(1) }] })
  t.is(machine.store.get(keyRow(digestOf(1))), undefined)
  t.true(machine.store.get(keyRow(digestOf(3))) !== undefined)
  t.is(machine.effects.filter(({ type }) => type === 'discard').length, 1, 'of what was repeated')
  machine.start({}, 1)
  putAll([2, 1])
  t.is(machine.store.get(keyRow(digestOf(1))), undefined, 'after a restart neither')
  machine.answer({ type: 'put', values: [valueOf(1)], name: undefined, operations: [id(9)] })
  t.true(machine.store.get(keyRow(digestOf(1))) !== undefined, 'another operation puts it')
})

test('R004-125: a repeat that comes while the first is on its way waits for its outcome', (t) => {
  const machine = withValues()
  machine.holds.add('commit')
  const answers = [machine.ask(rebind(1, 7)), machine.ask(rebind(1, 7))]
  t.is(machine.held.length, 1)
  machine.release()
  t.deepEqual(answers[0]!(), answers[1]!())
  t.like(answers[1]!(), { type: 'rebound' })
})

test('R004-125: what failed is no operation; its repeat is served again', (t) => {
  const machine = new Machine()
  t.like(machine.answer(rebind(1, 7)), { type: 'failure', code: 'not-found' })
  machine.put(1)
  t.like(machine.answer(rebind(1, 7)), { type: 'rebound' })
})

test('R004-125: an offer that asks for the bytes is not done before they came', (t) => {
  const machine = new Machine()
  const offer = {
    type: 'offer',
    digest: digestOf(1),
    size: 1,
    name: 'n',
    operation: id(7),
  } as const
  t.like(machine.answer(offer), { type: 'offered', have: undefined })
  const value = { digest: digestOf(1), size: 1, location: 'here' }
  machine.handle({
    type: 'uploaded',
    id: 900,
    value,
    name: 'n',
    operation: id(7),
    now: machine.now,
  })
  const have = { digest: digestOf(1), size: 1 }
  t.like(machine.answer(offer), { type: 'offered', have }, 'the repeat finds that it is done')
})

test('R004-125: an operation is forgotten after its time', (t) => {
  const machine = withValues()
  machine.answer(rebind(1, 7))
  machine.answer(rebind(2, 8))
  machine.now += OPERATION_MS + 1
  machine.answer(rebind(1, 7))
  t.deepEqual(boundTo(machine, 'tag'), digestOf(1))
})

test('R004-126: after a restart the end of the log says which operations are done', (t) => {
  const machine = withValues()
  const answers: Body[] = [machine.answer(rebind(1, 7)), machine.answer(put(9, 9))]
  const bound = machine.answer({ type: 'bind', name: 'b', digest: digestOf(3), operation: id(10) })
  machine.answer(rebind(2, 8))
  machine.answer({ type: 'unbind', name: 'n9', keepValue: false, timeoutMs: 9 })
  machine.answer({ type: 'unbind', name: 'b', keepValue: true, timeoutMs: 9 })
  machine.start({}, 1)
  const { lastSeq } = machine.store
  t.like(machine.answer(rebind(1, 7)), {
    type: 'rebound',
    found: {
      digest: digestOf(1),
      incarnation: (answers[0] as { found: { incarnation: number } }).found.incarnation,
    },
  })
  t.deepEqual(machine.answer(put(9, 9)), answers[1])
  const again = machine.answer({ type: 'bind', name: 'b', digest: digestOf(3), operation: id(10) })
  const { found } = bound as Body & { type: 'binding' }
  t.like(again, { type: 'binding', found: { incarnation: found!.incarnation, fact: found!.fact } })
  t.is(machine.store.lastSeq, lastSeq)
  t.deepEqual(boundTo(machine, 'tag'), digestOf(2))
  t.is(boundTo(machine, 'n9'), undefined)
  t.is(boundTo(machine, 'b'), undefined)
})

test('R004-123 R004-126: a repeated put says again what it moved, with the Locals that are silent then', (t) => {
  const machine = new Machine()
  const tagged = (n: number, operation: number): Body =>
    machine.answer({ ...put(n, operation), name: 'tag', naming: { tag: true } } as Request)
  tagged(1, 1)
  const first = tagged(2, 2)
  t.like(first, { receipts: [{ moved: { previous: { digest: digestOf(1) }, silent: [] } }] })
  const away = machine.hello('away')
  machine.message(away, { id: 0, body: { type: 'ack', seq: machine.index.position.seq } })
  machine.tick(3001)
  const { receipts } = first as Stored
  const silent = { ...receipts[0]!.moved!, silent: ['away'] }
  const expected = { type: 'stored', receipts: [{ ...receipts[0]!, moved: silent }] }
  t.deepEqual(tagged(2, 2), expected as Body)
  const offer = { type: 'offer', digest: digestOf(1), size: 1, name: 'tag' } as const
  const offered = { ...offer, naming: { tag: true }, operation: id(4) }
  t.like(machine.answer(offered), { have: { moved: { silent: ['away'] } } })
  machine.message(away, { id: 1, body: { type: 'ping' } })
  t.like(machine.answer(offered), { have: { moved: { silent: [] } } })
  tagged(2, 5)
  machine.tick(3001)
  // The same target again is no move, whatever else it changes; that stays so after a restart.
  const longer = { ...rebind(2, 3), naming: { expiresMs: 60_000 } } as Request
  machine.answer(longer)
  machine.start({}, 1)
  const again = tagged(2, 2) as Stored
  t.deepEqual(again.receipts[0]!.moved!.previous, silent.previous)
  t.is(again.receipts[0]!.moved!.keptUntilMs, silent.keptUntilMs)
  t.like(machine.answer(longer), { type: 'rebound', previous: undefined })
})

/** An id of the form of a Local: its prefix, and a number. */
function numbered(number: number): Uint8Array {
  const operation = new Uint8Array(16).fill(0xcd)
  viewOf(operation).setBigUint64(8, BigInt(number))
  return operation
}

test('R004-132: what a Local says that it will not repeat is forgotten, and nothing else', (t) => {
  const machine = withValues()
  const move = (n: number, number: number): Body =>
    machine.answer({
      type: 'rebind',
      name: 'tag',
      digest: digestOf(n),
      operation: numbered(number),
    })
  for (const [n, number] of [
    [1, 255],
    [2, 256],
    [3, 257],
  ] as const) {
    move(n, number)
  }
  machine.answer({ type: 'ping', settled: [{ first: numbered(254), count: 3 }] })
  move(3, 257)
  t.deepEqual(boundTo(machine, 'tag'), digestOf(3))
  move(1, 255)
  t.deepEqual(boundTo(machine, 'tag'), digestOf(1), 'it is a new operation')
  move(3, 257)
  t.deepEqual(boundTo(machine, 'tag'), digestOf(1), 'this one is remembered')
})

test('R004-125 R004-132: beyond the bound Global is busy, until Locals say what has ended', (t) => {
  let now = 0
  const operations = new Operations({
    now: () => now,
    wall: () => now,
    run: 1,
    rules: ALL_RULES,
    silent: () => [],
    readLog: () => t.fail('there is nothing to read back'),
  })
  const stored: Body = { type: 'stored', receipts: [] }
  const run = (number: number): Body => {
    let answer: Body | undefined
    const request = { type: 'put', operation: numbered(number) } as const
    const finish = (body: Body): void => void (answer = body)
    operations.run(request, finish, (done) => done(stored))
    return answer!
  }
  for (let i = 0; i < OPERATIONS; i++) run(i)
  t.like(run(OPERATIONS), { type: 'failure', code: 'busy' })
  t.is(run(5), stored, 'a repeat is answered all the same')
  operations.settled([{ first: numbered(10), count: 2 }])
  t.deepEqual([run(OPERATIONS), run(OPERATIONS + 1)], [stored, stored])
  t.like(run(OPERATIONS + 2), { code: 'busy' })
  now += OPERATION_MS
  t.is(run(OPERATIONS + 2), stored, 'their time is over')
})

test('R004-126: what is read back leaves room for new operations, and ends with its time', (t) => {
  const tail = Array.from({ length: OPERATIONS }, (_, i) => ({
    seq: i + 1,
    atMs: 0,
    change: { type: 'put', digest: digestOf(1), size: 1, names: ['n'], operation: numbered(i) },
  })) as readonly LoggedChange[]
  let now = 0
  let begun = 0
  const operations = new Operations({
    now: () => now,
    wall: () => now,
    run: OPERATIONS + 1,
    rules: ALL_RULES,
    silent: () => [],
    readLog: (after, limit, done) => done(tail.slice(after, after + limit)),
  })
  const run = (number: number): Body => {
    let answer: Body | undefined
    const request = { type: 'put', operation: numbered(number) } as const
    const finish = (body: Body): void => void (answer = body)
    operations.run(request, finish, (done) => {
      begun++
      done({ type: 'stored', receipts: [] })
    })
    return answer!
  }
  t.deepEqual(run(OPERATIONS), { type: 'stored', receipts: [] }, 'a new one')
  t.like(run(17), { type: 'stored', receipts: [{ incarnation: 18, size: 1 }] })
  t.is(begun, 1)
  operations.settled([{ first: numbered(17), count: 1 }])
  run(17)
  t.is(begun, 2)
  now += OPERATION_MS
  run(18)
  t.is(begun, 3)
})
