import { test } from '../../../serial.ts'
import { holdRow } from '../../../../src/index/records/tree-record.ts'
import type { GlobalEffect } from '../../../../src/index/global/global-events.ts'
import { SELF } from '../../../../src/index/global/global-index.ts'
import type { Body, Request } from '../../../../src/index/message.ts'
import { HOLD_MS, WALL_SETTLED_MS } from '../../../../src/limits.ts'
import { decodeKey, keyRow } from '../../../../src/index/records/record.ts'
import { HOLD, TreeMachine, directory, file, type Made } from './tree-machine.ts'

const OTHER = new Uint8Array(16).fill(9)

const [A, B, C] = [file('a'), file('b'), file('c')]
const INNER = directory({ a: A, b: B })
const ROOT = directory({ inner: INNER, c: C })
const EMPTY = directory({})

/** A machine with these values under a hold, and nothing made of them yet. */
function sent(...values: readonly Made[]): TreeMachine {
  const machine = new TreeMachine().recovered()
  machine.openHold()
  machine.putHeld(values)
  return machine
}

/** Sends a request, and gives the first commit of it, which waits, and what its answer is. */
function begun(machine: TreeMachine, request: Request): [() => Body | undefined, GlobalEffect] {
  machine.pause()
  const answer = machine.ask(request)
  const [commit] = machine.held.splice(0)
  machine.holds.clear()
  return [answer, commit!]
}

const finds = (one: Made, isDirectory = false): Request => ({
  type: 'present',
  hold: HOLD,
  items: [{ digest: one.digest, directory: isDirectory }],
})

const offers = ({ digest, bytes }: Made): Request => ({
  type: 'offer',
  digest,
  size: bytes.byteLength,
  name: undefined,
  hold: HOLD,
})

/** A value has come on a stream of its own. */
function upload(machine: TreeMachine, { digest, bytes }: Made): () => Body | undefined {
  const id = 1_000_000 + machine.effects.length
  const location = `location ${machine.bytes.size + 1}`
  machine.bytes.set(location, bytes)
  const value = { digest, size: bytes.byteLength, location }
  machine.handle({ type: 'uploaded', id, value, name: undefined, hold: HOLD, now: machine.now })
  return () => machine.sentTo(SELF).find((message) => message.id === id)?.body
}

/** Time passes, with the wall clock beside it, so that the wall time is trusted. */
function pass(machine: TreeMachine, ms: number): void {
  const ticks = Math.ceil((2 * ms) / WALL_SETTLED_MS)
  for (let i = 0; i < ticks; i++) machine.tick(ms / ticks)
}

const isOpen = (machine: TreeMachine, hold = HOLD): boolean =>
  machine.store.get(holdRow(hold)) !== undefined

test('R004-90: a file that is removed after it was looked up is not answered as present', (t) => {
  const machine = new TreeMachine().recovered()
  machine.openHold()
  machine.answer({ type: 'put', values: [A.bytes], name: 'a' })
  const [found, record] = begun(machine, finds(A))
  t.like(machine.unbind('a'), { type: 'removed' })
  machine.carryOut(record)
  t.deepEqual(found(), { type: 'present-answer', present: [false] })
  t.is(machine.keptBy(A), 0)
})

test('R004-90: a directory that is removed and put again as bytes is not answered as present', (t) => {
  const machine = new TreeMachine().recovered()
  machine.putTree([A, B], [INNER], 'inner')
  machine.openHold()
  const [found, record] = begun(machine, finds(INNER, true))
  t.like(machine.unbind('inner'), { type: 'removed' })
  machine.answer({ type: 'put', values: [INNER.bytes], name: undefined })
  machine.carryOut(record)
  t.deepEqual(found(), { type: 'present-answer', present: [false] })
  t.is(machine.keptBy(INNER), 0)
})

test('R004-90: a value that is removed after it was offered is to be sent', (t) => {
  const machine = new TreeMachine().recovered()
  machine.openHold()
  machine.answer({ type: 'put', values: [A.bytes], name: 'a' })
  const [offered, record] = begun(machine, offers(A))
  t.like(machine.unbind('a'), { type: 'removed' })
  machine.carryOut(record)
  t.deepEqual(offered(), { type: 'offered', have: undefined, sendFrom: 0 })
  t.is(machine.keptBy(A), 0)
  t.like(upload(machine, A)(), { type: 'stored', receipts: [{ existed: false }] })
})

test('R004-90: a value that is there when it is offered is kept until the hold ends', (t) => {
  const machine = new TreeMachine().recovered()
  machine.openHold()
  machine.answer({ type: 'put', values: [A.bytes], name: 'a' })
  t.like(machine.answer(offers(A)), { type: 'offered', have: { existed: true } })
  machine.crash()
  t.like(machine.unbind('a'), { type: 'removed' })
  t.true(machine.exists(A))
  machine.releaseHold()
  t.false(machine.exists(A))
  t.deepEqual(machine.faults(), [])
})

