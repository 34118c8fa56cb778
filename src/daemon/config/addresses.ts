/**
 * Checks of addresses before libp2p is loaded, so that mistakes are cheap (R007-7). The node parses
 * them again.
 */
import { isIP } from 'node:net'
import { DstoreError } from '../../errors.ts'
import { TICKET_ADDRESSES } from '../../limits.ts'

const LISTEN = /^\/(ip4|ip6)\/([^/]+)\/tcp\/(\d{1,5})$/
const PEER = /^\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}\/p2p\/[1-9A-HJ-NP-Za-km-z]{32,64}$/

/** Returns a multiaddr to listen on, TCP at an IP address; else throws `malformed-address`. */
export function checkListenAddress(address: string): string {
  const [, type, host = '', port] = LISTEN.exec(address) ?? []
  if (isIP(host) !== (type === 'ip4' ? 4 : 6) || Number(port) > 65_535) {
    throw new DstoreError('malformed-address', `not an address to listen on: ${address}`, {
      hint: 'write /ip4/0.0.0.0/tcp/4480 for every network of this machine',
    })
  }
  return address
}

/**
 * Returns the multiaddr of a Global, with the peer id to verify; else throws `malformed-address`.
 */
export function checkJoinAddress(address: string): string {
  if (PEER.test(address)) return address
  const hint =
    'run `dstore invite` at the Global for a ticket, or copy the address from its ready line'
  if (/^\/.+\/tcp\/\d+$/.test(address)) {
    throw new DstoreError('malformed-address', `the address has no peer id: ${address}`, { hint })
  }
  throw new DstoreError('malformed-address', `not the address of a Global: ${address}`, { hint })
}

/**
 * Returns the multiaddrs of one Global; else throws `malformed-address`, or `usage` for several
 * nodes or too many addresses.
 */
export function checkJoinAddresses(addresses: readonly string[]): readonly string[] {
  const peers = addresses.map((one) => checkJoinAddress(one).replace(/^.*\/p2p\//, ''))
  if (new Set(peers).size > 1) {
    throw new DstoreError('usage', 'the addresses to join are of different nodes', {
      hint: 'all of them end in the peer id of one Global',
    })
  }
  if (addresses.length > TICKET_ADDRESSES) {
    throw new DstoreError('usage', `more than ${TICKET_ADDRESSES} addresses to join`)
  }
  return addresses
}
