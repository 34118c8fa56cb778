/**
 * A file in a store that was restored, and has not been opened since: the node that had the archive
 * may still run, so the opening waits. It goes before anything is acknowledged (R011-71).
 */
import { join } from 'node:path'
import { Layout } from '../store/disk/layout.ts'
import type { Files } from '../store/disk/files.ts'

const NAME = 'restored'

/** `root`: the directory of the store. */
export async function writeMark(files: Files, root: string): Promise<void> {
  const file = await files.create(join(root, NAME))
  await file.sync()
  await file.close()
}

export async function hasMark(files: Files, root: string): Promise<boolean> {
  return (await files.size(join(root, NAME))) !== undefined
}

/** Durable when it resolves. */
export async function removeMark(files: Files, root: string): Promise<void> {
  await files.remove(join(root, NAME))
  await files.syncDirectory(root)
}

export const rootOf = (directory: string): string => new Layout(directory).root
