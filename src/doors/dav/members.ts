/** What folders have in them, some at a time: memory does not grow with their number. */
import type { Entry } from '../../directory/directory.ts'
import { Key } from '../../hash/key.ts'
import { COMMON, nameAt } from '../../index/lists/name-page.ts'
import { DAV_LISTING_STEPS, DIGEST_BYTES } from '../../limits.ts'
import { callOptions } from '../../daemon/http/call.ts'
import type { DoorCall } from '../../daemon/http/doors/door.ts'
import type { NamePage } from '../../node/node.ts'
import { keyOf } from '../../tree/read/entry-at.ts'
import { Turns } from '../../tree/turns.ts'
import { isSegment } from '../door-path.ts'
import { fileBehind } from './links.ts'
import type { Directories } from './directories.ts'
import type { Resource } from './resource.ts'

/** Entries of a directory that are made at a time. */
const SOME = 512

/** One level of names. Parts of names that a path cannot have are left out. */
export async function* namesBelow(
  call: DoorCall,
  prefix: string,
): AsyncGenerator<readonly Resource[]> {
  const options = { ...callOptions(call), delimiter: '/' }
  // Files whose names the present name begins with: a folder of the same name may follow, after
  // others such as `a-b` between `a` and `a/`, and takes its place.
  const held: { readonly name: string; readonly file: Resource }[] = []
  for await (const page of call.node.index.namePages(prefix, options)) {
    const some: Resource[] = []
    for (let i = 0; i < page.count; i++) {
      const name = nameAt(page, i)
      while (held.length > 0 && !name.startsWith(held.at(-1)!.name)) some.push(held.pop()!.file)
      const isCommon = page.kinds[i] === COMMON
      const segment = name.slice(prefix.length, isCommon ? -1 : undefined)
      if (!isSegment(segment)) continue
      if (isCommon) {
        if (held.at(-1)?.file.name === segment) held.pop()
        some.push({ name: segment, isFolder: true })
      } else if (page.directories[i] === 1) {
        some.push(boundResource(page, i, segment))
      } else {
        held.push({ name, file: boundResource(page, i, segment) })
      }
    }
    if (some.length > 0) yield some
  }
  yield held.map(({ file }) => file)
}

function boundResource(page: NamePage, i: number, name: string): Resource {
  const isFolder = page.directories[i] === 1
  const digest = page.digests.slice(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES)
  const [size, boundMs] = [page.sizes[i]!, page.boundMs[i]!]
  return {
    name,
    isFolder,
    key: new Key(digest, isFolder ? 'directory' : 'bytes'),
    ...(!isFolder && !Number.isNaN(size) && { size }),
    ...(!Number.isNaN(boundMs) && { boundMs }),
  }
}

/**
 * The entries of the last of these directories, which lie in each other. Links that lead to no file
 * inside of the first are left out, and names that a path cannot have.
 */
export async function* entriesIn(
  call: DoorCall,
  directories: Directories,
  keys: readonly [Key, ...Key[]],
  boundMs: number | undefined,
): AsyncGenerator<readonly Resource[]> {
  const { entries } = await directories.get(keys.at(-1)!)
  const bound = boundMs === undefined ? {} : { boundMs }
  const left = { steps: DAV_LISTING_STEPS }
  const turns = new Turns(call.signal)
  for (let at = 0; at < entries.length; at += SOME) {
    const some: Resource[] = []
    for (const [name, entry] of entries.slice(at, at + SOME)) {
      if (!isSegment(name)) continue
      // Where all is in memory, nothing else would wait.
      if (turns.isDue) await turns.pause()
      const shown =
        entry.type === 'link'
          ? await fileBehind(call, directories, keys, entry.target, left)
          : entry
      if (shown !== undefined) some.push({ ...resourceOf(name, shown), ...bound })
    }
    yield some
  }
}

function resourceOf(name: string, entry: Exclude<Entry, { type: 'link' }>): Resource {
  if (entry.type === 'directory') return { name, isFolder: true, key: keyOf(entry) }
  const { size, executable } = entry
  return { name, isFolder: false, key: keyOf(entry), size, executable }
}
