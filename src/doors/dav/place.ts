/**
 * What a path leads to (specs/010-doors.md, "Rules: browse and mount"): a key or name, an entry of
 * its directory, or the folder of the names that begin with it.
 */
import type { Entry } from '../../directory/directory.ts'
import { asDstoreError, DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import { isName } from '../../index/name.ts'
import { NAME_BYTES } from '../../limits.ts'
import { callOptions } from '../../daemon/http/call.ts'
import type { DoorCall } from '../../daemon/http/doors/door.ts'
import { entryNamed, keyOf } from '../../tree/read/entry-at.ts'
import type { TreeWord } from '../../tree/read/tree-word.ts'
import type { Directories } from './directories.ts'
import { fileBehind } from './links.ts'

/** A key or a bound name, and the way from it. */
export interface Word extends TreeWord {
  /** When the name was bound, if known; wall clock, in milliseconds. */
  readonly boundMs?: number
}

/** A value that a word leads to. */
export type Place =
  | {
      readonly type: 'directory'
      /** The directories on the way to it, and itself as the last one. */
      readonly keys: readonly [Key, ...Key[]]
    }
  | { readonly type: 'file'; readonly key: Key; readonly size?: number; executable?: boolean }

/**
 * The key or name that the segments begin with; undefined if there is none. A name that is bound
 * to a directory has no names below it (R004-105), so the way from the first part on is the
 * shorter one. Errors: those of a look-up; `unreachable` if only a name that this node does not
 * know could be meant.
 */
export async function findWord(
  call: DoorCall,
  segments: readonly string[],
): Promise<Word | undefined> {
  const [first] = segments
  if (first === undefined) return undefined
  const key = Key.printed(first)
  if (key !== undefined) return { key, path: segments.slice(1), root: first }
  let away: DstoreError | undefined
  for (let count = 1; count <= segments.length; count++) {
    const root = segments.slice(0, count).join('/')
    if (root.length > NAME_BYTES) break
    if (!isName(root)) continue
    const bound = await call.node.index.lookup(root, callOptions(call)).catch((error: unknown) => {
      const fault = asDstoreError(error)
      if (fault.code !== 'unreachable') throw fault
      away ??= fault
      return undefined
    })
    if (bound === undefined) continue
    const path = segments.slice(count)
    if (path.length > 0 && bound.key.kind !== 'directory') continue
    const boundMs = bound.boundAt === undefined ? NaN : Date.parse(bound.boundAt)
    return { key: bound.key, path, root, ...(!Number.isNaN(boundMs) && { boundMs }) }
  }
  if (away !== undefined) throw away
  return undefined
}

/** What a word leads to. Error: `not-found`. */
export async function placeAt(
  call: DoorCall,
  directories: Directories,
  { key, path, root }: TreeWord,
): Promise<Place> {
  let entry: Entry | undefined
  const keys: [Key, ...Key[]] = [key]
  const absent = (): DstoreError =>
    new DstoreError('not-found', `no such path: ${[root, ...path].join('/')}`)
  for (const name of path) {
    const directory = keys.at(-1)!
    if (directory.kind !== 'directory' || (entry !== undefined && entry.type !== 'directory')) {
      throw absent()
    }
    const { entries } = await directories.get(directory)
    entry = entryNamed(entries, name)
    if (entry === undefined) throw absent()
    if (entry.type !== 'directory') continue
    call.reach(keyOf(entry))
    keys.push(keyOf(entry))
  }
  if (entry?.type === 'link') {
    entry = await fileBehind(call, directories, keys, entry.target)
    if (entry === undefined) throw absent()
  }
  if (entry?.type === 'file') {
    const { size, executable } = entry
    const found = keyOf(entry)
    call.reach(found)
    return { type: 'file', key: found, size, executable }
  }
  return keys.at(-1)!.kind === 'directory' ? { type: 'directory', keys } : { type: 'file', key }
}

/** Whether names begin with these segments and have more behind them. */
export async function hasNames(call: DoorCall, segments: readonly string[]): Promise<boolean> {
  if (segments.length === 0) return true
  const prefix = prefixOf(segments)
  if (Buffer.byteLength(prefix) > NAME_BYTES) return false
  for await (const { count } of call.node.index.namePages(prefix, {
    ...callOptions(call),
    limit: 1,
  })) {
    if (count > 0) return true
  }
  return false
}

/** What the names of a folder begin with. */
export const prefixOf = (segments: readonly string[]): string =>
  segments.map((segment) => `${segment}/`).join('')
