import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { connect, createNode } from '../../src/dstore.ts'
import type { Dstore, NodeOptions } from '../../src/dstore.ts'
import { startDaemon } from '../../src/daemon/process/daemon.ts'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'
import type { Settings } from '../../src/daemon/config/settings.ts'
import { parseTicket, type Ticket } from '../../src/membership/ticket.ts'
import { SILENT } from '../../src/log.ts'
import { openNode } from '../../src/node/open.ts'
import { eventually } from '../eventually.ts'
import { temporaryDirectory } from '../daemon/serving.ts'
import { suite } from './conformance.ts'

async function opened(t: ExecutionContext, options: NodeOptions): Promise<Dstore> {
  const dstore = await createNode(options)
  t.teardown(() => dstore.close())
  return dstore
}

/** A ticket of a Global in this process. */
async function ticketOf(t: ExecutionContext): Promise<string> {
  return (await (await opened(t, { role: 'global' })).invite({ role: 'admin' })).ticket
}

async function isConnected(dstore: Dstore): Promise<boolean> {
  return (await dstore.status()).global?.state === 'connected'
}

/** A client of a daemon with these settings. */
async function client(t: ExecutionContext, settings: Settings, ticket?: Ticket): Promise<Dstore> {
  const directory = stateDirectory(temporaryDirectory(t))
  const daemon = await startDaemon({
    directory,
    settings,
    ...(ticket && { ticket }),
    log: SILENT,
    openNode,
  })
  t.teardown(() => daemon.close())
  const dstore = await connect({ dir: directory.path })
  t.teardown(() => dstore.close())
  return dstore
}

suite({
  test,
  name: 'standalone in memory',
  role: 'standalone',
  hasFiles: false,
  create: (t) => opened(t, {}),
})

suite({
  test,
  name: 'standalone on disk',
  role: 'standalone',
  create: (t) => opened(t, { dir: temporaryDirectory(t) }),
})

suite({
  test,
  name: 'Local',
  role: 'local',
  create: async (t) => {
    const files = { cacheDir: temporaryDirectory(t), cacheDirBytes: 64 << 20 }
    const local = await opened(t, { role: 'local', ticket: await ticketOf(t), ...files })
    await eventually(() => isConnected(local))
    return local
  },
})

suite({
  test,
  name: 'client of a standalone daemon',
  role: 'standalone',
  create: (t) => client(t, { store: 'memory' }),
})

suite({
  test,
  name: "client of a Local's daemon",
  role: 'local',
  create: async (t) => {
    const files = { cacheDir: temporaryDirectory(t), cacheDirBytes: 64 << 20 }
    const local = await client(t, files, parseTicket(await ticketOf(t)))
    await eventually(() => isConnected(local))
    return local
  },
})
