/** Rules at Global (specs/004-index.md, "Rules: lifecycle"). */
import { test } from '../../../serial.ts'
import type { RuleFacts, RuleTerms } from '../../../../src/index/message.ts'
import { keyRow } from '../../../../src/index/records/record.ts'
import { Machine, digestOf, valueOf } from '../machine.ts'

class Rules extends Machine {
  set(prefix: string, terms: RuleTerms): unknown {
    return this.answer({ type: 'set-rule', prefix, terms })
  }

  /** Time for what goes on in the background. */
  settle(): void {
    for (let i = 0; i < 40; i++) this.tick(250)
  }

  rules(): readonly RuleFacts[] {
    const body = this.answer({ type: 'rules' })
    if (body.type !== 'rule-list') throw new Error(body.type)
    return body.items
  }

  /** A value of so many bytes, under a name. */
  putNamed(name: string, size: number, tag = false) {
    const value = new Uint8Array(size).fill(this.#fill++ % 251)
    if (size >= 8) new DataView(value.buffer).setUint32(0, this.#fill)
    return this.ask({
      type: 'put',
      values: [value],
      name,
      ...(tag && { naming: { tag: true } }),
    })
  }
  #fill = 1

  isBound(name: string): boolean {
    const body = this.answer({ type: 'lookup', name, inline: false })
    return body.type === 'binding' && body.found !== undefined
  }

  /** Without a lookup, which is a use. */
  names(): string[] {
    return this.store
      .page('names', new Uint8Array(), undefined, 10_000)
      .map(({ id }) => new TextDecoder().decode(id))
  }
}

const counted = ({ names, size, removed }: RuleFacts) => ({ names, size, removed })

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

test('R004-145 R004-149: time without use counts while Global runs, after an hour of a run', (t) => {
  const machine = new Rules()
  machine.putNamed('a/1', 10)
  machine.putNamed('a/2', 10)
  machine.set('a/', { unusedMs: 3 * HOUR })
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
  machine.answer({ type: 'unbind', name: 'a/1', keepValue: false, timeoutMs: 0 })
  machine.putNamed('a/3', 30)
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
