import { test } from '../../../serial.ts'
import type { Body } from '../../../../src/index/message.ts'
import { HOLD_MS, WALL_SETTLED_MS } from '../../../../src/limits.ts'
import { HOLD, TreeMachine, directory, file, type Made } from './tree-machine.ts'

const OTHER = new Uint8Array(16).fill(9)

/** A machine with these values under a hold, and nothing made of them yet. */
function sent(...values: readonly Made[]): TreeMachine {
  const machine = new TreeMachine().recovered()
  machine.openHold()
  machine.putHeld(values)
  return machine
}

const [A, B, C] = [file('a'), file('b'), file('c')]
const INNER = directory({ a: A, b: B })
const ROOT = directory({ inner: INNER, c: C })
const ALL = [A, B, C, INNER, ROOT]

const existing = (machine: TreeMachine): boolean[] => ALL.map((one) => machine.exists(one))

const codeOf = (body: Body | undefined): string | undefined =>
  body?.type === 'failure' ? body.code : body?.type

test('R004-94 R004-5: of two puts that make one directory at the same moment, one counts', (t) => {
  const machine = sent(A, B, INNER)
  machine.openHold(OTHER)
  machine.putHeld([INNER], OTHER)
  machine.pause()
  const digests = [INNER.digest]
  const answers = [HOLD, OTHER].map((hold) =>
    machine.ask({ type: 'make-directories', hold, digests }),
  )
  while (machine.step());
  for (const answer of answers) t.deepEqual(answer(), { type: 'made-directories', missing: [[]] })
  t.deepEqual([machine.heldBy(A), machine.heldBy(B)], [1, 1])
})

test('R004-95: a child that is removed while its directory is made is missing, and the directory is none', (t) => {
  const machine = sent(A, B, INNER)
  machine.pause()
  const answer = machine.ask({ type: 'make-directories', hold: HOLD, digests: [INNER.digest] })
  const [made] = machine.held.splice(0)
  machine.holds.clear()
  t.like(machine.remove(A, true), { type: 'removed' })
  machine.carryOut(made!)
  t.deepEqual(answer(), {
    type: 'made-directories',
    missing: [[{ digest: A.digest, directory: false }]],
  })
  t.false(machine.isDirectory(INNER))
  t.deepEqual([machine.heldBy(A), machine.heldBy(B)], [0, 0])
})

test('R004-99: a removal that is decided while its key becomes a child is decided again', (t) => {
  const machine = sent(A, B, INNER)
  machine.put(1)
  machine.answer({ type: 'bind', name: 'a', digest: A.digest })
  machine.releaseHold()
  machine.openHold(OTHER)
  machine.putHeld([A, B, INNER], OTHER)
  machine.pause()
  const answer = machine.ask({ type: 'unbind', name: 'a', keepValue: false, timeoutMs: undefined })
  const [unbound] = machine.held.splice(0)
  machine.holds.clear()
  machine.make([INNER], OTHER)
  machine.carryOut(unbound!)
  t.like(answer(), { type: 'removed', digest: undefined, names: ['a'] })
  t.true(machine.exists(A))
  machine.commit(INNER, 'inner', OTHER)
  t.deepEqual(machine.faults(), [])
})

test('R004-90: a value that is removed as nothing keeps it while a hold finds it is not found, or stays', (t) => {
  const machine = new TreeMachine().recovered()
  machine.putTree([A, B, C], [INNER, ROOT], 'one')
  machine.openHold(OTHER)
  for (const first of ['removal', 'hold']) {
    machine.pause()
    const removed = machine.ask({
      type: 'unbind',
      name: 'one',
      keepValue: false,
      timeoutMs: undefined,
    })
    const found = machine.ask({
      type: 'present',
      hold: OTHER,
      items: [{ digest: C.digest, directory: false }],
    })
    if (first === 'hold') machine.held.reverse()
    while (machine.step());
    machine.holds.clear()
    t.like(removed(), { type: 'removed' })
    const answer = found()
    const isPresent = answer?.type === 'present-answer' && answer.present[0] === true
    t.is(machine.exists(C), isPresent, first)
    t.false(machine.exists(A))
    machine.putTree([A, B, C], [INNER, ROOT], 'one')
  }
})