test('R004-89 R004-91: an upload that is stopped after any commit is repeated, or goes with its hold', (t) => {
  for (const then of ['repeat', 'release'] as const) {
    for (let steps = 0; steps <= 1; steps++) {
      const machine = new TreeMachine().recovered()
      machine.openHold()
      t.like(machine.answer(offers(A)), { type: 'offered', have: undefined })
      machine.pause()
      const stored = upload(machine, A)
      for (let i = 0; i < steps; i++) machine.step()
      t.is(stored() !== undefined, steps === 1)
      machine.crash()
      t.is(machine.exists(A), steps === 1)
      if (then === 'repeat') {
        const isThere = steps === 1
        const answer = machine.answer(offers(A)) as Body & { type: 'offered' }
        t.is(answer.have !== undefined, isThere)
        t.like(upload(machine, A)(), { type: 'stored', receipts: [{ existed: isThere }] })
        const { names, unnamed } = decodeKey(machine.store.get(keyRow(A.digest))!)
        t.deepEqual([names, unnamed], [0, false], 'nothing but the hold keeps it')
      }
      machine.releaseHold()
      t.false(machine.exists(A))
      t.deepEqual(machine.faults(), [], `${then} after ${steps} commits`)
    }
  }
})

test('R004-92: an upload whose hold ended meanwhile is refused, and its bytes are discarded', (t) => {
  const machine = new TreeMachine().recovered()
  machine.openHold()
  machine.pause()
  const stored = upload(machine, A)
  const [group] = machine.held.splice(0)
  machine.holds.clear()
  machine.releaseHold()
  machine.carryOut(group!)
  t.like(stored(), { type: 'failure', code: 'not-found' })
  t.false(machine.exists(A))
  t.true(machine.effects.some(({ type }) => type === 'discard'))
  t.deepEqual(machine.faults(), [])
})

test('R004-92: a directory is not made under a hold that ended meanwhile, nor is the hold renewed', (t) => {
  const machine = new TreeMachine().recovered()
  machine.putTree([A, B], [directory({ again: A, b: B })], 'others')
  machine.openHold()
  machine.putHeld([A, B, INNER])
  machine.answer({ type: 'bind', name: 'bytes', digest: INNER.digest })
  // By then a use renews it.
  pass(machine, HOLD_MS / 2)
  const [made, commit] = begun(machine, {
    type: 'make-directories',
    hold: HOLD,
    digests: [INNER.digest],
  })
  machine.releaseHold()
  machine.carryOut(commit)
  t.like(made(), { type: 'failure', code: 'not-found' })
  t.false(isOpen(machine))
  t.false(machine.isDirectory(INNER))
  t.deepEqual(machine.faults(), [])
})

test('R004-92: every use renews a hold, also one that finds nothing, and that is durable', (t) => {
  const uses: Readonly<Record<string, Request>> = {
    'a look-up': finds(C),
    'an offer': offers(C),
    'an attempt to make a directory': {
      type: 'make-directories',
      hold: HOLD,
      digests: [ROOT.digest],
    },
    'a directory that is made already': {
      type: 'make-directories',
      hold: HOLD,
      digests: [EMPTY.digest],
    },
  }
  for (const [what, use] of Object.entries(uses)) {
    const machine = sent(A, ROOT, EMPTY)
    machine.make([EMPTY])
    pass(machine, HOLD_MS * 0.9)
    t.not(machine.answer(use).type, 'failure', what)
    machine.crash()
    pass(machine, HOLD_MS * 0.9)
    t.true(isOpen(machine) && machine.exists(A), what)
    pass(machine, HOLD_MS * 0.2)
    t.false(isOpen(machine) || machine.exists(A), what)
    t.deepEqual(machine.faults(), [])
  }
})

test('R004-92: a hold that is renewed at any moment of its expiry stays', (t) => {
  for (const renewed of ['before it is looked up', 'before it is ended'] as const) {
    const machine = sent(A)
    pass(machine, HOLD_MS - 2 * WALL_SETTLED_MS)
    const waits = renewed === 'before it is looked up' ? 'read' : 'commit-all'
    machine.holds.add(waits)
    machine.tick(3 * WALL_SETTLED_MS)
    const [work, ...more] = machine.held.splice(0)
    t.is(work?.type, waits)
    t.deepEqual(more, [])
    machine.holds.clear()
    t.like(machine.putHeld([B]), { type: 'stored' })
    machine.carryOut(work!)
    t.true(isOpen(machine), renewed)
    t.deepEqual([machine.exists(A), machine.exists(B)], [true, true], renewed)
    t.like(machine.putHeld([C]), { type: 'stored' }, renewed)
    pass(machine, HOLD_MS + 2 * WALL_SETTLED_MS)
    t.deepEqual([machine.exists(A), machine.exists(C)], [false, false], 'it ends when it is due')
    t.deepEqual(machine.faults(), [])
  }
})

