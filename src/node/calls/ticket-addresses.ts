/** Where a ticket says that its Global listens (specs/006-membership.md). */
import { TICKET_ADDRESSES } from '../../limits.ts'
import { isLoopbackAddress } from '../../membership/loopback.ts'
import { isTicketAddress } from '../../membership/ticket.ts'
import type { Network } from '../../network/network.ts'

/**
 * The addresses in tickets: the node's own, then those of other members of its set. Those that only
 * this machine can reach come last.
 */
export function ticketAddresses(
  network: Pick<Network, 'addresses'> | undefined,
  others: readonly string[] = [],
): string[] {
  const own = (network?.addresses() ?? []).map((one) => one.replace(/\/p2p\/[^/]+$/, ''))
  const addresses = [...new Set([...own, ...others])]
  const last = (address: string): number => Number(isLoopbackAddress(address))
  return addresses
    .filter(isTicketAddress)
    .toSorted((a, b) => last(a) - last(b))
    .slice(0, TICKET_ADDRESSES)
}
