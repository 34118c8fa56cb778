/** Files of values, held by connections to a daemon (specs/007, "Paths"). */
import { DstoreError } from '../../../errors.ts'
import type { NodePaths } from '../../../node/node.ts'
import type { Client } from '../client.ts'

/** `held`: what releases each of them, for the end of the client. */
export const remotePaths = (client: Client, held: Set<() => void>): NodePaths => ({
  async openPath(key, { executable = false, onProgress, ...options } = {}) {
    const { ValueClient } = await import('../value-client.ts')
    const calls = await ValueClient.connect(client.socket, options)
    if (calls === undefined) throw new DstoreError('unreachable', 'the daemon has stopped')
    const opened = await calls.openPath(key.toString(), { executable }, onProgress)
    const { path, device, inode, kind, size, removed } = opened
    const release = (): void => {
      held.delete(release)
      opened.release()
    }
    held.add(release)
    removed.addEventListener('abort', () => held.delete(release), { once: true })
    const identity = { device: BigInt(device), inode: BigInt(inode) }
    return { key, kind, size, path, ...identity, removed, release: async () => release() }
  },
})
