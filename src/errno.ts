/** What the errors of the operating system mean (R007-112): one table for every place. */

/** The fault behind an error of the system, for a program and for a person. */
export interface SystemFault {
  readonly code: 'no-space' | 'busy' | 'unreadable' | 'unwritable'
  /** A clause, such as `too many open files`. */
  readonly reason: string
  readonly hint?: string
}

/** For errors that say nothing of reading or writing, the call decides. */
type Meaning = Omit<SystemFault, 'code'> & { readonly code?: SystemFault['code'] }

const PROCESSES: Meaning = {
  code: 'busy',
  reason: 'too many processes or threads',
  hint: 'end some of them, or raise the limit with `ulimit -u`',
}

const MEMORY: Meaning = {
  code: 'busy',
  reason: 'not enough memory',
  hint: 'free some, or raise the limit with `ulimit -v`',
}

const WATCHES: Meaning = {
  code: 'busy',
  reason: 'too many watched files',
  hint: 'raise `fs.inotify.max_user_instances` or `fs.inotify.max_user_watches`',
}

/** The reason where a file, or a directory above it, is missing. */
export const NO_SUCH_FILE: string = 'no such file'

const NO_FILE: Meaning = { reason: NO_SUCH_FILE }
const FILE_ABOVE: Meaning = { reason: 'part of its path is a file' }
const DENIED: Meaning = { reason: 'permission denied' }
const DENIED_HINT = 'files of another user, or with another mode, are there; see `dstore doctor`'

const QUOTA: Meaning = { code: 'no-space', reason: 'the disk quota is used up' }

const MEANINGS: ReadonlyMap<unknown, Meaning> = new Map<unknown, Meaning>([
  ['ENOSPC', { code: 'no-space', reason: 'the disk is full', hint: 'free some space on it' }],
  ['EDQUOT', QUOTA],
  // Node has no names for these: quota and stale file handle, on Linux and on macOS.
  ['Unknown system error -122', QUOTA],
  ['Unknown system error -69', QUOTA],
  ['Unknown system error -116', NO_FILE],
  ['Unknown system error -70', NO_FILE],
  [
    'EFBIG',
    {
      code: 'no-space',
      reason: 'the file is larger than the system allows',
      hint: 'see `ulimit -f`',
    },
  ],
  [
    'EMFILE',
    {
      code: 'busy',
      reason: 'too many open files',
      hint: 'raise the limit with `ulimit -n`',
    },
  ],
  ['ENFILE', { code: 'busy', reason: 'the system has too many open files' }],
  ['EAGAIN', { code: 'busy', reason: 'the system is short of a resource' }],
  ['ENOMEM', MEMORY],
  ['ENOBUFS', MEMORY],
  ['ERR_WORKER_INIT_FAILED', PROCESSES],
  ['ERR_WORKER_OUT_OF_MEMORY', MEMORY],
  ['EROFS', { code: 'unwritable', reason: 'the file system is read-only' }],
  ['EIO', { reason: 'an input or output error of the disk' }],
  ['ENOENT', NO_FILE],
  ['ENOTDIR', FILE_ABOVE],
  ['ESTALE', NO_FILE],
  ['EACCES', DENIED],
  ['EPERM', DENIED],
  // Where a directory, or a new file, was to be made.
  ['EEXIST', { reason: 'a file is in its place' }],
  ['EISDIR', { reason: 'it is a directory' }],
  ['EBUSY', { reason: 'it is in use, as a mount point is' }],
  ['ENXIO', { reason: 'it is a socket, or a device that is not there' }],
  ['ELOOP', { reason: 'too many symbolic links' }],
  ['ENAMETOOLONG', { reason: 'the name is too long' }],
  // APFS takes only names in UTF-8.
  ['EILSEQ', { reason: 'the file system does not accept this name' }],
  ['ENOTSUP', { reason: 'the file system does not support this' }],
])

/** Errors that mean something else in one call. */
const OF_CALLS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['spawn EAGAIN', PROCESSES],
  ['watch EMFILE', WATCHES],
  ['watch ENOSPC', WATCHES],
  [
    'uv_cwd ENOENT',
    { reason: 'the working directory was removed', hint: 'change to a directory that exists' },
  ],
])

/** Calls that only read. */
const READING =
  /^(open|read|scandir|opendir|(l|f)?stat|statfs|access|readlink|realpath|lstat|uv_cwd)$/

/**
 * The meaning of an error that carries the name of a system error as its `code`; undefined for any
 * other.
 */
export function systemFault(error: unknown): SystemFault | undefined {
  const { code, syscall = '' } = (error ?? {}) as { code?: unknown; syscall?: unknown }
  const call = String(syscall)
  const found = OF_CALLS.get(`${call.split(' ', 1)[0]} ${String(code)}`) ?? MEANINGS.get(code)
  if (found === undefined) return undefined
  return { ...found, code: found.code ?? (READING.test(call) ? 'unreadable' : 'unwritable') }
}

/** Does the error mean that there is no such file? */
export function meansNoFile(error: unknown): boolean {
  const reason = systemFault(error)?.reason
  return reason === NO_FILE.reason || reason === FILE_ABOVE.reason
}

/**
 * The fault where the file is the node's own: what it cannot read it cannot write, and what denies
 * access to it was not made by this node.
 */
export function ownFault(fault: SystemFault): SystemFault {
  const code = fault.code === 'unreadable' ? 'unwritable' : fault.code
  const isDenied = fault.reason === DENIED.reason
  return { ...fault, code, ...(isDenied && { hint: DENIED_HINT }) }
}
