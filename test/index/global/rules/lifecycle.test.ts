/** Rules at Global (specs/004-index.md, "Rules: lifecycle"). */
import { test } from '../../../serial.ts'
import type { RuleFacts } from '../../../../src/index/message.ts'
import { decodeBinding } from '../../../../src/index/records/name-record.ts'
import { RULE_UNBINDS } from '../../../../src/limits.ts'
import { digestOf, valueOf } from '../machine.ts'
import { RuleMachine as Rules } from './rule-machine.ts'

const counted = ({ names, size, removed }: RuleFacts) => ({ names, size, removed })

const HOUR = 3_600_000

test('R004-140: a rule needs a bound and a prefix, and only an admin sets one', (t) => {
  const machine = new Rules()
  t.like(machine.set('a/', {}), { type: 'failure', code: 'usage' })
  t.like(machine.set('a/', { maxNames: 0 }), { type: 'failure', code: 'usage' })
  t.like(machine.set('a\n', { maxNames: 1 }), { type: 'failure', code: 'usage' })
  t.like(machine.set('a/', { maxNames: 1 }), { type: 'accepted' })
  t.like(machine.set('a/', { maxSize: 7 }), { type: 'accepted' })
  t.deepEqual(
    machine.rules().map(({ prefix, maxSize, maxNames }) => [prefix, maxSize, maxNames]),
    [['a/', 7, undefined]],
  )
  const gone = machine.answer({ type: 'remove-rule', prefix: 'b/' })
  t.like(gone, { type: 'failure', code: 'not-found' })
  for (const [role, other] of [
    ['writer', 'set'],
    ['reader', 'see'],
  ] as const) {
    const session = machine.hello(other, {}, role)
    const asked = { type: 'set-rule', prefix: 'a/', terms: { maxNames: 1 } } as const
    t.like(machine.answer(asked, session), { type: 'failure', code: 'not-permitted' })
    const removal = { type: 'remove-rule', prefix: 'a/' } as const
    t.like(machine.answer(removal, session), { type: 'failure', code: 'not-permitted' })
    t.like(machine.answer({ type: 'rules' }, session), { type: 'rule-list' })
  }
})

test('R004-141: the rule with the longest prefix charges a name', (t) => {
  const machine = new Rules()
  machine.set('', { maxNames: 100 })
  machine.set('a/', { maxNames: 100 })
  machine.set('a/b/', { maxNames: 100 })
  machine.putNamed('x', 10)
  machine.putNamed('a/x', 20)
  machine.putNamed('a/b/x', 30)
  machine.putNamed('a/b/y', 40)
  machine.put(9)
  machine.settle()
  t.deepEqual(machine.rules().map(counted), [
    { names: 1, size: 10, removed: 0 },
    { names: 1, size: 20, removed: 0 },
    { names: 2, size: 70, removed: 0 },
  ])
  machine.answer({ type: 'remove-rule', prefix: 'a/b/' })
  machine.settle()
  t.deepEqual(machine.rules().map(counted), [
    { names: 1, size: 10, removed: 0 },
    { names: 3, size: 90, removed: 0 },
  ])
})

test('R004-142: names that were there before the rule are counted', (t) => {
  const machine = new Rules()
  for (let i = 0; i < 1500; i++) machine.putNamed(`a/${i}`, 10)
  machine.putNamed('b/1', 10)
  machine.holds.add('scan')
  machine.set('a/', { maxNames: 5000 })
  t.true(machine.rules()[0]!.counting)
  machine.release()
  machine.settle()
  t.false(machine.rules()[0]!.counting)
  t.deepEqual(counted(machine.rules()[0]!), { names: 1500, size: 15_000, removed: 0 })
})

test('R004-142: what binds, moves and unbinds names is counted, also after a restart', (t) => {
  const machine = new Rules()
  machine.set('a/', { maxNames: 5000 })
  machine.putNamed('a/fixed', 10)
  machine.putNamed('a/tag', 20, true)
  machine.putNamed('a/tag', 30, true)
  machine.putNamed('a/gone', 40)
  machine.answer({ type: 'unbind', name: 'a/gone', keepValue: false, timeoutMs: 0 })
  machine.settle()
  t.deepEqual(counted(machine.rules()[0]!), { names: 2, size: 40, removed: 0 })
  // Not counted before the end of the run.
  machine.putNamed('a/tag', 35, true)
  machine.putNamed('a/new', 5)
  machine.start()
  machine.settle()
  t.deepEqual(counted(machine.rules()[0]!), { names: 3, size: 50, removed: 0 })
})

