/** How a daemon announces that it serves (R007-8). */
import type { NodeStatus } from '../../node/node.ts'

/** The line that says that a daemon serves: role, where it is reached, and whether what it stores is kept. */
export function readyLine({ role, listen, peerId, store }: NodeStatus, socket: string): string {
  const place =
    role === 'global'
      ? listen.map((address) => (address.includes('/p2p/') ? address : `${address}/p2p/${peerId}`))
      : [socket]
  const warning = store?.durable === false ? ' (memory: nothing is kept)' : ''
  return `dstore ready ${[role, ...place].join(' ')}${warning}`
}
