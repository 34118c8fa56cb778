/** A Global over a given store, without a network. */
import { randomBytes } from 'node:crypto'
import { SILENT } from '../../../src/log.ts'
import { Global } from '../../../src/node/global/global.ts'
import type { Store } from '../../../src/store/store.ts'

/** Global, which closes the store with itself. */
export function openGlobal(store: Store): Promise<Global> {
  return Global.open({
    store,
    network: undefined,
    gate: undefined,
    log: SILENT,
    now: () => performance.now(),
    wall: Date.now,
    random: (bytes) => randomBytes(bytes),
  })
}

/** Runs with Global, which closes the store at the end. */
export async function withGlobal(
  store: Store,
  run: (global: Global, store: Store) => Promise<void>,
): Promise<void> {
  const global = await openGlobal(store)
  try {
    await run(global, store)
  } finally {
    await global.close()
  }
}
