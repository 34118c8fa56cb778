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
  register.acknowledge('L', 4)
  isThere = true
  waiting.poll(2)
  t.is(answers, 1, 'only who still waits is answered')
})
