/** Where symbolic links lead: inside their tree, or out of it (R008-44). */
import { lstatSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Folder } from './folder.ts'

/** Links on the way to one target; the file system follows no more, either. */
const LINKS = 40

/**
 * Does the target of a link in this folder leave the folder's base? It is followed as the file
 * system would do it, through other links, also where it ends at nothing.
 */
export function leavesTree(folder: Folder, target: string): boolean {
  const at = partsBelowBase(folder)
  const rest = target.split('/').toReversed()
  if (target.startsWith('/')) return true
  for (let links = 0; rest.length > 0;) {
    const part = rest.pop()!
    if (part === '' || part === '.') continue
    if (part === '..') {
      if (at.pop() === undefined) return true
      continue
    }
    at.push(part)
    const next = linkAt(join(folder.base.path, ...at))
    if (next === undefined) continue
    if (next.startsWith('/')) return true
    // A loop leads nowhere, so not out of the tree.
    if (++links > LINKS) return false
    at.pop()
    rest.push(...next.split('/').toReversed())
  }
  return false
}

function partsBelowBase(folder: Folder): string[] {
  const parts: string[] = []
  for (let one = folder; one !== one.base; one = one.parent!) parts.unshift(one.name)
  return parts
}

/** The text of the link at a path; undefined if there is none. */
function linkAt(path: string): string | undefined {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
