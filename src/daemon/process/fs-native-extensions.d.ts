/** What we use of a package that brings no types. */
declare module 'fs-native-extensions' {
  /** Take an exclusive lock on an open file; false where another open file has it. Released with the process. */
  export function tryLock(fd: number): boolean
  export function unlock(fd: number): void
}
