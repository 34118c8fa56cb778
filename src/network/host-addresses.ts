/** The IP addresses behind the host name of a multiaddr, and those that Global may name. */
import type { LookupAddress, LookupAllOptions } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { BlockList, isIPv4 } from 'node:net'
import { DstoreError } from '../errors.ts'
import { HOST_ADDRESSES } from '../limits.ts'
import { hostOf, isLoopback } from './multiaddr.ts'
import { NO_HOST } from './network-faults.ts'

const NAME = /^\/(dns|dns4|dns6)\/([^/]+)(\/.*)$/

const FAMILIES: Readonly<Record<string, 0 | 4 | 6>> = { dns: 0, dns4: 4, dns6: 6 }

type FindAddresses = (name: string, options: LookupAllOptions) => Promise<LookupAddress[]>

/**
 * The same multiaddr with each IP address that the system knows for its host name now, the families
 * in turns; at most `HOST_ADDRESSES`. Nothing is cached here. Error: `unreachable`.
 */
export async function resolveHost(
  address: string,
  find: FindAddresses = lookup,
): Promise<readonly string[]> {
  const [, type = '', name = '', rest = ''] = NAME.exec(address) ?? []
  if (type === '') return [address]
  let found: readonly LookupAddress[]
  try {
    found = await find(name, { all: true, family: FAMILIES[type]!, verbatim: true })
  } catch (cause) {
    throw new DstoreError(NO_HOST[0], `${address}: ${NO_HOST[1]}`, { cause })
  }
  const first = found.filter((one) => one.family === found[0]?.family)
  const second = found.filter((one) => one.family !== found[0]?.family)
  const inTurns = first.flatMap((one, i) => [one, ...second.slice(i, i + 1)])
  const all = [...inTurns, ...second.slice(first.length)]
  const hosts = all.map((one) => `/ip${one.family}/${one.address.replace(/%.*$/, '')}`)
  return [...new Set(hosts)].slice(0, HOST_ADDRESSES).map((host) => `${host}${rest}`)
}

/** Where no Global listens: this host without a name, one link, many hosts, or none. */
const NOWHERE = new BlockList()
NOWHERE.addSubnet('0.0.0.0', 8, 'ipv4')
NOWHERE.addSubnet('169.254.0.0', 16, 'ipv4')
NOWHERE.addSubnet('224.0.0.0', 3, 'ipv4')
NOWHERE.addSubnet('::', 128, 'ipv6')
NOWHERE.addSubnet('fe80::', 10, 'ipv6')
NOWHERE.addSubnet('ff00::', 8, 'ipv6')

/**
 * Those of the addresses that Global names as its own that a Local may dial (R006-44): with an IP
 * address, and of this machine only if Global was reached at one of them. `via`: where Global was
 * reached, without the peer id.
 */
export function usableAddresses(named: readonly string[], via: string): readonly string[] {
  const isHere = named.includes(via) && isThisMachine(via)
  return named.filter((address) => mayBeNamed(address, isHere))
}

function mayBeNamed(address: string, isHere: boolean): boolean {
  if (NAME.test(address)) return false
  try {
    const host = hostOf(address)
    if (NOWHERE.check(host, isIPv4(host) ? 'ipv4' : 'ipv6')) return false
    return isHere || !isThisMachine(address)
  } catch {
    return false
  }
}

/** Loopback, also as an IPv4 address within IPv6. */
function isThisMachine(address: string): boolean {
  return isLoopback(address) || hostOf(address).startsWith('::ffff:7f')
}
