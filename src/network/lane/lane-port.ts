/** The TCP port that lanes listen on (specs/003-transfer-lane.md, R003-122). */
import { portOf } from '../multiaddr.ts'

export const LAST_PORT: number = 65_535

/**
 * By default the port after that of the node, so that a firewall's rule for it can be written; 0,
 * any free one, where the node's own was chosen by the system. `reserved`: ports for other uses.
 */
export function defaultLanePort(
  listen: readonly string[],
  reserved: readonly number[] = [],
): number {
  const [first = 0, ...others] = listen.map(portOf)
  if (first === 0) return 0
  const taken = new Set([...others, ...reserved])
  let port = first + 1
  while (taken.has(port)) port++
  return port > LAST_PORT ? 0 : port
}