test('R004-142: after the log was trimmed everything is counted again', (t) => {
  const machine = new Rules()
  machine.set('a/', { maxNames: 5000 })
  machine.putNamed('a/1', 10)
  machine.putNamed('a/2', 20)
  machine.settle()
  machine.putNamed('a/3', 30)
  machine.answer({ type: 'unbind', name: 'a/1', keepValue: false, timeoutMs: 0 })
  machine.putNamed('b', 30)
  const { store } = machine
  const log = store.log.bind(store)
  store.log = (after, limit) => log(Math.max(after, store.lastSeq - 1), limit)
  machine.start()
  machine.settle()
  t.deepEqual(counted(machine.rules()[0]!), { names: 2, size: 50, removed: 0 })
})

test('R004-144: the least recently used names go first', (t) => {
  const machine = new Rules()
  machine.set('a/', { maxNames: 4 })
  for (const one of ['1', '2', '3', '4']) {
    machine.putNamed(`a/${one}`, 10)
    machine.tick(1000)
  }
  t.true(machine.isBound('a/1'))
  machine.tick(1000)
  machine.putNamed('a/5', 10)
  machine.settle()
  t.deepEqual(machine.names(), ['a/1', 'a/3', 'a/4', 'a/5'])
  t.deepEqual(counted(machine.rules()[0]!), { names: 4, size: 40, removed: 1 })
  t.is(machine.rules()[0]!.lastRemovedMs !== undefined, true)
})

test('R004-144: what is in use elsewhere is kept', (t) => {
  const machine = new Rules()
  machine.set('a/', { maxNames: 1 })
  machine.answer({ type: 'put', values: [valueOf(1)], name: 'a/1' })
  machine.answer({ type: 'put', values: [valueOf(1)], name: 'elsewhere' })
  machine.answer({ type: 'put', values: [valueOf(2)], name: 'a/2' })
  machine.answer({ type: 'put', values: [valueOf(3)], name: 'a/3' })
  machine.settle()
  t.deepEqual(machine.names(), ['a/3', 'elsewhere'])
  t.true(machine.isBound('elsewhere'))
})

test('R004-147: a put under a full rule makes room first', (t) => {
  const machine = new Rules()
  machine.set('a/', { maxSize: 100 })
  let most = 0
  for (let i = 0; i < 50; i++) {
    const answer = machine.putNamed(`a/${i}`, 30)
    machine.tick(50)
    t.like(answer(), { type: 'stored' })
    const bytes = machine.names().filter((name) => name.startsWith('a/')).length
    most = Math.max(most, bytes * 30)
  }
  t.is(most, 90)
  machine.settle()
  t.deepEqual(machine.names().length, 3)
  t.deepEqual(counted(machine.rules()[0]!), { names: 3, size: 90, removed: 47 })
})

test('R004-147: room is made for many puts at once, and for moves of tags', (t) => {
  const machine = new Rules()
  machine.set('a/', { maxSize: 100 })
  const answers = Array.from({ length: 20 }, (_, i) => machine.putNamed(`a/${i}`, 40, true))
  machine.settle()
  for (const answer of answers) t.like(answer(), { type: 'stored' })
  t.is(machine.names().length, 2)
  const names = machine.names()
  const moves = [...names, ...names].map((name, i) => machine.putNamed(name, 50 + i, true))
  machine.settle()
  for (const answer of moves) t.like(answer(), { type: 'stored' })
  const [rule] = machine.rules()
  t.true(rule!.size <= 100, `${rule!.size}`)
})

test('R004-148: a value that is larger than the rule is too large', (t) => {
  const machine = new Rules()
  machine.set('a/', { maxSize: 100 })
  t.like(machine.putNamed('a/1', 101)(), { type: 'failure', code: 'too-large' })
  t.like(machine.putNamed('a/1', 100)(), { type: 'stored' })
  machine.putNamed('b', 150)
  const found = machine.answer({ type: 'lookup', name: 'b', inline: false })
  if (found.type !== 'binding') throw new Error(found.type)
  const { digest } = found.found!
  const bind = machine.answer({ type: 'bind', name: 'a/2', digest })
  t.like(bind, { type: 'failure', code: 'too-large' })
  const moved = machine.answer({ type: 'rebind', name: 'a/3', digest })
  t.like(moved, { type: 'failure', code: 'too-large' })
  t.deepEqual(machine.names(), ['a/1', 'b'])
})

