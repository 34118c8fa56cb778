/** Connecting a program to the daemon of its machine (specs/007). */
import { DstoreError } from '../errors.ts'
import { checkSystem } from '../platform.ts'
import { findPlace } from '../daemon/config/socket-place.ts'
import { connectNode } from '../daemon/client/remote-node.ts'
import type { CallOptions } from '../node/node.ts'
import { checkOptions } from './calls.ts'
import type { Dstore } from './dstore.ts'
import { nodeFacade } from './node-facade.ts'

/** Selects the daemon. `signal` and `timeoutMs` apply to connecting, not to later calls. */
export interface ConnectOptions extends Pick<CallOptions, 'signal' | 'timeoutMs'> {
  /** State directory of the daemon. Default: `DSTORE_DIR`, else the user's (R007-1). */
  readonly dir?: string
  /** Path of its socket. Default: `DSTORE_SOCKET`, else the one in its settings. */
  readonly socket?: string
}

/**
 * Connect to the running daemon of a state directory; `dstore start` starts one. Errors:
 * `unreachable` (none runs), `not-permitted` (it is another user's), `timeout`, `cancelled`.
 * @example const dstore = await connect()
 */
export async function connect(options: ConnectOptions = {}): Promise<Dstore> {
  checkSystem()
  const { dir, socket: given } = checkOptions(options)
  const { directory, socket, fault } = findPlace(dir, given)
  const node = await connectNode(socket, options)
  if (node !== undefined) return nodeFacade(node)
  if (fault !== undefined) throw fault
  throw new DstoreError('unreachable', `no daemon is running for ${directory.path}`, {
    hint: 'start one with `dstore start`',
  })
}
