import { test } from '../../../serial.ts'
import { BATCH_ITEMS } from '../../../../src/limits.ts'
import { HOLD, TreeMachine, directory, file, type Made } from './tree-machine.ts'

/** More children than are counted in one transaction. */
const FILES: readonly Made[] = Array.from({ length: BATCH_ITEMS + 7 }, (_, i) => file(`${i}`))
const WIDE = directory(Object.fromEntries(FILES.map((one, i) => [`${i}`, one])))
const OTHER = new Uint8Array(16).fill(9)

/** The files and the bytes of the directory are under a hold. */
function sent(hold: Uint8Array = HOLD): TreeMachine {
  const machine = new TreeMachine().recovered()
  machine.openHold(hold)
  for (let at = 0; at < FILES.length; at += BATCH_ITEMS) {
    machine.putHeld(FILES.slice(at, at + BATCH_ITEMS), hold)
  }
  machine.putHeld([WIDE], hold)
  return machine
}

const make = { type: 'make-directories', hold: HOLD, digests: [WIDE.digest] } as const

const heldOf = (machine: TreeMachine): number =>
  FILES.filter((one) => machine.heldBy(one) === 1).length

/** A machine where all of it is under a hold. */
const SENT = sent()

/** A machine where one transaction has counted children, and another is to follow. */
function halfCounted(): TreeMachine {
  const machine = SENT.copy()
  machine.pause()
  machine.ask(make)
  machine.step()
  machine.held.length = 0
  machine.holds.clear()
  return machine
}

test('R004-94: the children of a wide directory are counted in several transactions, once each', (t) => {
  const machine = halfCounted()
  t.is(heldOf(machine), BATCH_ITEMS)
  t.false(machine.isDirectory(WIDE))
  machine.crash()
  t.deepEqual(machine.make([WIDE]), [[]])
  t.is(heldOf(machine), FILES.length)
  machine.commit(WIDE, 'wide')
  t.deepEqual(machine.faults(), [])
})

test('R004-94: two puts that count one wide directory at the same moment share the work', (t) => {
  const machine = SENT.copy()
  machine.openHold(OTHER)
  machine.putHeld([WIDE], OTHER)
  machine.pause()
  const answers = [machine.ask(make), machine.ask({ ...make, hold: OTHER })]
  while (machine.step());
  machine.holds.clear()
  for (const answer of answers) t.like(answer(), { type: 'made-directories', missing: [[]] })
  t.is(heldOf(machine), FILES.length)
  machine.commit(WIDE, 'wide')
  machine.releaseHold(OTHER)
  t.deepEqual(machine.faults(), [])
})

test('R004-101: a directory that is removed while it is half counted gives back what was counted', (t) => {
  const machine = halfCounted()
  t.like(machine.removed(WIDE, true), { tree: { complete: true } })
  t.is(heldOf(machine), 0)
  t.true(machine.exists(FILES[0]!), 'the hold keeps it')
  machine.releaseHold()
  t.false(FILES.some((one) => machine.exists(one)))
  t.deepEqual(machine.faults(), [])
})

test('R004-101: the end of a hold gives back what it left half counted, whatever keeps the directory', (t) => {
  for (const keeper of ['nothing', 'name', 'directory'] as const) {
    const machine = halfCounted()
    const above = directory({ bytes: { ...WIDE, entry: asFile(WIDE) } })
    if (keeper === 'name') machine.answer({ type: 'bind', name: 'bytes', digest: WIDE.digest })
    if (keeper === 'directory') machine.putTree([], [above], 'above')
    machine.releaseHold()
    t.is(machine.exists(WIDE), keeper !== 'nothing', keeper)
    t.false(
      FILES.some((one) => machine.exists(one)),
      keeper,
    )
    t.deepEqual(machine.faults(), [], keeper)
  }
})

test('R004-101: that end goes on after a stop anywhere, and after a put that goes on', (t) => {
  const half = halfCounted()
  let isDone = false
  for (let steps = 0; !isDone; steps += 2) {
    for (const then of ['crash', 'put'] as const) {
      const machine = half.copy()
      machine.answer({ type: 'bind', name: 'bytes', digest: WIDE.digest })
      machine.openHold(OTHER)
      machine.pause()
      machine.tell({ type: 'hold', id: HOLD, release: true })
      for (let i = 0; i < steps; i++) machine.step()
      isDone = machine.held.length === 0
      if (then === 'crash') {
        machine.crash()
        if (steps === 0) machine.releaseHold()
      } else {
        for (const some of [FILES.slice(0, BATCH_ITEMS), [...FILES.slice(BATCH_ITEMS), WIDE]]) {
          const values = some.map(({ bytes }) => bytes)
          const put = machine.ask({ type: 'put', values, name: undefined, hold: OTHER })
          while (put() === undefined && machine.step());
        }
        const answer = machine.ask({ ...make, hold: OTHER })
        while (machine.step());
        machine.holds.clear()
        t.like(answer(), { type: 'made-directories', missing: [[]] }, `${steps}`)
        t.true(machine.isDirectory(WIDE))
        t.is(heldOf(machine), FILES.length)
      }
      machine.releaseHold(OTHER)
      t.is(
        FILES.some((one) => machine.exists(one)),
        then === 'put',
        `${then} at ${steps}`,
      )
      t.deepEqual(machine.faults(), [], `${then} at ${steps}`)
    }
  }
})

test('R004-98: the cascade of a wide directory goes on after a stop anywhere', (t) => {
  const whole = SENT.copy()
  whole.make([WIDE])
  whole.commit(WIDE, 'wide')
  let isDone = false
  for (let steps = 1; !isDone; steps += 2) {
    const machine = whole.copy()
    machine.pause()
    machine.tell({ type: 'unbind', name: 'wide', keepValue: false, timeoutMs: undefined })
    for (let i = 0; i < steps; i++) machine.step()
    isDone = machine.held.length === 0
    machine.crash()
    t.false([WIDE, ...FILES].some((one) => machine.exists(one)))
    t.deepEqual(machine.faults(), [], `after ${steps} steps`)
  }
})

test('R004-95: a child that is removed while a part of its directory is counted is missing', (t) => {
  const machine = SENT.copy()
  machine.pause()
  const answer = machine.ask(make)
  const [part] = machine.held.splice(0)
  machine.holds.clear()
  const [gone] = FILES
  t.like(machine.remove(gone!, true), { type: 'removed' })
  machine.carryOut(part!)
  const missing = [[{ digest: gone!.digest, directory: false }]]
  t.deepEqual(answer(), { type: 'made-directories', missing })
  t.is(heldOf(machine), 0)
  machine.releaseHold()
  t.deepEqual(machine.faults(), [])
})

test('R004-95: at most a batch of missing children is named in one answer', (t) => {
  const machine = new TreeMachine().recovered()
  machine.openHold()
  const small = directory({ nowhere: file('nowhere') })
  machine.putHeld([WIDE, small])
  const missing = machine.make([WIDE, small, WIDE])
  t.true(missing.every((some) => some.length > 0))
  t.true(missing.reduce((sum, some) => sum + some.length, 0) <= BATCH_ITEMS)
})

function asFile({ digest, bytes }: Made): Made['entry'] {
  return { type: 'file', digest, size: bytes.byteLength, executable: false }
}
