/** Loads the native addon, which `native/` builds from the `blake3` crate (R002-19). */
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { createRequire } from 'node:module'
import { USER_ID } from '../../../platform.ts'
import { checksumPath } from './addon-paths.ts'

/** The interface below. An addon that states another number is not used. */
export const ADDON_ABI = 1

/**
 * The exports of the addon. Each function returns false, and writes nothing, if the arguments are
 * no subtree that it can hash; lengths and offsets are in bytes, `chunk` is an index.
 */
export interface Addon {
  readonly abi: number
  readonly subtree: (
    ...args: [bytes: Uint8Array, chunk: number, root: boolean, out: Uint8Array, outOffset: number]
  ) => boolean
  readonly groups: (
    ...args: [
      bytes: Uint8Array,
      chunk: number,
      groupBytes: number,
      out: Uint8Array,
      outOffset: number,
    ]
  ) => boolean
  readonly outboard: (
    ...args: [
      bytes: Uint8Array,
      chunk: number,
      root: boolean,
      groupBytes: number,
      pairs: Uint8Array,
      cv: Uint8Array,
    ]
  ) => boolean
}

/**
 * The addon at the path, undefined if there is no file. Throws, before any of its code runs, unless
 * the file has the checksum that lies beside it: to load a file that was cut short can end the
 * process.
 */
export function loadAddon(path: string): Addon | undefined {
  const file = readFile(path)
  if (file === undefined) return undefined
  checkOwner(statSync(path), USER_ID)
  const checksum = readFile(checksumPath(path))
  if (checksum === undefined) throw new Error('there is no checksum beside it')
  if (!checksum.toString('latin1').startsWith(`${checksumOf(file)} `)) {
    throw new Error('its checksum is another: it is damaged, or was replaced only in part')
  }
  const addon = createRequire(path)(path) as Partial<Addon>
  if (addon.abi !== ADDON_ABI) {
    throw new Error(`it has interface ${addon.abi}, and this version of dstore needs ${ADDON_ABI}`)
  }
  return addon as Addon
}

/**
 * Throws if a user other than this one and root could have written the file: a process of root may
 * run with the home folder of someone else.
 */
export function checkOwner({ uid, mode }: Pick<Stats, 'uid' | 'mode'>, user?: number): void {
  if (user === undefined) return
  if (uid !== 0 && uid !== user) throw new Error('it belongs to another user')
  if ((mode & 0o002) !== 0) throw new Error('every user may write to it')
}

/** In hexadecimal. Not by BLAKE3: Node's own SHA-256 is quicker than a kernel that just started. */
export const checksumOf = (file: Uint8Array): string =>
  createHash('sha256').update(file).digest('hex')

/** Undefined if there is no such file. */
function readFile(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
