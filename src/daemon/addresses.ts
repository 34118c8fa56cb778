/**
 * What the command line accepts as an address, before libp2p is loaded. The node reads the rest of it and has the
 * last word (specs/007, "Addresses").
 */
import { DstoreError } from '../errors.ts'

const LISTEN = /^\/(ip4|ip6)\/([^/]+)\/tcp\/(\d{1,5})$/
const PEER = /^\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}\/p2p\/[1-9A-HJ-NP-Za-km-z]{32,64}$/

/** An address to listen on: TCP on loopback, or `malformed-address`, or `not-permitted` for any other network. */
export function checkListenAddress(address: string): string {
  const match = LISTEN.exec(address)
  if (match === null || Number(match[3]) > 65_535) {
    throw new DstoreError('malformed-address', `not an address to listen on: ${address}`, {
      hint: 'write /ip4/127.0.0.1/tcp/4480',
    })
  }
  const host = match[2]!
  const loopback = match[1] === 'ip4' ? /^127(\.\d{1,3}){3}$/.test(host) : host === '::1'
  if (!loopback) {
    throw new DstoreError('not-permitted', `only loopback can be listened on, not ${host}`, {
      hint: 'until admission exists, whoever reaches the port could read and remove every value',
    })
  }
  return address
}

/** The address of a Global, with the peer id that proves it is the one meant; else `malformed-address`. */
export function checkJoinAddress(address: string): string {
  if (PEER.test(address)) return address
  const hint = 'copy the multiaddr from the ready line of the Global, with its /p2p/ part'
  if (/^\/.+\/tcp\/\d+$/.test(address)) {
    throw new DstoreError('malformed-address', `the address has no peer id: ${address}`, { hint })
  }
  throw new DstoreError('malformed-address', `not the address of a Global: ${address}`, { hint })
}
