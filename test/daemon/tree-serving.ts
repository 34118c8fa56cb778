/** A daemon in this process over a node with a store in memory, which stores trees. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { Settings } from '../../src/daemon/config/settings.ts'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'
import { startDaemon, type Daemon } from '../../src/daemon/process/daemon.ts'
import { createLog } from '../../src/daemon/process/log.ts'
import { openDoors } from '../../src/doors/doors.ts'
import { SILENT } from '../../src/log.ts'
import type { ServedNode } from '../../src/node/node.ts'
import { openNode } from '../../src/node/open.ts'

export interface TreeServing {
  readonly daemon: Daemon
  readonly node: ServedNode
}

export async function treeServing(
  t: ExecutionContext,
  settings: Settings = {},
  role: 'standalone' | 'global' = 'standalone',
): Promise<TreeServing> {
  const path = mkdtempSync(join(tmpdir(), 'dstore-test-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  const node = await openNode({
    role,
    store: 'memory',
    cacheBytes: 1 << 20,
    log: SILENT,
  })
  const daemon = await startDaemon({
    directory: stateDirectory(path),
    settings,
    log: createLog('error', () => undefined),
    openNode: () => Promise.resolve(node),
    openDoors,
  })
  t.teardown(() => daemon.close())
  return { daemon, node }
}
