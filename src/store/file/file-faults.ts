/** Faults of files that a user names. */
import { DstoreError } from '../../errors.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files',
  EIO: 'the disk failed',
}

export function unreadableFile(name: string, error: unknown): DstoreError {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? 'unknown fault'
  const reason = REASONS[code] ?? code
  return new DstoreError('unreadable', `cannot read ${name}: ${reason}`, { cause: error })
}

export function changedFile(name: string, what: string): DstoreError {
  return new DstoreError('changed', `${name} ${what} while it was being read`)
}