test('R004-154: a list has what was changed just before it', (t) => {
  const machine = new Rules()
  machine.answer({ type: 'set-rule', prefix: 'a/', terms: { maxNames: 2 } })
  machine.settle()
  for (const name of ['a/1', 'a/2', 'a/3']) machine.putNamed(name, 10)()
  t.like(machine.rules().map(counted), [{ names: 2, size: 20, removed: 1 }])
})

test('R004-154: a list says what something else keeps, too', (t) => {
  const machine = new Rules()
  machine.put(1, 'a/both')
  machine.put(1, 'elsewhere')
  machine.put(2, 'a/unnamed')
  machine.put(2)
  machine.put(3, 'a/twice')
  machine.put(3, 'a/again')
  for (let i = 0; i < 100; i++) machine.putNamed(`a/own/${i}`, 10)
  machine.set('a/', { maxNames: 1000 })
  machine.settle()
  t.like(machine.rules(), [{ names: 104, size: 1004, heldOtherwise: 2 }])
  machine.answer({ type: 'unbind', name: 'elsewhere', keepValue: false, timeoutMs: 0 })
  machine.tick(60_000)
  machine.settle()
  t.is(machine.rules()[0]!.heldOtherwise, 1)
})

test('R004-142: a crash between two transactions that count leaves nothing out', (t) => {
  const machine = new Rules()
  machine.set('a/', { maxNames: 5000 })
  machine.settle()
  // While a rule is counted, more names change than one transaction counts.
  machine.holds.add('scan')
  machine.set('b/', { maxNames: 1 })
  for (let i = 0; i < 700; i++) machine.putNamed(`a/${i}`, 10)
  const { store } = machine
  const apply = store.apply.bind(store)
  let counted = 0
  store.apply = (transaction) => {
    const isCount = transaction.writes.some(({ key }) => key.id.byteLength > 0 && isState(key.id))
    if (isCount && ++counted === 3) throw new Error('crash')
    return apply(transaction)
  }
  const crash = (): void => {
    machine.release()
    machine.tick(1000)
  }
  t.throws(crash, { message: 'crash' })
  store.apply = apply
  machine.held.length = 0
  machine.start()
  machine.settle()
  t.like(machine.rules(), [
    { prefix: 'a/', names: 700, size: 7000 },
    { prefix: 'b/', names: 0 },
  ])
})

const isState = (id: Uint8Array): boolean => new TextDecoder().decode(id) === 'rules/state'

test('R004-143: a rule whose names are being counted unbinds nothing, and nothing waits for it', (t) => {
  const machine = new Rules()
  for (let i = 0; i < 700; i++) machine.putNamed(`a/${i}`, 10)
  machine.holds.add('scan')
  machine.set('a/', { maxNames: 10 })
  // The first of two pages is counted.
  machine.carryOut(machine.held.shift()!)
  for (let i = 0; i < 5; i++) {
    machine.tick(1000)
    // Everything else goes on.
    for (const effect of machine.held.splice(0)) {
      if (effect.type === 'scan' && effect.table === 'names') machine.held.push(effect)
      else machine.carryOut(effect)
    }
  }
  t.true(machine.rules()[0]!.names > 10)
  t.like(machine.putNamed('a/new', 10)(), { type: 'stored' })
  t.is(machine.names().length, 701)
  machine.release()
  machine.settle()
  t.is(machine.names().length, 10)
})

test('R004-144: what was bound again is not unbound as it was', (t) => {
  const machine = new Rules()
  machine.putNamed('a/tag', 10, true)
  machine.set('a/', { maxAgeMs: 5 * HOUR })
  for (let i = 0; i < 12; i++) machine.tick(60_000)
  machine.tick(5 * HOUR - 1000 - machine.now)
  machine.holds.add('scan')
  machine.tick(20_000)
  t.true(machine.held.length > 0)
  machine.putNamed('a/tag', 10, true)
  machine.release()
  machine.settle()
  t.is(machine.targets('a/tag'), 2)
})

