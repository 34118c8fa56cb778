/** Where tests make folders that must be on a disk: on some systems the temporary folder is not. */
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { mountUse } from '../src/store/cached/mount.ts'

const isDisk = (folder: string): boolean => existsSync(folder) && mountUse(folder).kind === 'disk'

export const DISK: string = [tmpdir(), '/var/tmp'].find(isDisk) ?? tmpdir()
