/**
 * One daemon per state directory. The lock is the operating system's, on an open file: it goes when the process
 * goes, however it ends, so there is no stale lock to detect. What the file says is for messages only.
 */
import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { tryLock, unlock } from 'fs-native-extensions'
import { DstoreError } from '../../errors.ts'

export interface Lock {
  release(): void
}

/** Take the lock in this file, or throw `locked` and say who has it. */
export function takeLock(path: string): Lock {
  const fd = open(path)
  if (!tryLock(fd)) {
    closeSync(fd)
    throw new DstoreError('locked', `a daemon is running for this state directory${holder(path)}`, {
      hint: 'end it with `dstore stop`, or choose another directory with --dir',
    })
  }
  // The file is never deleted: whoever waits with it open would then hold a lock that nobody else can see.
  ftruncateSync(fd, 0)
  writeSync(fd, `${process.pid} ${new Date().toISOString()}\n`, 0)
  let held = true
  return {
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
    throw new DstoreError('unwritable', `the lock file cannot be opened: ${path}`, { cause })
  }
}

/** `: process N, since T`; nothing where the holder has not written it yet. */
function holder(path: string): string {
  const match = /^(\d+) (\S+)\n$/.exec(readFileSync(path, 'utf8'))
  return match === null ? '' : `: process ${match[1]}, since ${match[2]}`
}
