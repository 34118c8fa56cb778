/** Where a Local has its cached files. */
import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DstoreError } from '../../errors.ts'
import { faultOf } from '../disk/faults.ts'

/** Makes a folder, if it is missing, that only its user can open, and the group if there is one. */
export function makeCacheFolder(path: string, groupId: number | undefined): void {
  try {
    const made = mkdirSync(path, { recursive: true, mode: 0o700 })
    if (made !== undefined && groupId !== undefined) {
      chownSync(path, statSync(path).uid, groupId)
      chmodSync(path, 0o750)
    }
    if (!statSync(path).isDirectory()) throw new Error('it is not a folder')
  } catch (error) {
    throw error instanceof DstoreError ? error : faultOf(error, `use ${path} for cached files`)
  }
}

/** Each node has a folder of its own there, which it finds again after a restart. */
export const nodeFolder = (cacheDir: string, peerId: string): string =>
  join(cacheDir, `node-${peerId.slice(-16)}`)