test('R004-98: a cascade that is stopped after any of its steps goes on after a restart', (t) => {
  const counts = new Set<string>()
  for (let steps = 0; ; steps++) {
    const machine = new TreeMachine().recovered()
    machine.putTree([A, B, C], [INNER, ROOT], 'one')
    machine.pause()
    const answer = machine.ask({
      type: 'unbind',
      name: 'one',
      keepValue: false,
      timeoutMs: undefined,
    })
    for (let i = 0; i < steps; i++) machine.step()
    if (answer() !== undefined) break
    counts.add(existing(machine).join())
    machine.crash()
    t.deepEqual(machine.faults(), [], `after ${steps} steps`)
    t.deepEqual(
      existing(machine),
      ALL.map(() => steps === 0),
    )
    if (steps > 0) {
      t.like(machine.remove(ROOT), { type: 'removed', owed: [] }, 'a repeat finds the mark')
    }
  }
  t.true(counts.size > 3, 'it was stopped between its steps')
})

test('R004-98: a child that is put again at any moment of a cascade stays, with a name, without, or under a hold', (t) => {
  for (const how of ['named', 'unnamed', 'held'] as const) {
    for (let steps = 0; steps < 12; steps++) {
      const machine = new TreeMachine().recovered()
      machine.putTree([A, B, C], [INNER, ROOT], 'one')
      machine.openHold(OTHER)
      machine.pause()
      const removed = machine.ask({
        type: 'unbind',
        name: 'one',
        keepValue: false,
        timeoutMs: undefined,
      })
      for (let i = 0; i < steps; i++) machine.step()
      const put = machine.ask({
        type: 'put',
        values: [A.bytes],
        name: how === 'named' ? 'again' : undefined,
        ...(how === 'held' && { hold: OTHER }),
      })
      while (machine.step());
      machine.holds.clear()
      t.like(removed(), { type: 'removed', tree: { complete: true } })
      t.like(put(), { type: 'stored' })
      t.deepEqual(existing(machine), [true, false, false, false, false], `${how} at ${steps}`)
      if (how !== 'held') machine.releaseHold(OTHER)
      else t.is(machine.keptBy(A), 1)
      if (how !== 'held') t.deepEqual(machine.faults(), [], `${how} at ${steps}`)
    }
  }
})

test('R004-98: a tree that is put again at any moment of its own cascade is whole in the end', (t) => {
  for (let steps = 0; steps < 12; steps++) {
    const machine = new TreeMachine().recovered()
    machine.putTree([A, B, C], [INNER, ROOT], 'one')
    machine.openHold(OTHER)
    machine.pause()
    machine.ask({ type: 'unbind', name: 'one', keepValue: false, timeoutMs: undefined })
    for (let i = 0; i < steps; i++) machine.step()
    const requests = [
      { type: 'put', values: ALL.map(({ bytes }) => bytes), name: undefined, hold: OTHER },
      { type: 'make-directories', hold: OTHER, digests: [INNER.digest] },
      { type: 'make-directories', hold: OTHER, digests: [ROOT.digest] },
      { type: 'commit-tree', hold: OTHER, digest: ROOT.digest, name: 'two' },
    ] as const
    for (const request of requests) {
      const answer = machine.ask(request)
      while (answer() === undefined && machine.step());
      t.not(codeOf(answer()), 'failure')
      t.not(codeOf(answer()), 'not-found', `${request.type} at ${steps}`)
    }
    while (machine.step());
    t.deepEqual(
      existing(machine),
      ALL.map(() => true),
      `at ${steps}`,
    )
    machine.holds.clear()
    t.deepEqual(machine.faults(), [], `at ${steps}`)
    t.like(machine.unbind('two'), { type: 'removed', tree: { complete: true } })
    t.deepEqual(
      existing(machine),
      ALL.map(() => false),
    )
    t.deepEqual(machine.faults(), [])
  }
})

