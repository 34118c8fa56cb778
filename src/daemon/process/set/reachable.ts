/** Where others reach a node that will listen on these addresses. */
import { networkInterfaces } from 'node:os'
import { SET_ADDRESSES } from '../../../limits.ts'

const ANY = /^\/ip4\/0\.0\.0\.0\/(.*)$/
const ANY6 = /^\/ip6\/::\/(.*)$/

/** An address of every network of this machine stands for each that it has now. */
export function reachable(
  listen: readonly string[],
  interfaces: () => ReturnType<typeof networkInterfaces> = networkInterfaces,
): readonly string[] {
  const found = listen.flatMap((address) => {
    const rest = ANY.exec(address)?.[1]
    if (rest !== undefined) return hosts('IPv4', interfaces).map((host) => `/ip4/${host}/${rest}`)
    const rest6 = ANY6.exec(address)?.[1]
    if (rest6 !== undefined) return hosts('IPv6', interfaces).map((host) => `/ip6/${host}/${rest6}`)
    return [address]
  })
  return [...new Set(found)].slice(0, SET_ADDRESSES)
}

/** Those of loopback last; none that needs the name of an interface. */
function hosts(
  family: 'IPv4' | 'IPv6',
  interfaces: () => ReturnType<typeof networkInterfaces>,
): readonly string[] {
  return Object.values(interfaces())
    .flatMap((all) => all ?? [])
    .filter((one) => one.family === family && !one.address.startsWith('fe80:'))
    .toSorted((a, b) => Number(a.internal) - Number(b.internal))
    .map(({ address }) => address)
}
