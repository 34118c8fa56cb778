/** A short text in a state directory, replaced as a whole: after a crash, the old or the new. */
import { open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DstoreError } from '../../errors.ts'
import { nodeFiles } from '../disk/files.ts'

/** Undefined if there is none. Errors: `unreadable`, also for a longer file. */
export async function readText(path: string, maxBytes: number): Promise<string | undefined> {
  try {
    if ((await stat(path)).size > maxBytes) throw new DstoreError('unreadable', `${path}: too long`)
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof DstoreError) throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new DstoreError('unreadable', `${path}: cannot be read`, { cause })
  }
}

/** Resolves when the new text is durable. Error: `unwritable`. */
export async function replaceText(path: string, text: string): Promise<void> {
  const aside = `${path}.new`
  try {
    const file = await open(aside, 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(aside, path)
    await nodeFiles.syncDirectory(dirname(path))
  } catch (cause) {
    await unlink(aside).catch(() => undefined)
    throw new DstoreError('unwritable', `${path}: cannot be written`, { cause })
  }
}

/** Gives a file that cannot be read another name, which it returns. Error: `unwritable`. */
export async function setAside(path: string): Promise<string> {
  const aside = `${path}.damaged`
  try {
    await rename(path, aside)
    return aside
  } catch (cause) {
    throw new DstoreError('unwritable', `${path}: cannot be renamed`, { cause })
  }
}
