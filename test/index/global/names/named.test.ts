import { toHex } from '../../../../src/bytes.ts'
import { NAMES_PER_ANSWER, NAMES_PER_CHANGE } from '../../../../src/limits.ts'
import {
  NAMED_ROWS,
  REMOVING_ROWS,
  encodeName,
  nameIn,
} from '../../../../src/index/records/name-record.ts'
import { decodeChange, encodeChange } from '../../../../src/index/records/change-record.ts'
import { decodeKey, encodeKey, keyRow, nameRow } from '../../../../src/index/records/record.ts'
import type { GlobalEffect } from '../../../../src/index/global/global-events.ts'
import type { Removed } from '../../../../src/index/message.ts'
import { test } from '../../../serial.ts'
import { Machine, digestOf } from '../machine.ts'

const DIGEST = digestOf(1)

/** Names of the key that have rows of their own. */
const rowsOf = ({ store }: Machine): string[] => store.scan('meta', NAMED_ROWS).map(nameIn)

const recordOf = ({ store }: Machine) => {
  const row = store.get(keyRow(DIGEST))
  return row && decodeKey(row)
}

const boundIn = ({ store }: Machine): string[] =>
  store.scan('names', new Uint8Array()).map(({ id }) => Buffer.from(id).toString())

/** A machine whose store has a key with names as an earlier version wrote them. */
function withListed(listed: readonly string[]): Machine {
  const machine = new Machine()
  machine.put(1)
  const row = machine.store.get(keyRow(DIGEST))!
  const record = { ...decodeKey(row), names: listed.length, listed, unnamed: false }
  machine.store.apply({
    conditions: [],
    writes: [
      { key: keyRow(DIGEST), value: encodeKey(record) },
      ...listed.map((name) => ({ key: nameRow(name), value: encodeName(DIGEST) })),
    ],
    entry: encodeChange({ type: 'bind', digest: DIGEST, name: listed[0]! }, 0),
  })
  machine.start({}, 1)
  return machine
}

const locate = (machine: Machine): unknown =>
  machine.answer({ type: 'locate', digests: [DIGEST], inline: false })

/** Every change of the log, as its type and the number of its names. */
const logOf = ({ store }: Machine): string[] =>
  store.log(0, 10_000).map(({ entry }) => {
    const { change } = decodeChange(entry)
    return 'names' in change ? `${change.type} ${change.names.length}` : change.type
  })

test('R004-115: each name of a key is a row of its own, and the row of the key has their number', (t) => {
  const machine = new Machine()
  machine.put(1, 'a')
  for (const name of ['b', 'c/d']) machine.answer({ type: 'bind', name, digest: DIGEST })
  t.deepEqual(rowsOf(machine), ['a', 'b', 'c/d'])
  t.like(recordOf(machine), { names: 3, listed: undefined })
  t.like(locate(machine), { facts: [{ names: ['a', 'b', 'c/d'] }] })
  machine.answer({ type: 'bind', name: 'b', digest: DIGEST })
  t.is(recordOf(machine)!.names, 3, 'the same again is no second name')
  machine.answer({ type: 'unbind', name: 'b', keepValue: false, timeoutMs: 9 })
  t.deepEqual(rowsOf(machine), ['a', 'c/d'])
  t.is(recordOf(machine)!.names, 2)
})

test('R004-116: names that an earlier version listed get rows with the next change of names', (t) => {
  for (const change of ['bind', 'unbind'] as const) {
    const machine = withListed(['x', 'y'])
    t.like(locate(machine), { facts: [{ names: ['x', 'y'] }] })
    t.deepEqual(rowsOf(machine), [], 'nothing is written to read them')
    if (change === 'bind') machine.answer({ type: 'bind', name: 'z', digest: DIGEST })
    else machine.answer({ type: 'unbind', name: 'x', keepValue: false, timeoutMs: 9 })
    const ought = change === 'bind' ? ['x', 'y', 'z'] : ['y']
    t.deepEqual(rowsOf(machine), ought, change)
    t.like(recordOf(machine), { names: ought.length, listed: undefined })
    t.like(locate(machine), { facts: [{ names: ought }] })
    t.deepEqual(boundIn(machine), ought)
  }
})

