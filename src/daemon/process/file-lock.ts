/** Locks on open files, which the operating system releases with their process. */
import { tryLock } from 'fs-native-extensions'

/**
 * Locks a file that is open for writing, until it is closed; false if it is locked already, also by
 * another process. Throws where the file system has no locks.
 */
export const lockFile = (fd: number): boolean => tryLock(fd)
