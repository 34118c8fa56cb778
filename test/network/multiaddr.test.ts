import { test } from '../serial.ts'
import { isLoopback, parseDialAddress, parseListenAddress } from '../../src/network/multiaddr.ts'

const PEER = '12D3KooWKCmrQ3ktkxBE9j3TL9KBqtJHbGWysfBk8XbpSWgnQSLr'

test('loopback is 127.0.0.0/8 and ::1, never a name', (t) => {
  for (const yes of ['/ip4/127.0.0.1/tcp/1', '/ip4/127.9.9.9/tcp/0', '/ip6/::1/tcp/1']) {
    t.true(isLoopback(yes), yes)
  }
  for (const no of [
    '/ip4/0.0.0.0/tcp/1',
    '/ip4/10.0.0.1/tcp/1',
    '/ip4/1.127.0.0/tcp/1',
    '/ip6/::/tcp/1',
    '/ip6/::ffff:7f00:1/tcp/1',
    '/dns4/localhost/tcp/1',
  ]) {
    t.false(isLoopback(no), no)
  }
  t.throws(() => isLoopback('127.0.0.1'), { message: /multiaddr/ })
})

test('an address to dial names its peer, one to listen on does not', (t) => {
  for (const host of ['/ip4/10.0.0.1', '/ip6/fe80::1', '/dns/global', '/dns4/global', '/dns6/g']) {
    t.is(parseDialAddress(`${host}/tcp/4001/p2p/${PEER}`).peer.slice(0, 8), '12D3KooW')
  }
  for (const host of ['/ip4/0.0.0.0', '/ip6/::']) {
    t.is(parseListenAddress(`${host}/tcp/4001`).toString(), `${host}/tcp/4001`)
  }
  t.throws(() => parseDialAddress('/ip4/10.0.0.1/tcp/4001'), { message: /peer id is missing/ })
  t.throws(() => parseListenAddress(`/ip4/10.0.0.1/tcp/4001/p2p/${PEER}`))
})
