import { test } from '../../../serial.ts'
import { TreeMachine, directory, file } from './tree-machine.ts'

test('R004-97: a tree is put under a hold, named, and removed whole with its name', (t) => {
  const machine = new TreeMachine().recovered()
  const [a, b] = [file('a'), file('b')]
  const inner = directory({ b, again: b })
  const root = directory({ a, inner })
  machine.openHold()
  t.like(machine.putHeld([a, b, inner, root]), { type: 'stored' })
  t.deepEqual(machine.make([inner]), [[]])
  t.deepEqual(machine.make([root]), [[]])
  t.deepEqual([machine.heldBy(a), machine.heldBy(b), machine.heldBy(inner)], [1, 1, 1])
  t.like(machine.commit(root, 'model'), { type: 'stored' })
  t.deepEqual(machine.faults(), [])
  t.true([a, b, inner, root].every((one) => machine.exists(one)))
  t.like(machine.unbind('model'), {
    type: 'removed',
    digest: root.digest,
    tree: { removed: 4, most: 4, complete: true },
  })
  t.false([a, b, inner, root].some((one) => machine.exists(one)))
  t.deepEqual(machine.faults(), [])
})

test('R004-98: of two trees that share a part, the removal of one leaves the other whole', (t) => {
  const machine = new TreeMachine().recovered()
  const [a, b, c] = [file('a'), file('b'), file('c')]
  const shared = directory({ a, b })
  const one = directory({ shared, c })
  const two = directory({ shared, b })
  machine.putTree([a, b, c], [shared, one], 'one')
  machine.putTree([a, b], [shared, two], 'two')
  t.is(machine.heldBy(shared), 2)
  t.is(machine.heldBy(b), 2)
  t.like(machine.unbind('one'), { tree: { removed: 2, complete: true } })
  t.deepEqual(
    [a, b, c, shared, one, two].map((value) => machine.exists(value)),
    [true, true, false, true, false, true],
  )
  t.deepEqual(machine.faults(), [])
})
