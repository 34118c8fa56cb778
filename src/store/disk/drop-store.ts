/** Deletes a store that no node serves (R005-61). */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { faultOf } from './faults.ts'
import { nodeFiles } from './files.ts'
import { layoutIn } from './earlier-layout.ts'

/** What a deletion that was interrupted leaves. No opening takes it for a store. */
const DROPPED = 'dropped-store'

/**
 * Deletes the store in a directory, which must not be open. It is renamed first: whenever this is
 * interrupted, the store is whole or gone, and the next call deletes the rest. Errors:
 * `unwritable`.
 */
export async function dropStore(directory: string): Promise<void> {
  try {
    const { root } = await layoutIn(nodeFiles, directory)
    await deleteRest(directory)
    if (nodeFiles.identity(root) !== undefined) {
      await nodeFiles.rename(root, join(directory, DROPPED))
      await nodeFiles.syncDirectory(directory)
    }
    await deleteRest(directory)
  } catch (error) {
    throw faultOf(error, `delete the store in ${directory}`)
  }
}

/** Deletes what an interrupted `dropStore` left. Errors: `unwritable`. */
export async function deleteRest(directory: string): Promise<void> {
  const path = join(directory, DROPPED)
  try {
    await rm(path, { recursive: true, force: true })
  } catch (error) {
    throw faultOf(error, `delete ${path}`)
  }
}
