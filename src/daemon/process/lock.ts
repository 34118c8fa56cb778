/**
 * The lock on a state directory: one daemon at a time (R007-2). The operating system holds it on an
 * open file and releases it with the process, so a stale lock cannot exist. The text of the file
 * only serves messages.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs'
import type FileLocks from 'fs-native-extensions'
import { DstoreError } from '../../errors.ts'
import { faultOf } from '../../store/disk/faults.ts'
import { identityOf } from '../../store/disk/files.ts'
import { requireNative } from '../../store/native-package.ts'

export interface Lock {
  /** Device and inode of the locked file. */
  readonly identity: string
  release(): void
}

/** Takes the lock, or throws `locked` with the process that holds it. */
export function takeLock(path: string): Lock {
  const { tryLock, unlock } = requireNative('fs-native-extensions') as typeof FileLocks
  let fd = open(path)
  let isLocked = tryLock(fd)
  // A file that was removed or replaced before it was locked keeps no other process away.
  while (isLocked && identity(fd) !== identity(path)) {
    closeSync(fd)
    fd = open(path)
    isLocked = tryLock(fd)
  }
  if (!isLocked) {
    closeSync(fd)
    throw new DstoreError('locked', `a daemon is running for this state directory${holder(path)}`, {
      hint: 'end it with `dstore stop`, or choose another directory with --dir',
    })
  }
  // Never delete the file: a process that has it open would then lock a file no other can see.
  try {
    ftruncateSync(fd, 0)
    writeSync(fd, `${process.pid} ${new Date().toISOString()}\n`, 0)
  } catch {
    // On a full disk the lock holds all the same; only messages lack its holder.
  }
  let held = true
  return {
    identity: identity(fd)!,
    release: () => {
      if (!held) return
      held = false
      unlock(fd)
      closeSync(fd)
    },
  }
}

function open(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  } catch (cause) {
    throw faultOf(cause, `open the lock file ${path}`)
  }
}

function identity(file: string | number): string | undefined {
  if (typeof file === 'number') return identityOf(fstatSync(file, { bigint: true }))
  const found = statSync(file, { bigint: true, throwIfNoEntry: false })
  return found && identityOf(found)
}

/** `: process N, since T`; empty if the holder has not written it yet. */
function holder(path: string): string {
  let text = ''
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    // It is for a message only.
  }
  const match = /^(\d+) (\S+)\n$/.exec(text)
  return match === null ? '' : `: process ${match[1]}, since ${match[2]}`
}
