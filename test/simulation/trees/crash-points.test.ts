import { test } from '../../serial.ts'
import type { GlobalEffect } from '../../../src/index/global/global-events.ts'
import type { Body, Request } from '../../../src/index/message.ts'
import { digestOf } from '../tokens.ts'
import { drive, putTree, type PutTreeOptions } from './put-tree.ts'
import { faultsAtRest, faultsOf } from './tree-faults.ts'
import { TreeMachine } from './tree-machine.ts'
import { treeRows } from './tree-rows.ts'
import { below, bytesOf, isDirectory } from './universe.ts'

class Crash extends Error {}

/** It crashes after so many commits; what was committed is durable, and nobody has heard of it. */
class CrashingMachine extends TreeMachine {
  commitsLeft = Infinity

  override carryOut(effect: GlobalEffect): void {
    if (effect.type !== 'commit' && effect.type !== 'commit-all') return super.carryOut(effect)
    // While the base class starts, there is no number yet.
    if (!(--this.commitsLeft <= 0)) return super.carryOut(effect)
    const { transactions } =
      effect.type === 'commit' ? { transactions: [effect.transaction] } : effect
    for (const transaction of transactions) this.store.apply(transaction)
    throw new Crash('after a commit')
  }

  /** Does it; true if it came to its end. */
  tryIt(act: (machine: TreeMachine) => void, commits: number): boolean {
    this.commitsLeft = commits
    try {
      act(this)
      return true
    } catch (error) {
      if (error instanceof Crash) return false
      throw error
    } finally {
      this.commitsLeft = Infinity
    }
  }
}

const idOf = (n: number): Uint8Array => new Uint8Array(16).fill(n)

/** A client that leaves nothing out, and keeps its hold. */
const STEADY: Pick<PutTreeOptions, 'skips' | 'onFailure'> = {
  skips: () => false,
  onFailure: () => 'leave',
}

const puts =
  (root: number, name?: string, n = 1) =>
  (machine: TreeMachine): void => {
    const options = { hold: idOf(n), root, name, ...STEADY }
    drive(putTree(options), (request, then) => then(machine.answer(request)))
  }

const asks =
  (request: Request) =>
  (machine: TreeMachine): Body =>
    machine.answer(request)

const removes = (token: number, force = false): ((machine: TreeMachine) => Body) =>
  asks({ type: 'remove', digest: digestOf(token), force, timeoutMs: undefined })

const unbinds = (name: string): ((machine: TreeMachine) => Body) =>
  asks({ type: 'unbind', name, keepValue: false, timeoutMs: undefined })

interface Scenario {
  readonly title: string
  readonly before: readonly ((machine: TreeMachine) => unknown)[]
  readonly act: (machine: TreeMachine) => unknown
  /** Either all of each tree is there, or what belongs to it alone is gone. */
  readonly trees: readonly number[]
  readonly forced?: readonly number[]
}

const SCENARIOS: readonly Scenario[] = [
  { title: 'the put of a tree', before: [], act: puts(106), trees: [106] },
  {
    title: 'the put of a tree of which a part is there',
    before: [puts(104, 'part')],
    act: puts(106, 'all', 2),
    trees: [104, 106],
  },
  { title: 'the removal of a tree', before: [puts(106)], act: removes(106), trees: [106] },
  {
    title: 'the removal of one of two trees that share a part',
    before: [puts(106), puts(104, 'other', 2)],
    act: removes(106),
    trees: [106, 104],
  },
  {
    title: 'the end of the last name of a tree',
    before: [puts(105, 'name')],
    act: unbinds('name'),
    trees: [105],
  },
  {
    title: 'the removal of a shared part by force',
    before: [puts(106), puts(104, 'other', 2)],
    act: removes(102, true),
    trees: [],
    forced: [102],
  },
  {
    title: 'the release of a hold',
    before: [
      asks({ type: 'hold', id: idOf(9), release: false }),
      asks({ type: 'put', values: [1, 2, 102].map(bytesOf), name: undefined, hold: idOf(9) }),
      asks({ type: 'make-directories', hold: idOf(9), digests: [digestOf(102)] }),
    ],
    act: asks({ type: 'hold', id: idOf(9), release: true }),
    trees: [102],
  },
]

test('R004-6: what was made or committed before is confirmed before it is answered', (t) => {
  const machine = new TreeMachine()
  puts(102, 'name')(machine)
  const again = [
    { type: 'make-directories', hold: idOf(2), digests: [digestOf(102)] },
    { type: 'commit-tree', hold: idOf(1), digest: digestOf(102), name: 'name' },
  ] as const
  machine.answer({ type: 'hold', id: idOf(2), release: false })
  for (const request of again) {
    machine.holds.add('confirm')
    const answer = machine.ask(request)
    t.is(answer(), undefined, request.type)
    machine.release()
    t.not(answer()?.type, 'failure')
    t.not(answer(), undefined)
  }
})

for (const { title, before, act, trees, forced = [] } of SCENARIOS) {
  test(`R004-95: a crash at any commit of ${title} leaves it whole or gone`, (t) => {
    for (let commits = 1; ; commits++) {
      const machine = new CrashingMachine()
      for (const one of before) one(machine)
      const isDone = machine.tryIt(act, commits)
      const where = `after ${commits} commits`
      t.deepEqual(faultsOf(treeRows(machine.store), new Set(forced)), [], where)
      machine.restart()
      for (const n of [1, 2, 9]) machine.answer({ type: 'hold', id: idOf(n), release: true })
      t.deepEqual(faultsAtRest(treeRows(machine.store)), [], where)
      const { exists, made } = treeRows(machine.store)
      for (const root of trees.filter((one) => made.includes(one))) {
        for (const one of below(root)) {
          t.true(
            (isDirectory(one) ? made : exists).includes(one),
            `${root} without ${one} ${where}`,
          )
        }
      }
      // What was not done can be repeated.
      act(machine)
      t.deepEqual(faultsAtRest(treeRows(machine.store)), [], `repeated ${where}`)
      if (isDone) {
        t.true(commits > 1)
        return
      }
    }
  })
}
