import { test } from '../../../serial.ts'
import { FOLLOWED_REMOVALS, REMOVAL_KEPT_MS } from '../../../../src/limits.ts'
import { FollowedRemovals } from '../../../../src/index/global/removals/followed-removals.ts'
import { LocalRegister } from '../../../../src/index/global/local-register.ts'

const SUBJECT = { digest: new Uint8Array(32), directory: false }

function world(peers: readonly string[], acknowledged = 3, leaseMs?: number) {
  const local = { bootId: new Uint8Array(16), acknowledged, leased: leaseMs !== undefined }
  const locals = new Map(peers.map((peer) => [peer, local]))
  const register = new LocalRegister({ locals, now: 0, leaseMs, longestLeaseMs: leaseMs ?? 0 })
  const followed = new FollowedRemovals(register, leaseMs ?? 0)
  return { register, followed }
}

const at = (now: number): { now: number; wallMs: number } => ({ now, wallMs: 1e12 + now })

test('R013-35 a removal is followed until the last Local has acknowledged it, and a while longer', (t) => {
  const { register, followed } = world(['a', 'b'])
  followed.add({ seq: 4 }, { ...SUBJECT, name: 'n' }, at(10))
  t.true(followed.hasOpen)
  t.like(followed.list(at(11)), [
    { id: 4, subject: { name: 'n' }, startedMs: 1e12 + 10, acknowledged: [], owed: ['a', 'b'] },
  ])
  register.acknowledge('a', 4, 20)
  followed.poll(at(20))
  const [half] = followed.list(at(20))
  t.deepEqual([half!.acknowledged, half!.owed, half!.endedMs], [['a'], ['b'], undefined])
  register.acknowledge('b', 9, 90_000)
  followed.poll(at(90_000))
  t.false(followed.hasOpen)
  const [done] = followed.list(at(90_001))
  t.deepEqual(done!.acknowledged.toSorted(), ['a', 'b'])
  t.deepEqual([done!.owed, done!.endedMs], [[], 1e12 + 90_000])
  // A Local that comes or goes later changes nothing of it.
  register.remove('a')
  t.is(followed.list(at(90_002))[0]!.acknowledged.length, 2)
  followed.poll(at(90_000 + REMOVAL_KEPT_MS - 1))
  t.is(followed.list(at(0)).length, 1)
  followed.poll(at(90_000 + REMOVAL_KEPT_MS))
  t.is(followed.list(at(0)).length, 0)
})

test('R013-35 a removal that no Local owes has ended at once, and one asked for again goes on', (t) => {
  const { followed } = world([])
  followed.add({ seq: 4 }, SUBJECT, at(10))
  t.is(followed.list(at(10))[0]!.endedMs, 1e12 + 10)
  const { followed: other } = world(['a'])
  other.add({ seq: 4 }, SUBJECT, at(10))
  other.add({ seq: 4 }, SUBJECT, at(50))
  t.is(other.list(at(50)).length, 1)
  t.is(other.list(at(50))[0]!.startedMs, 1e12 + 10)
})

test('R013-35 a lease that is over ends the wait, and is told', (t) => {
  const { followed } = world(['a'], 3, 1000)
  followed.add({ seq: 4 }, SUBJECT, at(10))
  t.is(followed.list(at(11))[0]!.owed.length, 1)
  followed.poll(at(60_000))
  const [ended] = followed.list(at(60_000))
  t.deepEqual([ended!.expired, ended!.owed, ended!.endedMs], [['a'], [], 1e12 + 60_000])
})

test('R013-35 the removal of a directory is not over before what it held is removed', (t) => {
  const { register, followed } = world(['a'])
  const cascade = {
    removed: 1,
    freedBytes: 0,
    most: 3,
    lastSeq: 4,
    movedAt: 10,
    hasEnded: false,
  }
  followed.add({ seq: 4, cascade }, SUBJECT, at(10))
  register.acknowledge('a', 4, 11)
  followed.poll(at(11))
  t.true(followed.hasOpen)
  cascade.hasEnded = true
  cascade.lastSeq = 6
  followed.poll(at(12))
  t.true(followed.hasOpen, 'its last change is owed')
  register.acknowledge('a', 6, 13)
  followed.poll(at(13))
  t.false(followed.hasOpen)
})

test('R013-36 the newest are followed: first those go that have ended, then the oldest', (t) => {
  const { register, followed } = world(['a'])
  const cascade = { removed: 1, freedBytes: 0, most: 3, lastSeq: 4, movedAt: 4, hasEnded: false }
  followed.add({ seq: 4, cascade }, SUBJECT, at(4))
  for (let seq = 5; seq < 4 + FOLLOWED_REMOVALS; seq++) followed.add({ seq }, SUBJECT, at(seq))
  const ids = (): number[] => followed.list(at(100)).map(({ id }) => id)
  t.deepEqual(
    ids(),
    Array.from({ length: FOLLOWED_REMOVALS }, (_, i) => 3 + FOLLOWED_REMOVALS - i),
  )
  register.acknowledge('a', 6, 101)
  followed.poll(at(101))
  followed.add({ seq: 100 }, SUBJECT, at(102))
  t.is(ids().length, FOLLOWED_REMOVALS)
  t.deepEqual(ids().slice(-2), [6, 4], 'one that has ended goes before an older one')
  followed.add({ seq: 101 }, SUBJECT, at(103))
  followed.add({ seq: 102 }, SUBJECT, at(104))
  t.deepEqual(ids().slice(-1), [7], 'then the oldest')
  t.deepEqual(ids().slice(0, 3), [102, 101, 100])
})
