/**
 * Names of one directory that a file system takes for one (specs/008-directories.md, "Rules:
 * extraction"). Such a tree cannot be written to it.
 */
import * as fs from 'node:fs'
import { DstoreError } from '../../errors.ts'

/** What a file system does to names. */
export interface NameRules {
  /** Does it take names for one that differ in case only? */
  readonly foldsCase: boolean
  /** Does it take names for one that differ in Unicode normalisation only? */
  readonly normalises: boolean
}

/** Finds out, by empty folders in a folder of this process. */
export function probeNames(folder: string): NameRules {
  const isOne = (made: string, asked: string): boolean => {
    fs.mkdirSync(`${folder}/${made}`)
    try {
      return fs.existsSync(`${folder}/${asked}`)
    } finally {
      fs.rmdirSync(`${folder}/${made}`)
    }
  }
  return {
    foldsCase: isOne('dstore-case', 'DSTORE-CASE'),
    normalises: isOne('dstore-\u00e9', 'dstore-e\u0301'),
  }
}

/** Throws `unwritable` if two names of a directory, at `path`, meet under these rules. */
export function checkNames(
  names: Iterable<string>,
  path: string,
  { foldsCase, normalises }: NameRules,
): void {
  if (!foldsCase && !normalises) return
  const seen = new Map<string, string>()
  for (const name of names) {
    let folded = normalises ? name.normalize('NFD') : name
    // Both ways: some letters have only one of the two forms.
    if (foldsCase) folded = folded.toUpperCase().toLowerCase()
    if (normalises) folded = folded.normalize('NFD')
    const other = seen.get(folded)
    if (other !== undefined) {
      const two = `${other} and ${name}`
      throw new DstoreError('unwritable', `${path}: this file system takes ${two} for one name`, {
        hint: 'write the tree to a file system that tells them apart, or get one of the two by its path',
      })
    }
    seen.set(folded, name)
  }
}
