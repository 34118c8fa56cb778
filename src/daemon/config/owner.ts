/** Who owns a state directory that this user may not use, and what denies it. */
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DstoreError } from '../../errors.ts'
import { unreadableFile } from '../../store/file/file-faults.ts'

/** A hint that names the owner of what stands at this path, or of the next folder above it. */
export function hintAtOwner(path: string): { readonly hint?: string } {
  const owner = ownerOf(path)
  if (owner === undefined || owner === process.getuid?.()) return {}
  const name = owner === 0 ? 'root' : `the user with id ${owner}`
  return {
    hint: `it belongs to ${name}; choose a directory of your own with --dir, or ask them for \`--socket-group\``,
  }
}

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid
  } catch {
    return dirname(path) === path ? undefined : ownerOf(dirname(path))
  }
}

/** What denies the use of this path: the folder above it that may not be searched, or itself. */
export function deniedAt(path: string): string {
  try {
    statSync(path)
    return path
  } catch {
    return dirname(path) === path ? path : deniedAt(dirname(path))
  }
}

/** Why the settings in this file, which is in the state directory, cannot be read. */
export function unreadableSettings(path: string, cause: unknown): DstoreError {
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'ENOTDIR') {
    const message = `the state directory is a file, or below one: ${dirname(path)}`
    return new DstoreError('unreadable', message, {
      cause,
      hint: 'choose another with --dir or DSTORE_DIR',
    })
  }
  if (code !== 'EACCES' && code !== 'EPERM') return unreadableFile(path, cause)
  return new DstoreError('not-permitted', `you may not read ${path}`, {
    cause,
    ...hintAtOwner(path),
  })
}
