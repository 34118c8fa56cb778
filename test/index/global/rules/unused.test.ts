/** What goes by its age, or as it was not used (specs/004-index.md, "Rules: lifecycle"). */
import { test } from '../../../serial.ts'
import { decodeChange, watched } from '../../../../src/index/records/change-record.ts'
import { keyRow } from '../../../../src/index/records/record.ts'
import { digestOf } from '../machine.ts'
import { HOLD, TreeMachine, directory, file } from '../trees/tree-machine.ts'
import { RuleMachine as Rules } from './rule-machine.ts'

const HOUR = 3_600_000

test('R004-153: values without a name go when they were not used, and nothing keeps them', (t) => {
  const machine = new Rules()
  for (const n of [1, 2, 3]) machine.put(n)
  machine.put(3, 'named')
  const unnamed = { type: 'set-rule', prefix: undefined } as const
  const wrong = machine.answer({ ...unnamed, terms: { maxSize: 1 } })
  t.like(wrong, { type: 'failure', code: 'usage' })
  machine.answer({ ...unnamed, terms: { unusedMs: 5 * HOUR } })
  machine.settle()
  machine.put(4)
  machine.settle()
  t.like(machine.rules(), [{ prefix: undefined, names: 4, size: 4, removed: 0 }])
  const exists = (n: number): boolean => machine.store.get(keyRow(digestOf(n))) !== undefined
  machine.tick(3 * HOUR)
  machine.answer({ type: 'locate', digests: [digestOf(1)], inline: true })
  machine.put(4)
  machine.tick(3 * HOUR)
  machine.settle()
  t.deepEqual([1, 2, 3, 4].map(exists), [true, false, true, true])
  t.like(machine.rules(), [{ names: 3, size: 3, removed: 1 }])
  machine.tick(3 * HOUR)
  machine.settle()
  t.deepEqual([1, 2, 3, 4].map(exists), [false, false, true, false])
  machine.answer({ type: 'remove-rule', prefix: undefined })
  machine.settle()
  t.deepEqual(machine.rules(), [])
})

test('R004-153 R004-135: what goes with a directory without a name goes by the rule, too', (t) => {
  const machine = new TreeMachine()
  const [one, two] = [file('one'), file('two')]
  const inner = directory({ two })
  const root = directory({ one, inner })
  machine.openHold()
  machine.putHeld([one, two, inner, root])
  machine.make([inner])
  machine.make([root])
  t.like(
    machine.answer({ type: 'commit-tree', hold: HOLD, digest: root.digest, name: undefined }),
    {
      type: 'stored',
    },
  )
  machine.answer({ type: 'set-rule', prefix: undefined, terms: { unusedMs: HOUR } })
  for (let i = 0; i < 3; i++) machine.tick(HOUR)
  for (let i = 0; i < 10; i++) machine.tick(250)
  const removed = machine.store
    .log(0, 10_000)
    .map(({ seq, entry }) => watched(seq, decodeChange(entry).change))
    .filter((change) => change?.type === 'remove')
  t.deepEqual(
    removed.map((change) => change!.why),
    ['rule', 'rule', 'rule', 'rule'],
  )
  t.deepEqual(machine.faults(), [])
})

test('R004-145 R004-149: time without use counts while Global runs, after an hour of a run', (t) => {
  const machine = new Rules()
  machine.putNamed('a/1', 10)
  machine.putNamed('a/2', 10)
  machine.tick(5 * HOUR)
  machine.set('a/', { unusedMs: 3 * HOUR })
  machine.settle()
  t.is(machine.names().length, 2, 'the rule has not stood for so long')
  machine.settle()
  machine.tick(2 * HOUR)
  t.true(machine.isBound('a/1'))
  machine.tick(0.6 * HOUR)
  machine.settle()
  // A long time in which it does not run.
  machine.now += 100 * HOUR
  machine.start()
  machine.settle()
  t.deepEqual(machine.names(), ['a/1', 'a/2'])
  machine.tick(0.9 * HOUR)
  machine.settle()
  t.deepEqual(machine.names(), ['a/1', 'a/2'])
  machine.tick(0.2 * HOUR)
  machine.settle()
  t.deepEqual(machine.names(), ['a/1'], 'unused for 2.6 hours of one run, and 1.1 of the other')
  machine.tick(2.5 * HOUR)
  machine.settle()
  t.deepEqual(machine.names(), [])
  t.is(machine.rules()[0]!.removed, 2)
})

test('R004-146: what was used is durable in less than an hour', (t) => {
  const machine = new Rules()
  machine.set('a/', { maxNames: 2 })
  machine.putNamed('a/1', 10)
  machine.tick(1000)
  machine.putNamed('a/2', 10)
  machine.tick(1000)
  t.true(machine.isBound('a/1'))
  machine.tick(0.9 * HOUR)
  machine.settle()
  machine.start()
  machine.putNamed('a/3', 10)
  machine.settle()
  t.deepEqual(machine.names(), ['a/1', 'a/3'])
})

test('R004-149: a name goes by its age only while wall time is trusted', (t) => {
  const machine = new Rules()
  machine.putNamed('a/old', 10)
  machine.putNamed('a/tag', 10, true)
  machine.set('a/', { maxAgeMs: 5 * HOUR, maxNames: 10 })
  for (let i = 0; i < 12; i++) machine.tick(60_000)
  machine.wallOffsetMs = 30 * HOUR
  machine.settle()
  t.deepEqual(machine.names(), ['a/old', 'a/tag'], 'the clock was set')
  machine.wallOffsetMs = 0
  for (let i = 0; i < 12; i++) machine.tick(60_000)
  machine.tick(3 * HOUR)
  machine.settle()
  machine.putNamed('a/tag', 10, true)
  machine.tick(2 * HOUR)
  for (let i = 0; i < 12; i++) machine.tick(60_000)
  machine.settle()
  t.deepEqual(machine.names(), ['a/tag'], 'its age is that of its last move')
})
