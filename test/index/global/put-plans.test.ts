import { test } from '../../serial.ts'
import type { Body } from '../../../src/index/message.ts'
import { GROUP_BYTES } from '../../../src/limits.ts'
import { encodeName } from '../../../src/index/records/name-record.ts'
import { encodeChange } from '../../../src/index/records/change-record.ts'
import { decodeKey, encodeKey, keyRow, nameRow } from '../../../src/index/records/record.ts'
import { Machine, digestOf } from './machine.ts'

const SIZE = 10 * GROUP_BYTES + 1

const offer = (n: number, { size = SIZE, name }: { size?: number; name?: string } = {}) =>
  ({ type: 'offer', digest: digestOf(n), size, name }) as const

test('R004-54: what is whole need not be sent, what is damaged is sent for again', (t) => {
  const machine = new Machine()
  machine.put(1)
  t.like(machine.answer(offer(1)), { type: 'offered', have: { existed: true, incarnation: 2 } })
  machine.facts = { isDamaged: true, keptBytes: 0 }
  t.deepEqual(machine.answer(offer(1)), { type: 'offered', have: undefined, sendFrom: 0 })
  machine.facts = { isDamaged: true, keptBytes: GROUP_BYTES }
  t.like(machine.answer(offer(1)), { have: undefined, sendFrom: GROUP_BYTES })
  const locations = machine.effects.flatMap((e) => (e.type === 'inspect' ? [e.location] : []))
  t.deepEqual(locations, ['location 1', 'location 1', 'location 1'])
})

test('R004-54: an upload resumes after what is kept, but sends its end', (t) => {
  const machine = new Machine()
  const from = (keptBytes: number, size = SIZE): number => {
    machine.facts = { isDamaged: false, keptBytes }
    return (machine.answer(offer(1, { size })) as Body & { type: 'offered' }).sendFrom
  }
  t.is(from(0), 0)
  t.is(from(3 * GROUP_BYTES), 3 * GROUP_BYTES)
  t.is(from(SIZE), 10 * GROUP_BYTES, 'the last group proves the size')
  t.is(from(2 * SIZE), 10 * GROUP_BYTES)
  t.is(from(GROUP_BYTES, GROUP_BYTES), 0)
  t.is(from(5, 0), 0, 'a value of nothing')
})

test('R004-30 R004-54: an offer under a name binds it, and its answer waits for that and for the store', (t) => {
  const machine = new Machine()
  machine.put(1)
  machine.holds.add('inspect')
  const answer = machine.ask(offer(1, { name: 'one' }))
  t.is(answer(), undefined)
  t.like(machine.answer({ type: 'lookup', name: 'one', inline: false }), {
    found: { digest: digestOf(1) },
  })
  machine.release()
  t.like(answer(), { type: 'offered', have: { existed: true } })
  t.like(machine.answer(offer(2, { name: 'one' })), { type: 'failure', code: 'conflict' })
})

test('R004-54: a store that cannot be inspected fails the offer alone', (t) => {
  const machine = new Machine()
  machine.put(1)
  machine.holds.add('inspect')
  const answer = machine.ask(offer(1, { name: 'one' }))
  const [inspect] = machine.held.splice(0)
  const failure = {
    type: 'failure',
    code: 'internal',
    message: 'no disk',
    hint: undefined,
  } as const
  const { ticket } = inspect as typeof inspect & { type: 'inspect' }
  machine.handle({ type: 'failed', ticket, failure, now: 0 })
  t.deepEqual(answer(), failure)
  // The change of the name was counted as committed once: a removal is still answered at once.
  t.like(machine.answer({ type: 'remove', digest: digestOf(1), timeoutMs: 9, force: true }), {
    type: 'removed',
    names: ['one'],
  })
})

test('R004-29: a name with U+FFFD is not bound, by no request; one that is bound can be unbound', (t) => {
  const machine = new Machine()
  machine.put(1)
  const name = 'caf\ufffd'
  const digest = digestOf(1)
  const refused = { type: 'failure', code: 'usage' } as const
  t.like(machine.answer({ type: 'bind', name, digest }), refused)
  t.like(machine.put(1, name), refused, 'of a value that exists')
  t.like(machine.put(2, name), refused, 'of a new value')
  t.like(machine.answer(offer(1, { name })), refused)
  t.like(machine.answer({ type: 'lookup', name, inline: false }), { found: undefined })
  // As an earlier version bound it.
  const row = machine.store.get(keyRow(digest))!
  const writes = [
    { key: keyRow(digest), value: encodeKey({ ...decodeKey(row), names: 1, listed: [name] }) },
    { key: nameRow(name), value: encodeName(digest) },
  ]
  machine.store.apply({
    conditions: [],
    writes,
    entry: encodeChange({ type: 'bind', digest, name }, 0),
  })
  t.like(machine.answer({ type: 'lookup', name, inline: false }), { found: { digest } })
  t.like(machine.answer({ type: 'bind', name, digest }), { type: 'binding' }, 'it is bound to it')
  t.like(machine.answer({ type: 'unbind', name, keepValue: true, timeoutMs: 9 }), {
    names: [name],
  })
})