test('R006-51: a locate has the names below a prefix, however many others the key has', (t) => {
  const machine = new Machine()
  machine.put(1, 'a/0')
  const others = Array.from({ length: NAMES_PER_ANSWER }, (_, i) => `a/${i + 1}`)
  for (const name of [...others, 'ci', 'ci/x', 'ci/y', 'cicero']) {
    machine.answer({ type: 'bind', name, digest: DIGEST })
  }
  const below = (prefix: string, one: Machine = machine): unknown => {
    const request = { type: 'locate', digests: [DIGEST], inline: false } as const
    const body = one.answer({ ...request, namesBelow: prefix })
    return body.type === 'located' ? body.facts[0]?.names : body
  }
  t.deepEqual(below('ci/'), ['ci/x', 'ci/y'])
  t.deepEqual(below('none/'), [])
  const listed = withListed(['ci/old', 'x'])
  t.deepEqual(below('ci/', listed), ['ci/old'])
  listed.answer({ type: 'bind', name: 'ci/new', digest: DIGEST })
  t.deepEqual(below('ci/', listed), ['ci/new', 'ci/old'])
})

test('R004-116: a change of the key alone leaves the names that an earlier version listed', (t) => {
  const machine = withListed(['x', 'y'])
  machine.put(1)
  t.like(recordOf(machine), { names: 2, listed: ['x', 'y'], unnamed: true })
  t.like(locate(machine), { facts: [{ names: ['x', 'y'] }] })
})

test('R004-116: a key with names of both kinds goes with its last, and by force with all', (t) => {
  const machine = withListed(['x'])
  const last = machine.answer({ type: 'unbind', name: 'x', keepValue: false, timeoutMs: 9 })
  t.like(last, { type: 'removed', names: ['x'], digest: DIGEST })
  const forced = withListed(['x', 'y'])
  const refused = forced.answer({ type: 'remove', digest: DIGEST, force: false, timeoutMs: 9 })
  t.like(refused, { type: 'failure', code: 'conflict' })
  const removed = forced.answer({ type: 'remove', digest: DIGEST, force: true, timeoutMs: 9 })
  t.like(removed, { type: 'removed', names: ['x', 'y'], digest: DIGEST })
  for (const one of [machine, forced]) {
    t.deepEqual([recordOf(one), rowsOf(one), boundIn(one)], [undefined, [], []])
  }
})

test('R004-117: a forced removal of many names is cut into changes that a feed can carry', (t) => {
  const machine = new Machine()
  const names = Array.from({ length: 2 * NAMES_PER_CHANGE + 3 }, (_, i) => `n${1000 + i}`)
  machine.put(1, names[0])
  for (const name of names.slice(1)) machine.answer({ type: 'bind', name, digest: DIGEST })
  const refused = machine.answer({ type: 'remove', digest: DIGEST, force: false, timeoutMs: 9 })
  t.regex((refused as { message: string }).message, /n1000, .* and 507 more$/)
  const session = machine.hello('local')
  machine.message(session, { id: 0, body: { type: 'ack', seq: machine.index.position.seq } })
  const removed = machine.ask({ type: 'remove', digest: DIGEST, force: true, timeoutMs: 5000 })
  t.is(removed(), undefined, 'it waits for the Local')
  t.deepEqual(logOf(machine).slice(-3), ['unbind 256', 'unbind 256', 'remove 3'])
  const lost = new Set<string>()
  for (let fed = ''; ;) {
    const feed = machine.last(session)!
    if (feed.type !== 'feed' || JSON.stringify(feed) === fed) break
    fed = JSON.stringify(feed)
    for (const { name } of feed.unbindings) lost.add(name)
    machine.message(session, { id: 0, body: { type: 'ack', seq: feed.upto } })
  }
  t.is(lost.size, names.length, 'the Local hears of each')
  const body = removed() as Removed
  t.like(body, { type: 'removed', digest: DIGEST, acknowledged: ['local'], owed: [] })
  t.deepEqual(body.names, names.slice(0, NAMES_PER_ANSWER))
  t.deepEqual([recordOf(machine), rowsOf(machine), boundIn(machine)], [undefined, [], []])
})

