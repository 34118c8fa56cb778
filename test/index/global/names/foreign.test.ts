import { createHash } from 'node:crypto'
import { digestName } from '../../../../src/hash/foreign-digest.ts'
import type { Body, Request } from '../../../../src/index/message.ts'
import { test } from '../../../serial.ts'
import { Machine, digestOf, valueOf } from '../machine.ts'

const nameOf = (n: number): string =>
  digestName('sha2-256', createHash('sha256').update(valueOf(n)).digest())

const bind = (n: number, name: string): Request => ({ type: 'bind', name, digest: digestOf(n) })

const offer = (n: number, name: string): Request => ({
  type: 'offer',
  digest: digestOf(n),
  size: 1,
  name,
})

const codeOf = (body: Body): string => (body.type === 'failure' ? body.code : body.type)

const verified = (machine: Machine): number =>
  machine.effects.filter(({ type }) => type === 'verify-digest').length

const isBound = (machine: Machine, name: string): boolean => {
  const body = machine.answer({ type: 'lookup', name, inline: false })
  return body.type === 'binding' && body.found !== undefined
}

test('R004-165: whatever binds a name that spells a digest, the bytes are verified first', (t) => {
  const machine = new Machine()
  machine.put(1)
  const wrong = nameOf(2)
  const uploaded = { digest: digestOf(3), size: 1, location: 'uploaded' }
  machine.bytes.set('uploaded', valueOf(3))
  const upload = { type: 'uploaded', id: 900, value: uploaded, name: wrong, now: 0 } as const
  machine.handle(upload)
  t.is(codeOf(machine.last(0)!), 'usage')
  t.true(machine.effects.some((one) => one.type === 'discard' && one.location === 'uploaded'))
  t.is(codeOf(machine.answer(bind(1, wrong))), 'usage')
  t.is(codeOf(machine.answer(offer(1, wrong))), 'usage')
  t.is(codeOf(machine.put(1, wrong)), 'usage')
  t.is(codeOf(machine.put(4, wrong)), 'usage')
  t.is(verified(machine), 5)
  t.false(isBound(machine, wrong))
  t.is(codeOf(machine.answer(bind(1, nameOf(1)))), 'binding')
  t.is(codeOf(machine.put(4, nameOf(4))), 'stored')
  t.true(isBound(machine, nameOf(1)) && isBound(machine, nameOf(4)))
})

test('R004-166: a repeat, and what was verified on its way in, is not read again', (t) => {
  const machine = new Machine()
  machine.put(1, nameOf(1))
  t.is(verified(machine), 1)
  t.is(codeOf(machine.put(1, nameOf(1))), 'stored')
  t.is(codeOf(machine.answer(bind(1, nameOf(1)))), 'binding')
  t.is(codeOf(machine.answer(offer(1, nameOf(1)))), 'offered')
  const value = { digest: digestOf(2), size: 1, location: 'known', verifiedAs: nameOf(2) }
  machine.handle({ type: 'uploaded', id: 901, value, name: nameOf(2), now: 0 })
  t.is(codeOf(machine.last(0)!), 'stored')
  t.is(verified(machine), 1)
  // That it has one digest says nothing of another.
  machine.bytes.set('other', valueOf(3))
  const other = { ...value, digest: digestOf(3), location: 'other', verifiedAs: nameOf(2) }
  machine.handle({ type: 'uploaded', id: 902, value: other, name: nameOf(4), now: 0 })
  t.is(codeOf(machine.last(0)!), 'usage')
})

test('R004-165: a key that is removed while its bytes are verified gets no name', (t) => {
  const machine = new Machine()
  machine.put(1)
  machine.holds.add('verify-digest')
  const answer = machine.ask(bind(1, nameOf(1)))
  t.is(answer(), undefined)
  const removed = { type: 'remove', digest: digestOf(1), timeoutMs: 9, force: false } as const
  t.is(codeOf(machine.answer(removed)), 'removed')
  machine.release()
  t.is(codeOf(answer()!), 'not-found')
  t.false(isBound(machine, nameOf(1)))
})

test('R004-166: such a name is no tag, and not that of a directory', (t) => {
  const machine = new Machine()
  machine.put(1)
  const name = nameOf(1)
  for (const bound of [false, true]) {
    if (bound) machine.answer(bind(1, name))
    t.is(codeOf(machine.answer({ type: 'rebind', name, digest: digestOf(1) })), 'usage')
    const naming = { tag: true }
    const put = { type: 'put', values: [valueOf(1)], name, naming } as const
    t.is(codeOf(machine.answer(put)), 'usage')
    t.is(codeOf(machine.answer({ ...bind(1, name), naming } as Request)), 'usage')
    t.is(codeOf(machine.answer({ ...bind(1, name), directory: true } as Request)), 'usage')
  }
})
