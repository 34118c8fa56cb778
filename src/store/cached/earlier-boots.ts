/** Folders of cached files that earlier boots left. */
import { rm } from 'node:fs/promises'
import { faultOf } from '../disk/faults.ts'

/** Errors: `unwritable`. */
export async function deleteFolders(paths: readonly string[]): Promise<void> {
  try {
    for (const path of paths) await rm(path, { recursive: true, force: true })
  } catch (error) {
    throw faultOf(error, 'delete cached files of an earlier run')
  }
}
