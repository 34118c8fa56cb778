/** Cuts connections, at once or after a moment. */
import type { Connection } from '@libp2p/interface'
import { DstoreError } from '../errors.ts'
import type { DisconnectOptions } from './network.ts'

export function cutConnections(
  connections: readonly Connection[],
  { afterMs, unless }: DisconnectOptions = {},
): void {
  const cut = (): void => {
    if (unless?.() === true) return
    for (const one of connections) one.abort(new DstoreError('not-permitted', 'disconnected'))
  }
  if (afterMs === undefined) cut()
  else setTimeout(cut, afterMs).unref()
}
