import { test } from '../serial.ts'
import { HOLDERS, HOLDINGS_PER_LOCAL, HOLDING_MS } from '../../src/limits.ts'
import { Holders, joinSwarm } from '../../src/transfer/holders.ts'
import { TestHost, fails, sample, served } from './ends.ts'

const digest = (n: number): Uint8Array => {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, n)
  return bytes
}
const everybody = (): boolean => true

test('R003-29: each learns of the others, not of itself, and of who is there', (t) => {
  const holders = new Holders()
  for (const peer of ['a', 'b', 'c']) holders.join(peer, digest(1), `at/p2p/${peer}`, 0)
  holders.join('d', digest(2), 'at/p2p/d', 0)
  t.deepEqual(holders.addressesOf(digest(1), 'a', everybody, 0), ['at/p2p/b', 'at/p2p/c'])
  t.deepEqual(
    holders.addressesOf(digest(1), 'x', (peer) => peer !== 'b', 0),
    ['at/p2p/a', 'at/p2p/c'],
  )
  t.deepEqual(holders.addressesOf(digest(3), 'a', everybody, 0), [])
})

test('R003-29: who does not serve a value any more is not named, nor who has not said so for long', (t) => {
  const holders = new Holders()
  holders.join('a', digest(1), 'at/p2p/a', 0)
  holders.join('b', digest(1), 'at/p2p/b', 10)
  holders.join('a', digest(1), undefined, 20)
  t.deepEqual(holders.addressesOf(digest(1), 'x', everybody, 20), ['at/p2p/b'])
  t.deepEqual(holders.addressesOf(digest(1), 'x', everybody, HOLDING_MS + 10), [])
  holders.join('c', digest(1), 'at/p2p/c', 0)
  holders.leave('c')
  t.deepEqual(holders.addressesOf(digest(1), 'x', everybody, 0), [])
})

test('R003-29: an address with the peer id of another is not remembered, and ends what was', (t) => {
  const holders = new Holders()
  holders.join('a', digest(1), 'at/p2p/b', 0)
  t.deepEqual(holders.addressesOf(digest(1), 'x', everybody, 0), [])
  holders.join('a', digest(1), 'at/p2p/a', 0)
  t.deepEqual(holders.addressesOf(digest(1), 'x', everybody, 0), ['at/p2p/a'])
  holders.join('a', digest(1), 'at/p2p/aa/p2p/b', 0)
  t.deepEqual(holders.addressesOf(digest(1), 'x', everybody, 0), [])
})

test('R003-30: what is remembered is bounded, for a value and for a Local', (t) => {
  const holders = new Holders()
  for (let i = 0; i < 2 * HOLDERS; i++) holders.join(`p${i}`, digest(1), `at/p2p/p${i}`, 0)
  const named = holders.addressesOf(digest(1), 'x', everybody, 0)
  t.is(named.length, HOLDERS)
  t.is(named.at(-1), `at/p2p/p${2 * HOLDERS - 1}`)
  for (let i = 0; i <= HOLDINGS_PER_LOCAL; i++)
    holders.join('greedy', digest(i + 2), 'at/p2p/greedy', 0)
  t.deepEqual(holders.addressesOf(digest(2), 'x', everybody, 0), [])
  t.deepEqual(holders.addressesOf(digest(3), 'x', everybody, 0), ['at/p2p/greedy'])
})

test('R003-29: asking goes over a transfer channel, between fetches', async (t) => {
  const host = new TestHost(sample(new Uint8Array(5)))
  const asked: (string | undefined)[] = []
  host.join = (peer, _, address) => {
    asked.push(peer, address)
    return Array.from({ length: 2 * HOLDERS }, (_, i) => `address ${i}`)
  }
  const { client } = served(host)
  t.is((await joinSwarm(client, digest(1), 'at me')).length, HOLDERS)
  t.is((await joinSwarm(client, digest(1), undefined)).length, HOLDERS)
  t.deepEqual(asked, ['asker', 'at me', 'asker', undefined])
})

test('R003-2: a node that is not Global is not asked', async (t) => {
  const { client } = served(new TestHost(sample(new Uint8Array(5))))
  await fails(t, joinSwarm(client, digest(1), 'at me'), 'protocol')
})
