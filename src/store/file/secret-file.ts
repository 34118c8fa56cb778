/** A file that only its owner may read (specs/005-storage.md, "Secrets"). */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, link, open, readFile, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DstoreError } from '../../errors.ts'
import { KIB } from '../../limits.ts'
import { faultOf } from '../disk/faults.ts'
import { nodeFiles } from '../disk/files.ts'
import { unreadableFile } from './file-faults.ts'

/** Maximum size of a secret file: it holds a private key or a token. */
export const SECRET_FILE_BYTES: number = 4 * KIB

/**
 * The bytes of a secret file, which is created if missing: written to a temporary file, synced, and
 * linked into place, so that of two concurrent creators one wins and no reader sees half of it.
 * Errors: `unreadable`, `unwritable`, and `not-permitted` if others may read the file.
 */
export async function readOrCreateSecret(
  path: string,
  make: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const present = await readSecret(path)
  if (present !== undefined) return present
  const aside = `${path}.${randomBytes(8).toString('hex')}.tmp`
  try {
    const file = await open(aside, 'wx', 0o600)
    try {
      await file.writeFile(await make())
      await file.sync()
    } finally {
      await file.close()
    }
    await link(aside, path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    })
    await nodeFiles.syncDirectory(dirname(path))
  } catch (cause) {
    throw faultOf(cause, `write ${path}`)
  } finally {
    await unlink(aside).catch(() => undefined)
  }
  const made = await readSecret(path)
  if (made === undefined) throw new DstoreError('unreadable', `${path}: vanished`)
  return made
}

/** Deletes a secret file that nothing has used. Error: `unwritable`. */
export async function dropSecret(path: string): Promise<void> {
  try {
    await unlink(path)
    await nodeFiles.syncDirectory(dirname(path))
  } catch (cause) {
    throw faultOf(cause, `delete ${path}`)
  }
}

/** Throws `unwritable` where no secret file can be made at this path. */
export async function checkSecretFolder(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw faultOf(cause, `write ${path}`)
  }
}

/** The bytes of a secret file; undefined if there is none. Errors: as above. */
export async function readSecret(path: string): Promise<Uint8Array | undefined> {
  try {
    const { mode, size } = await stat(path)
    if ((mode & 0o077) !== 0) {
      throw new DstoreError('not-permitted', `${path}: others may read this secret`, {
        hint: `chmod 600 ${path}`,
      })
    }
    if (size > SECRET_FILE_BYTES) throw new DstoreError('unreadable', `${path}: is damaged`)
    return await readFile(path)
  } catch (cause) {
    if (cause instanceof DstoreError) throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unreadableFile(path, cause)
  }
}