test('R004-89 R004-91: a put that is stopped after any commit leaves nothing once its hold has ended', (t) => {
  for (let steps = 0; ; steps++) {
    const machine = new TreeMachine().recovered()
    machine.put(1, 'bystander')
    machine.openHold()
    machine.pause()
    const requests = [
      { type: 'put', values: ALL.map(({ bytes }) => bytes), name: undefined, hold: HOLD },
      { type: 'make-directories', hold: HOLD, digests: [INNER.digest] },
      { type: 'make-directories', hold: HOLD, digests: [ROOT.digest] },
      { type: 'commit-tree', hold: HOLD, digest: ROOT.digest, name: 'one' },
    ] as const
    let left = steps
    let isCommitted = false
    for (const request of requests) {
      const answer = machine.ask(request)
      while (answer() === undefined && left > 0 && machine.step()) left--
      if (answer() === undefined) break
      isCommitted = request.type === 'commit-tree'
    }
    const isDone = isCommitted && left > 0
    machine.crash()
    t.like(machine.releaseHold(), { type: 'held' })
    machine.recovered()
    t.deepEqual(machine.faults(), [], `after ${steps} commits`)
    const exist = existing(machine)
    t.true(
      exist.every((one) => one === exist[0]),
      `whole or gone after ${steps} commits`,
    )
    if (isCommitted) t.true(exist[0])
    if (isDone) break
  }
})

test('R004-89: a record of a hold without its puts is released as any other', (t) => {
  const machine = new TreeMachine().recovered()
  machine.openHold()
  machine.pause()
  machine.ask({ type: 'put', values: [A.bytes, B.bytes], name: undefined, hold: HOLD })
  const [group] = machine.held.splice(0)
  if (group?.type !== 'commit-all') return t.fail()
  // The store did the first transaction of the group, and no other.
  machine.store.apply(group.transactions[0]!)
  t.deepEqual([machine.keptBy(A), machine.keptBy(B)], [1, 1])
  machine.crash()
  machine.releaseHold()
  t.deepEqual(machine.faults(), [])
  t.deepEqual([machine.exists(A), machine.exists(B)], [false, false])
})

test('R004-89: no value is put where the record of its hold was not made', (t) => {
  const machine = new TreeMachine().recovered()
  machine.openHold()
  machine.pause()
  const put = machine.ask({ type: 'put', values: [A.bytes, B.bytes], name: undefined, hold: HOLD })
  const [group] = machine.held.splice(0)
  machine.holds.clear()
  machine.releaseHold()
  machine.carryOut(group!)
  t.like(put(), { type: 'failure', code: 'not-found' })
  t.deepEqual([machine.exists(A), machine.exists(B)], [false, false])
  t.deepEqual(machine.faults(), [])
})

test('R004-92 R004-63: a hold that is not used ends by trusted wall time, and its put says so', (t) => {
  const machine = new TreeMachine({}).recovered()
  machine.openHold()
  machine.putHeld([A, B])
  machine.wallOffsetMs = 2 * HOLD_MS
  machine.tick(1000)
  t.true(machine.exists(A), 'a clock that was just set ends nothing')
  machine.wallOffsetMs = 0
  machine.tick(1000)
  const days = (count: number): void => {
    for (let i = 0; i < count * 200; i++) machine.tick((HOLD_MS + WALL_SETTLED_MS) / 200)
  }
  days(0.5)
  t.like(machine.putHeld([C]), { type: 'stored' })
  days(0.7)
  t.true(machine.exists(A), 'use has renewed it')
  days(0.6)
  t.false(machine.exists(A))
  for (const answer of [
    machine.putHeld([A]),
    machine.answer({ type: 'make-directories', hold: HOLD, digests: [INNER.digest] }),
    machine.answer({
      type: 'present',
      hold: HOLD,
      items: [{ digest: A.digest, directory: false }],
    }),
    machine.answer({
      type: 'offer',
      digest: A.digest,
      size: 1,
      name: undefined,
      hold: HOLD,
    }),
    machine.commit(ROOT),
  ]) {
    t.like(answer, { type: 'failure', code: 'not-found' })
  }
  t.deepEqual(machine.faults(), [])
})

