/** Opens doors: ways into dstore for the tools of others (specs/010-doors.md). */
import type { Door } from '../daemon/http/doors/door.ts'
import type { DoorName } from '../daemon/config/door-settings.ts'
import type { DoorContext } from '../daemon/http/doors/door-context.ts'

type Open = (context: DoorContext) => readonly Door[]

/** Loaded when they are opened. */
const LOAD: Readonly<Record<DoorName, () => Promise<Open>>> = {
  cache: async () => (await import('./cache/cache-doors.ts')).cacheDoors,
  hf: async () => (await import('./hf/hf-door.ts')).hfDoors,
  ipfs: async () => (await import('./ipfs/ipfs-doors.ts')).ipfsDoors,
  dav: async () => (await import('./dav/dav-door.ts')).davDoors,
}

/** The doors of these names. */
export async function openDoors(
  names: readonly string[],
  context: DoorContext,
): Promise<readonly Door[]> {
  const opened = await Promise.all(names.map((name) => LOAD[name as DoorName]()))
  return opened.flatMap((open) => open(context))
}