test('R004-147: a name that is being bound is not unbound to make room', (t) => {
  const machine = new Rules()
  machine.set('a/', { maxNames: 2 })
  machine.putNamed('a/1', 10, true)
  machine.tick(1000)
  machine.putNamed('a/2', 10, true)
  machine.settle()
  machine.holds.add('commit')
  const moved = machine.putNamed('a/1', 20, true)
  const added = machine.putNamed('a/3', 10, true)
  machine.tick(1000)
  machine.release()
  machine.settle()
  t.like([moved(), added()], [{ type: 'stored' }, { type: 'stored' }])
  t.deepEqual(machine.names(), ['a/1', 'a/3'])
  t.is(machine.targets('a/1'), 2)
})

test('R004-136: a name of a key that came into being meanwhile takes room at once', (t) => {
  for (const type of ['bind', 'rebind'] as const) {
    const machine = new Rules()
    machine.set('a/', { maxNames: 2 })
    machine.putNamed('a/1', 10)
    machine.settle()
    machine.holds.add('read')
    const bound = machine.ask({ type, name: 'a/2', digest: digestOf(7) })
    // What is charged, and the key, which is not there yet.
    const [first] = machine.held.splice(0)
    machine.carryOut(first!)
    const later = machine.held.splice(0)
    machine.holds.clear()
    machine.put(7)
    for (const type of ['commit', 'commit-all'] as const) machine.holds.add(type)
    for (const effect of later) machine.carryOut(effect)
    machine.carryOut(machine.held.shift()!)
    t.not(bound()!.type, 'failure')
    t.deepEqual(machine.names(), ['a/1', 'a/2'], 'and is being counted')
    const put = machine.putNamed('a/3', 10)
    let most = 0
    for (let next = machine.held.shift(); next !== undefined; next = machine.held.shift()) {
      machine.carryOut(next)
      most = Math.max(most, machine.names().length)
    }
    machine.release()
    machine.settle()
    t.is(most, 2)
    t.like(put(), { type: 'stored' })
    t.deepEqual(counted(machine.rules()[0]!), { names: 2, size: 11, removed: 1 })
  }
})

test('R004-147: a tag that fills its rule moves to a value of the same size', (t) => {
  const machine = new Rules()
  machine.set('a/', { maxSize: 100 })
  machine.putNamed('a/tag', 100, true)
  machine.settle()
  const moved = machine.putNamed('a/tag', 100, true)
  machine.settle()
  t.like(moved(), { type: 'stored' })
  t.is(machine.targets('a/tag'), 2)
})

test('R004-147: a request that waits counts anew what was unbound under its name', (t) => {
  const machine = new Rules()
  machine.set('a/', { maxSize: 100 })
  machine.putNamed('a/x', 50, true)
  machine.putNamed('a/y', 50, true)
  machine.settle()
  let most = 0
  const { store } = machine
  const apply = store.apply.bind(store)
  store.apply = (transaction) => {
    const result = apply(transaction)
    const names = store.page('names', new Uint8Array(), undefined, 100)
    most = Math.max(
      most,
      names.reduce((sum, row) => sum + decodeBinding(row).size!, 0),
    )
    return result
  }
  machine.holds.add('scan')
  const answers = [machine.putNamed('a/z', 100), machine.putNamed('a/x', 50, true)]
  machine.release()
  machine.settle()
  for (const answer of answers) t.like(answer(), { type: 'stored' })
  t.is(most, 100)
})

test('R004-147: after a restart a put waits until it is known what a rule holds', (t) => {
  const machine = new Rules()
  machine.set('a/', { maxNames: 2 })
  machine.settle()
  for (const n of [1, 2, 3]) machine.putNamed(`a/${n}`, 10)
  machine.holds.add('log')
  machine.start()
  const answer = machine.putNamed('a/4', 10)
  machine.tick(1000)
  t.is(answer(), undefined)
  machine.release()
  machine.settle()
  t.like(answer(), { type: 'stored' })
  t.is(machine.names().length, 2)
})

test('R004-150: a rule that has far too much unbinds it over some seconds', (t) => {
  const machine = new Rules()
  const all = RULE_UNBINDS + 400
  for (let i = 0; i < all; i++) machine.putNamed(`a/${i}`, 10)
  machine.set('a/', { maxNames: 10 })
  const left = machine.names().length
  t.true(left >= 400 - 128 && left <= 400, `${left}`)
  machine.settle()
  t.is(machine.names().length, 10)
})