test('R004-117: what a forced removal left at a crash is whole, and a repeat ends it', (t) => {
  const machine = new Machine()
  const names = Array.from({ length: NAMES_PER_CHANGE + 1 }, (_, i) => `n${1000 + i}`)
  machine.put(1, names[0])
  for (const name of names.slice(1)) machine.answer({ type: 'bind', name, digest: DIGEST })
  machine.holds.add('commit')
  const request = { type: 'remove', digest: DIGEST, force: true, timeoutMs: 9 } as const
  machine.ask(request)
  machine.holds.clear()
  const [first] = machine.held.splice(0)
  machine.holds.add('commit')
  machine.carryOut(first!)
  machine.holds.clear()
  machine.held.splice(0)
  machine.start({}, 1)
  t.deepEqual(
    [recordOf(machine)!.names, rowsOf(machine), boundIn(machine)],
    [1, ['n1256'], ['n1256']],
  )
  t.like(machine.answer(request), { type: 'removed', names: ['n1256'], digest: DIGEST })
  t.is(recordOf(machine), undefined)
})

/** A forced removal of more names than a change takes has done its first change. */
function interrupted(): Machine {
  const machine = new Machine()
  // Nothing of an earlier run is left.
  machine.tick(250)
  const names = Array.from({ length: 2 * NAMES_PER_CHANGE + 1 }, (_, i) => `n${1000 + i}`)
  machine.put(1, names[0])
  for (const name of names.slice(1)) machine.answer({ type: 'bind', name, digest: DIGEST })
  machine.holds.add('commit')
  machine.ask({ type: 'remove', digest: DIGEST, force: true, timeoutMs: 9 })
  machine.carryOut(machine.held.shift()!)
  return machine
}

test('R004-117: a forced removal that a crash interrupts goes on by itself after the restart', (t) => {
  const machine = interrupted()
  machine.held.splice(0)
  machine.holds.clear()
  machine.start({}, 1)
  t.is(machine.store.scan('meta', REMOVING_ROWS).length, 1)
  machine.tick(250)
  t.deepEqual([recordOf(machine), rowsOf(machine), boundIn(machine)], [undefined, [], []])
  t.is(machine.store.scan('meta', REMOVING_ROWS).length, 0)
  t.deepEqual(logOf(machine).slice(-2), ['unbind 256', 'remove 1'])
})

test('R004-117: a forced removal that the store interrupts goes on by itself, and leaves no mark', (t) => {
  const machine = interrupted()
  const [next] = machine.held.splice(0) as [GlobalEffect & { type: 'commit' }]
  const failure = { type: 'failure', code: 'no-space', message: 'full', hint: undefined } as const
  machine.handle({ type: 'failed', ticket: next.ticket, failure, now: machine.now })
  machine.holds.clear()
  t.is(machine.store.scan('meta', REMOVING_ROWS).length, 1)
  machine.tick(1000)
  t.deepEqual([recordOf(machine), boundIn(machine)], [undefined, []])
  t.is(machine.store.scan('meta', REMOVING_ROWS).length, 0)
  const whole = interrupted()
  whole.release()
  t.is(recordOf(whole), undefined)
  t.is(whole.store.scan('meta', REMOVING_ROWS).length, 0)
})

test('R004-115: one more name of a key costs what the first did', (t) => {
  const machine = new Machine()
  machine.put(1, 'n0')
  const bytes: number[] = []
  for (let i = 1; i <= 600; i++) {
    const from = machine.effects.length
    machine.answer({ type: 'bind', name: `n${i}`, digest: DIGEST })
    const commits = machine.effects.slice(from).filter((effect) => effect.type === 'commit')
    t.is(commits.length, 1)
    const { writes } = commits[0]!.transaction
    bytes.push(writes.reduce((sum, { value }) => sum + (value?.byteLength ?? 0), writes.length))
  }
  t.true(bytes.at(-1)! <= bytes[0]! + 2, `${toHex(DIGEST)}: ${bytes[0]} and ${bytes.at(-1)} bytes`)
})
