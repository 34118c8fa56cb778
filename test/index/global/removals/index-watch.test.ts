import { ChangeFeed } from '../../../../src/index/global/feed.ts'
import { LocalRegister } from '../../../../src/index/global/local-register.ts'
import { IndexWatch } from '../../../../src/index/global/removals/index-watch.ts'
import { MEMBERS } from '../../../../src/limits.ts'
import { test } from '../../../serial.ts'

test('R013-37 peers that are members no more take no memory, however many there were', (t) => {
  const leases = { leaseMs: undefined, longestLeaseMs: 0 }
  const register = new LocalRegister({ locals: new Map(), now: 0, ...leases })
  const feed = new ChangeFeed(0)
  let wallMs = 1e12
  const watch = new IndexWatch({ register, feed, graceMs: 0, now: () => 1000, wall: () => wallMs })
  const join = (peer: string): void => {
    register.welcome(peer, new Uint8Array(16), { seq: 0, applied: undefined, now: 0 })
    t.is(watch.inStateSince(peer, false), 1e12 - 1000)
  }
  join('member')
  for (let i = 0; i < MEMBERS; i++) {
    join(`passing ${i}`)
    register.remove(`passing ${i}`)
    watch.inStateSince('member', false)
  }
  // A clock that was set back changes no time that is remembered.
  wallMs -= 500
  t.is(watch.inStateSince('member', false), 1e12 - 1000)
  t.is(watch.inStateSince(`passing ${MEMBERS - 1}`, false), 1e12 - 1000)
  t.is(watch.inStateSince('passing 0', false), 1e12 - 1500)
})
