/** A program and the daemon of its machine. */
import { DstoreError } from '../errors.ts'
import { findPlace } from '../daemon/config/socket-place.ts'
import { RemoteNode } from '../daemon/client/remote-node.ts'
import type { CallOptions } from '../node/node.ts'
import { checkOptions } from './calls.ts'
import type { Dstore } from './dstore.ts'
import { OverNode } from './over-node.ts'

/** Which daemon; and bounds on the greeting, not on later calls. */
export interface ConnectOptions extends Pick<CallOptions, 'signal' | 'timeoutMs'> {
  /** State directory of the daemon. Default: `DSTORE_DIR`, else the user's. */
  readonly dir?: string
  /** Path of its socket, where that is not in the state directory. Default: `DSTORE_SOCKET`, else what was set. */
  readonly socket?: string
}

/**
 * Connect to the daemon that runs for a state directory. It is not started: `dstore start` does that. Errors:
 * `unreachable` (none runs), `not-permitted` (it is somebody else's), `timeout`.
 */
export async function connect(options: ConnectOptions = {}): Promise<Dstore> {
  const { dir, socket: told } = checkOptions(options)
  const { directory, socket } = findPlace(dir, told)
  const node = await RemoteNode.connect(socket, options)
  if (node !== undefined) return new OverNode(node)
  throw new DstoreError('unreachable', `no daemon is running for ${directory.path}`, {
    hint: 'start one with `dstore start`',
  })
}
