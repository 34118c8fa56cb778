import { test } from '../../serial.ts'
import { LocalRegister } from '../../../src/index/global/local-register.ts'
import { PendingRemovals } from '../../../src/index/global/pending-removals.ts'

const FAR = Number.MAX_SAFE_INTEGER

test('R004-20: what nobody waits for any longer is let go of, however long its caller would have waited', (t) => {
  const local = { bootId: new Uint8Array(16), acknowledged: 3, leased: false }
  const locals = new Map([['L', local]])
  const register = new LocalRegister({ locals, now: 0, leaseMs: undefined, longestLeaseMs: 0 })
  const waiting = new PendingRemovals(register, { leaseMs: undefined, longestLeaseMs: 0 })
  const removed = { freedBytes: 0, names: [], digest: undefined }
  let [answers, isThere] = [0, true]
  const item = {
    seq: 4,
    removed,
    since: 0,
    timeoutMs: FAR,
    isAwaited: () => isThere,
    answer: () => void answers++,
  }
  waiting.add(item, 0)
  waiting.add({ ...item, isAwaited: () => true }, 0)
  isThere = false
  waiting.poll(1)
  register.acknowledge('L', 4, 2)
  isThere = true
  waiting.poll(2)
  t.is(answers, 1, 'only who still waits is answered')
})

test('R004-100: the removal of a directory waits while a Local comes closer to its last change', (t) => {
  const local = { bootId: new Uint8Array(16), acknowledged: 3, leased: false }
  const locals = new Map(['behind', 'gone', 'ahead'].map((peer) => [peer, local]))
  const register = new LocalRegister({ locals, now: 0, leaseMs: undefined, longestLeaseMs: 0 })
  const waiting = new PendingRemovals(register, { leaseMs: undefined, longestLeaseMs: 0 })
  const answered: string[] = []
  const tree = { removed: 90, freedBytes: 0, most: 90, lastSeq: 93, movedAt: 0, hasEnded: true }
  const item = {
    seq: 4,
    removed: { freedBytes: 0, names: [], digest: undefined },
    since: 0,
    timeoutMs: 1000,
    isAwaited: () => true,
  }
  const answer = (what: string) => (): void => void answered.push(what)
  waiting.add({ ...item, cascade: tree, answer: answer('tree') }, 0)
  waiting.add({ ...item, seq: 93, answer: answer('value') }, 0)
  for (const [now, seq] of [
    [900, 30],
    [1800, 60],
    [2700, 90],
  ] as const) {
    register.acknowledge('behind', seq, now)
    waiting.poll(now)
  }
  t.deepEqual(answered, ['value'], 'the time of a value is one')
  // These have applied the removal itself, or nothing since.
  register.acknowledge('behind', 90, 3600)
  register.acknowledge('ahead', 200, 3600)
  register.welcome('gone', local.bootId, { seq: 200, applied: 3, now: 3600 })
  waiting.poll(3699)
  t.deepEqual(answered, ['value'])
  waiting.poll(3700)
  t.deepEqual(answered, ['value', 'tree'])
})
