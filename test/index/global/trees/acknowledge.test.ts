import { test } from '../../../serial.ts'
import type { Feed, Removed } from '../../../../src/index/message.ts'
import { nameRow } from '../../../../src/index/records/record.ts'
import { REMOVAL_TIMEOUT_MS } from '../../../../src/limits.ts'
import { TreeMachine, directory, file } from './tree-machine.ts'

const FILES = Array.from({ length: 6 }, (_, i) => file(`file ${i}`))
const INNER = directory({ a: FILES[0]!, b: FILES[1]! })
const ROOT = directory({
  inner: INNER,
  ...Object.fromEntries(FILES.slice(2).map((one, i) => [`${i}`, one])),
})
const VALUES = 8
const UNBIND = { type: 'unbind', name: 'root', keepValue: false, timeoutMs: undefined } as const

/** A machine with the tree, and a session of a Local that has acknowledged everything. */
function withLocal(): { machine: TreeMachine; local: number } {
  const machine = new TreeMachine().recovered()
  const local = machine.hello('L')
  machine.message(local, { id: 0, body: { type: 'ack', seq: machine.index.position.seq } })
  machine.putTree(FILES, [INNER, ROOT], 'root')
  return { machine, local }
}

const feeds = (machine: TreeMachine, local: number): Feed[] =>
  machine.sentTo(local).flatMap(({ body }) => (body.type === 'feed' ? [body] : []))

/** Acknowledges the feed that was sent last. */
function acknowledge(machine: TreeMachine, local: number): void {
  if (machine.isClosed(local)) throw new Error('the session of the Local has ended')
  const seq = feeds(machine, local).at(-1)!.upto
  machine.message(local, { id: 0, body: { type: 'ack', seq } })
}

test('R004-100: a removal is answered when every Local has acknowledged all of the tree', (t) => {
  const { machine, local } = withLocal()
  const answer = machine.ask(UNBIND)
  t.deepEqual(
    [ROOT, INNER, ...FILES].filter((one) => machine.exists(one)),
    [],
  )
  t.is(answer(), undefined)
  const before = feeds(machine, local).length
  acknowledge(machine, local)
  t.is(answer(), undefined, 'the first feed has only the first removal')
  t.is(feeds(machine, local).length, before + 1)
  acknowledge(machine, local)
  t.like(answer(), {
    type: 'removed',
    acknowledged: ['L'],
    owed: [],
    tree: { removed: VALUES, most: VALUES, complete: true },
  })
  const heard = feeds(machine, local).flatMap(({ removals }) => removals)
  t.is(heard.length, VALUES, 'a removal for each key')
  const { seq, freedBytes } = answer() as Removed
  t.true(heard.every((one) => one.seq <= seq))
  t.is(
    freedBytes,
    [ROOT, INNER, ...FILES].reduce((sum, { bytes }) => sum + bytes.byteLength, 0),
  )
})

test('R004-100: a removal that ends early says how far the tree has come, and goes on', (t) => {
  const { machine } = withLocal()
  machine.pause()
  const answer = machine.ask(UNBIND)
  machine.step()
  machine.tick(REMOVAL_TIMEOUT_MS - 1)
  t.is(answer(), undefined)
  machine.tick(2)
  const body = answer() as Removed
  t.like(body, { owed: ['L'], tree: { removed: 1, most: VALUES, complete: false } })
  while (machine.step());
  machine.holds.clear()
  t.deepEqual(machine.faults(), [])
})

test('R004-100: its time begins again with each value that is removed', (t) => {
  const { machine, local } = withLocal()
  machine.pause()
  const answer = machine.ask(UNBIND)
  let waited = 0
  while (machine.step()) {
    machine.tick(REMOVAL_TIMEOUT_MS * 0.25)
    waited += REMOVAL_TIMEOUT_MS * 0.25
  }
  machine.holds.clear()
  t.true(waited > 1.2 * REMOVAL_TIMEOUT_MS)
  t.is(answer(), undefined)
  while (feeds(machine, local).length > 0 && answer() === undefined) acknowledge(machine, local)
  t.like(answer(), { owed: [], tree: { complete: true } })
})

