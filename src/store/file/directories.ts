/** Directories with those above them. */
import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a directory and those above it that are missing; `onMade` gets each. Node's own way never
 * returns if the system keeps answering ENOENT, as in /proc, and answers ENOENT for a file system
 * that is read-only. Throws the error of the system: `EEXIST` where a file is in the way.
 */
export function makeDirectories(
  path: string,
  mode: number,
  onMade: (made: string) => void = () => undefined,
): void {
  const make = (): void => {
    mkdirSync(path, { mode })
    onMade(path)
  }
  try {
    make()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && isDirectory(path)) return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    makeDirectories(dirname(path), mode, onMade)
    make()
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
