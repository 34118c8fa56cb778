import { test } from '../serial.ts'
import { MEMBERS, TICKETS, TICKET_KEPT_MS } from '../../src/limits.ts'
import { Members } from '../../src/membership/members.ts'
import type { MemberRecord } from '../../src/membership/record.ts'

const member: MemberRecord = { role: 'reader', sinceMs: 1, expelled: 0, ticket: undefined }
const expelled = (seq: number): MemberRecord => ({ ...member, role: undefined, expelled: seq })
const secretHash = (n: number): Uint8Array => new Uint8Array(32).fill(n)

test('members and expelled ones are listed in order of peer id, in pages', (t) => {
  const members = new Members()
  for (const peer of ['d', 'a', 'c']) members.set(peer, member)
  members.set('b', expelled(7))
  const peersOf = (after: string | undefined, limit: number): [string[], boolean] => {
    const { items, more } = members.page(after, limit)
    return [items.map(({ peer }) => peer), more]
  }
  t.deepEqual(peersOf(undefined, 3), [['a', 'b', 'c'], true])
  t.deepEqual(peersOf('b', 2), [['c', 'd'], false])
  t.deepEqual(peersOf('d', 2), [[], false])
  t.deepEqual(members.peers().toSorted(), ['a', 'c', 'd'])
  t.is(members.roleOf('b'), undefined)
  t.deepEqual([members.wasExpelled('a'), members.wasExpelled('b')], [false, true])
})

test('an expelled member is forgotten once the log is trimmed up to its expulsion', (t) => {
  const members = new Members()
  members.set('member', member)
  members.set('first', expelled(7))
  members.set('second', expelled(8))
  members.trimmed(6)
  t.true(members.wasExpelled('first'))
  members.trimmed(7)
  t.deepEqual([members.wasExpelled('first'), members.wasExpelled('second')], [false, true])
  t.is(members.roleOf('member'), 'reader')
})

test('there are at most MEMBERS members; one of them may change its role', (t) => {
  const members = new Members()
  for (let i = 1; i < MEMBERS; i++) members.set(`${i}`, member)
  t.true(members.hasRoomFor('another'))
  members.set('another', member)
  t.false(members.hasRoomFor('one more'))
  t.true(members.hasRoomFor('another'))
})

test('there are at most TICKETS tickets, without those that expired long ago', (t) => {
  const tickets = Array.from({ length: TICKETS - 1 }, (_, i) => ({
    secretHash: Uint8Array.of(i >> 8, i & 0xff),
    expiresMs: 1000,
  }))
  const members = new Members(new Map(), tickets)
  t.true(members.hasRoomForTicket(0))
  members.invited(secretHash(1), 2000)
  t.false(members.hasRoomForTicket(0))
  t.false(members.hasRoomForTicket(1000 + TICKET_KEPT_MS - 1), 'expired, and kept')
  t.is(members.staleTickets(1000 + TICKET_KEPT_MS - 1).length, 0)
  t.true(members.hasRoomForTicket(1000 + TICKET_KEPT_MS))
  t.is(members.staleTickets(1000 + TICKET_KEPT_MS).length, TICKETS - 1)
  for (const hash of members.staleTickets(1000 + TICKET_KEPT_MS)) members.dropTicket(hash)
  t.deepEqual(members.staleTickets(2000 + TICKET_KEPT_MS), [secretHash(1)])
})