test('R004-92: a hold that an earlier run left expires, and a stop at any commit of that is made good', (t) => {
  for (let steps = 0; ; steps++) {
    const machine = sent(A, B, INNER)
    machine.make([INNER])
    machine.crash()
    pass(machine, HOLD_MS - 2 * WALL_SETTLED_MS)
    t.true(machine.exists(INNER))
    machine.pause()
    machine.tick(3 * WALL_SETTLED_MS)
    let left = steps
    while (left > 0 && machine.step()) left--
    const isDone = left > 0
    machine.crash()
    pass(machine, 3 * WALL_SETTLED_MS)
    t.deepEqual(machine.faults(), [], `after ${steps} commits`)
    t.false([A, B, INNER].some((one) => machine.exists(one)))
    if (!isDone) continue
    t.true(steps > 3)
    return
  }
})

test('R004-91: a release that is stopped after any commit goes on after a restart, unasked', (t) => {
  for (let steps = 1; ; steps++) {
    const machine = sent(A, B, C, INNER)
    machine.make([INNER])
    machine.pause()
    machine.tell({ type: 'hold', id: HOLD, release: true })
    let left = steps
    while (left > 0 && machine.step()) left--
    const isDone = left > 0
    machine.crash()
    t.deepEqual(machine.faults(), [], `after ${steps} commits`)
    t.false([A, B, C, INNER].some((one) => machine.exists(one)))
    if (!isDone) continue
    t.true(steps > 3)
    return
  }
})

test('R004-88: the release of a hold that is not open yet ends nothing that comes after it', (t) => {
  const machine = new TreeMachine().recovered()
  t.like(machine.releaseHold(OTHER), { type: 'held' })
  t.is(machine.ended, 0)
  t.like(machine.openHold(OTHER), { type: 'held' })
  t.like(machine.putHeld([A], OTHER), { type: 'stored' })
  t.true(machine.exists(A))
})

test('R004-95: a child directory that is removed and put again as bytes is missing', (t) => {
  const machine = sent(A, B, C, INNER, ROOT)
  machine.make([INNER])
  const digests = [ROOT.digest]
  const [made, commit] = begun(machine, { type: 'make-directories', hold: HOLD, digests })
  t.like(machine.remove(INNER, true), { type: 'removed' })
  machine.putHeld([INNER])
  machine.carryOut(commit)
  const missing = [[{ digest: INNER.digest, directory: true }]]
  t.deepEqual(made(), { type: 'made-directories', missing })
  t.false(machine.isDirectory(ROOT))
  t.deepEqual([machine.heldBy(INNER), machine.heldBy(C)], [0, 0])
})

test('R004-92: a tree is not committed under a hold that ended meanwhile', (t) => {
  const machine = sent(A, B, INNER)
  machine.make([INNER])
  machine.answer({ type: 'bind', name: 'inner', digest: INNER.digest, directory: true })
  const commit = { type: 'commit-tree', hold: HOLD, digest: INNER.digest, name: 'again' } as const
  const [committed, end] = begun(machine, commit)
  machine.releaseHold()
  machine.carryOut(end)
  t.like(committed(), { type: 'failure', code: 'not-found' })
  t.like(machine.answer({ ...commit, name: 'inner' }), { type: 'stored' }, 'it has that name')
  t.like(machine.unbind('again'), { type: 'failure', code: 'not-found' })
  t.deepEqual(machine.faults(), [])
})

test('R004-105: of a tree committed under a name and a name below it at one moment, one is bound', (t) => {
  const below: readonly Request[] = [
    { type: 'put', values: [C.bytes], name: 'n/x/y' },
    { type: 'bind', name: 'n/x/y', digest: C.digest },
    { type: 'bind', name: 'n/x/y', digest: INNER.digest, directory: true },
  ]
  for (const other of below) {
    for (const first of ['commit', 'other'] as const) {
      const machine = new TreeMachine().recovered()
      machine.putTree([A, B, C], [INNER, ROOT], 'whole')
      machine.openHold()
      machine.answer(finds(INNER, true))
      machine.pause()
      const commit = { type: 'commit-tree', hold: HOLD, digest: INNER.digest, name: 'n' } as const
      const requests: Request[] = first === 'commit' ? [commit, other] : [other, commit]
      const answers = requests.map((request) => machine.ask(request))
      while (machine.step());
      machine.holds.clear()
      const [won, lost] = answers.map((answer) => answer())
      t.not(won?.type, 'failure')
      t.like(lost, { type: 'failure', code: 'conflict' }, `${other.type} after ${first}`)
      machine.releaseHold()
      t.deepEqual(machine.faults(), [])
    }
  }
})

test('R004-105: no tree is committed below a name that is bound to a directory at that moment', (t) => {
  const machine = new TreeMachine().recovered()
  machine.putTree([A, B, C], [INNER, ROOT], 'whole')
  machine.openHold()
  machine.answer(finds(INNER, true))
  const commit = { type: 'commit-tree', hold: HOLD, digest: INNER.digest, name: 'n/x/y' } as const
  const [committed, end] = begun(machine, commit)
  machine.answer({ type: 'bind', name: 'n', digest: ROOT.digest, directory: true })
  machine.carryOut(end)
  t.like(committed(), { type: 'failure', code: 'conflict' })
  t.true(isOpen(machine))
  t.like(machine.commit(INNER, 'm/x/y'), { type: 'stored' })
  t.deepEqual(machine.faults(), [])
})
