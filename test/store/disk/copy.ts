/** The directory of a store as a kill at this moment would leave it. */
import { cpSync, rmSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Copies it, without LMDB's table of readers, which another process does not share. */
export async function copyOf(directory: string, to: string): Promise<void> {
  const copied = (): Promise<void> =>
    cp(directory, to, { recursive: true, preserveTimestamps: true })
  // The journal may rename its next segment meanwhile.
  await copied().catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    await rm(to, { recursive: true, force: true })
    await copied()
  })
  await rm(join(to, 'store-v3', 'records', 'lock.mdb'), { force: true })
}

/** The same at once, of any directory of a node. */
export function copyNow(directory: string, to: string): void {
  const copy = (): void => cpSync(directory, to, { recursive: true })
  try {
    copy()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    rmSync(to, { recursive: true, force: true })
    copy()
  }
}
