/** Types of the functions used from a package without types. */
declare module 'fs-native-extensions' {
  /**
   * Locks an open file exclusively, until the process ends; false if another open file holds it.
   */
  export function tryLock(fd: number): boolean
  export function unlock(fd: number): void
}