test('R004-100: a removal that is asked for again waits for the end of the cascade, after a restart too', (t) => {
  const { machine, local } = withLocal()
  machine.pause()
  machine.tell(UNBIND)
  machine.step()
  const again = machine.ask({ type: 'remove', digest: ROOT.digest, force: false, timeoutMs: 1e6 })
  acknowledge(machine, local)
  t.is(again(), undefined)
  machine.held.length = 0
  machine.holds.clear()
  machine.start()
  const after = machine.ask({ type: 'remove', digest: ROOT.digest, force: false, timeoutMs: 1e6 })
  const back = machine.hello('L')
  machine.message(back, { id: 0, body: { type: 'ack', seq: machine.index.position.seq } })
  t.is(after(), undefined, 'the cascade has not begun again')
  machine.recovered()
  t.is(after(), undefined, 'the Local owes what it removed')
  while (after() === undefined && feeds(machine, back).length > 0) acknowledge(machine, back)
  t.like(after(), { owed: [], tree: { complete: true, most: VALUES } })
  t.deepEqual(machine.faults(), [])
  const last = machine.ask({ type: 'remove', digest: ROOT.digest, force: false, timeoutMs: 1e6 })
  t.like(last(), { type: 'removed', owed: [], seq: (after() as Removed).seq })
})

test('R004-100: after the end of its cascade a removal that is asked for again waits for its last seq', (t) => {
  const { machine, local } = withLocal()
  machine.tell(UNBIND)
  acknowledge(machine, local)
  const again = machine.ask({ type: 'remove', digest: ROOT.digest, force: false, timeoutMs: 1e6 })
  t.is(again(), undefined)
  acknowledge(machine, local)
  t.like(again(), { owed: [] })
})

/** A machine where a tree was just committed, and its hold is not released yet. */
function justCommitted(): TreeMachine {
  const machine = new TreeMachine().recovered()
  const hold = machine.nextHold()
  machine.openHold(hold)
  // Each call leaves a record of its own, and the files are released last.
  for (const values of [[INNER, ROOT], ...FILES.map((one) => [one])]) machine.putHeld(values, hold)
  for (const one of [INNER, ROOT]) machine.make([one], hold)
  machine.pause()
  machine.tell({ type: 'commit-tree', hold, digest: ROOT.digest, name: 'root' })
  while (!machine.exists(ROOT) || machine.store.get(nameRow('root')) === undefined) machine.step()
  return machine
}

test('R004-100: what a put has just committed is removed with all that it held once its hold is released', (t) => {
  const machine = justCommitted()
  const answer = machine.ask(UNBIND)
  t.true(machine.keptBy(FILES[0]!) > 0)
  while (machine.step());
  machine.holds.clear()
  t.like(answer(), { digest: ROOT.digest, tree: { removed: VALUES, complete: true } })
  t.deepEqual(machine.faults(), [])
})

test('R004-100: a removal does not wait longer for the release than its caller does', (t) => {
  const machine = justCommitted()
  const answer = machine.ask({ ...UNBIND, timeoutMs: 1000 })
  machine.tick(999)
  const before = machine.held.length
  machine.tick(1)
  t.true(machine.held.length > before, 'it is decided')
  while (machine.step());
  machine.holds.clear()
  t.is(answer()?.type, 'removed')
  t.deepEqual(machine.faults(), [])
})

test('R004-104: a directory whose bytes are damaged is removed only by force', (t) => {
  const machine = new TreeMachine().recovered()
  machine.putTree(FILES, [INNER, ROOT])
  const root = [...machine.bytes].find(([, bytes]) => Buffer.compare(bytes, ROOT.bytes) === 0)!
  machine.bytes.set(root[0], new Uint8Array(ROOT.bytes.byteLength))
  t.like(machine.remove(ROOT), { type: 'failure', code: 'integrity' })
  t.true(machine.exists(ROOT))
  t.like(machine.remove(ROOT, true), { tree: { removed: 1, complete: true } })
  t.is(machine.uncounted, 1)
  t.true(FILES.every((one) => machine.exists(one)))
})

test('R004-104: a removed directory whose bytes are damaged leaves its children counted, and says so', (t) => {
  const { machine, local } = withLocal()
  const inner = [...machine.bytes].find(([, bytes]) => Buffer.compare(bytes, INNER.bytes) === 0)!
  machine.bytes.set(inner[0], new Uint8Array(INNER.bytes.byteLength))
  const answer = machine.ask(UNBIND)
  while (answer() === undefined) acknowledge(machine, local)
  t.like(answer(), { tree: { removed: VALUES - 2, complete: true } })
  t.deepEqual(
    FILES.map((one) => machine.exists(one)),
    [true, true, false, false, false, false],
  )
  t.is(machine.uncounted, 1)
})
