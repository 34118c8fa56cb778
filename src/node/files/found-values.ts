/** The values in files of earlier boots, as far as their names and notes tell. */
import { Key } from '../../hash/key.ts'
import { Bitfield } from '../../hash/tree/bitfield.ts'
import type { FoundFile } from '../../store/cached/earlier-boots.ts'
import { nameOf } from './cached-file.ts'

export interface FoundValue {
  readonly key: Key
  readonly size: number
  /** Those that its file is said to have. */
  readonly groups: Bitfield
}

/** The one that was written last comes last. Calls `remove` with the name of every other file. */
export function foundIn(files: readonly FoundFile[], remove: (name: string) => void): FoundValue[] {
  const values: FoundValue[] = []
  for (const { name, size, groups } of files.toSorted((a, b) => a.writtenMs - b.writtenMs)) {
    const key = Key.printed(name)
    const held = groupsOf(size, groups)
    if (key === undefined || nameOf(key) !== name || held === undefined) remove(name)
    else values.push({ key, size, groups: held })
  }
  return values
}

/** Undefined where what was noted is no bitfield for this size. */
function groupsOf(size: number, noted: Uint8Array | undefined): Bitfield | undefined {
  try {
    if (noted !== undefined) return Bitfield.fromBytes(noted, size)
    const all = new Bitfield(size)
    all.setRange({ start: 0, end: size })
    return all
  } catch {
    return undefined
  }
}
