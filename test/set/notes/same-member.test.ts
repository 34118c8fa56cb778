/** Which of two processes with one id ends, whatever the order in which they see each other. */
import * as fc from 'fast-check'
import type { MemberNote } from '../../../src/set/notes/member-note.ts'
import { SameMember } from '../../../src/set/notes/same-member.ts'
import { test } from '../../serial.ts'

const [P, Q, R] = ['1', '2', '3'].map((digit) => digit.repeat(16)) as [string, string, string]

/** What is in the bucket under the id of both. */
class Place {
  note: MemberNote | undefined
  #at = 0

  /** One round of a process: it reads, and replaces what is there unless it must end. */
  round(process: SameMember): boolean {
    if (process.found(this.note)) return true
    const rest = { name: 'm', version: '1', state: 'standby', position: 0, addresses: [] } as const
    this.note = { id: 'a'.repeat(16), ...rest, ...process.said, at: ++this.#at }
    return false
  }
}

test('R012-22: a process that is started after another one ended goes on', (t) => {
  const place = new Place()
  for (const id of [Q, P, R]) {
    const process = new SameMember(id)
    for (let i = 0; i < 5; i++) t.false(place.round(process))
  }
})

test('R012-22: the last note of a process that has ended may arrive late', (t) => {
  const place = new Place()
  const [ended, next] = [new SameMember(P), new SameMember(Q)]
  place.round(ended)
  t.false(place.round(next))
  place.round(ended)
  t.false(place.round(next))
  for (let i = 0; i < 5; i++) t.false(place.round(next))
})

test('R012-22: of a member and a later copy the copy ends, in any order of their rounds', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
      fc.boolean(),
      (turns, isP) => {
        const place = new Place()
        const [first, copy] = (isP ? [P, Q] : [Q, P]).map((id) => new SameMember(id))
        const old = new SameMember(R)
        place.round(old)
        place.round(first!)
        t.false(place.round(copy!))
        let hasEnded = false
        let changes = 0
        let before: boolean | undefined
        for (const isFirst of turns) {
          if (isFirst) t.false(place.round(first!), 'the member itself goes on')
          else hasEnded ||= place.round(copy!)
          if (before === true && !isFirst) changes++
          before = isFirst
          // Two notes of the other between its own are enough.
          t.is(hasEnded, changes >= 2)
          if (hasEnded) break
        }
      },
    ),
  )
})

test('R012-22: of two copies that begin at once, one ends', (t) => {
  for (const ids of [[P, Q] as const, [Q, P] as const]) {
    const place = new Place()
    const ended = new Set<string>()
    const both = ids.map((id) => new SameMember(id))
    // Both look before either says anything.
    for (const one of both) one.found(undefined)
    for (let i = 0; i < 6; i++) {
      for (const one of both)
        if (!ended.has(one.process) && place.round(one)) ended.add(one.process)
    }
    t.deepEqual([...ended], [Q])
  }
})

test('R012-22: a version that names no process is one as well', (t) => {
  const place = new Place()
  const copy = new SameMember(P)
  const note = { id: 'a'.repeat(16), name: 'm', version: '0', state: 'active' } as const
  const old = (at: number): MemberNote => ({ ...note, position: 0, addresses: [], at })
  t.false(copy.found(old(1)))
  t.false(copy.found(old(1)))
  t.false(copy.found(old(2)))
  t.true(copy.found(old(3)))
  t.is(place.note, undefined)
})