test('R004-97: a commit that is repeated after a lost answer gives the same, also after a restart', (t) => {
  const machine = sent(A, B, INNER)
  machine.make([INNER])
  const first = machine.commit(INNER, 'inner')
  t.like(first, { type: 'stored', receipts: [{ digest: INNER.digest, existed: false }] })
  t.deepEqual(machine.commit(INNER, 'inner'), first)
  machine.crash()
  t.deepEqual(machine.commit(INNER, 'inner'), first)
  t.is(machine.ended, 1)
  t.like(machine.commit(INNER, 'other'), { type: 'failure', code: 'not-found' })
  t.like(machine.commit(INNER), { type: 'failure', code: 'not-found' })
  for (let i = 0; i < 20; i++) machine.tick(60_000)
  t.is(machine.ended, 0, 'the answer is not kept any longer')
  t.like(machine.commit(INNER, 'inner'), { type: 'stored', receipts: [{ existed: true }] })
  t.deepEqual(machine.faults(), [])
})

test('R004-103: a put whose look-up comes after a forced removal that was not begun before it', (t) => {
  const requests = [
    { type: 'put', values: [A.bytes], name: undefined },
    { type: 'put', values: [A.bytes], name: 'a' },
    { type: 'put', values: [A.bytes], name: undefined, hold: OTHER },
  ] as const
  for (const request of requests) {
    const machine = sent(A, B, INNER)
    machine.openHold(OTHER)
    machine.make([INNER])
    machine.commit(INNER, 'inner')
    machine.tick(1)
    machine.holds.add('read')
    const put = machine.ask(request)
    const [look] = machine.held.splice(0)
    machine.holds.clear()
    t.like(machine.remove(A, true), { type: 'removed' })
    t.is(machine.missing, 1)
    machine.carryOut(look!)
    t.like(put(), { type: 'stored' })
    t.is(machine.missing, 0)
    machine.releaseHold(OTHER)
    t.deepEqual(machine.faults(), [])
  }
})

test('R004-92: a hold that is renewed while it expires stays', (t) => {
  const machine = sent(A)
  const settle = (ms: number): void => {
    for (let i = 0; i < 4; i++) machine.tick(ms / 4)
  }
  settle(WALL_SETTLED_MS)
  machine.now += HOLD_MS - 3 * WALL_SETTLED_MS
  settle(WALL_SETTLED_MS)
  machine.pause()
  const put = machine.ask({ type: 'put', values: [B.bytes], name: undefined, hold: HOLD })
  const [renewal] = machine.held.splice(0)
  machine.holds.add('read')
  machine.tick(2 * WALL_SETTLED_MS)
  machine.holds.clear()
  machine.carryOut(renewal!)
  while (machine.step());
  t.like(put(), { type: 'stored' })
  t.deepEqual([machine.exists(A), machine.exists(B)], [true, true])
  t.like(machine.putHeld([C]), { type: 'stored' })
})

test('R004-88: a hold is not opened under the id of one that is being released', (t) => {
  const machine = sent(A)
  machine.pause()
  machine.tell({ type: 'hold', id: HOLD, release: true })
  machine.step()
  const opened = machine.ask({ type: 'hold', id: HOLD, release: false })
  while (machine.step());
  machine.holds.clear()
  t.like(opened(), { type: 'failure', code: 'not-found' })
  t.like(machine.putHeld([B]), { type: 'failure', code: 'not-found' })
  t.deepEqual(machine.faults(), [])
})
