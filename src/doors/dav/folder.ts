/** Finds what a path leads to, and lists it. */
import { asDstoreError, DstoreError } from '../../errors.ts'
import { callOptions } from '../../daemon/http/call.ts'
import type { DoorCall } from '../../daemon/http/doors/door.ts'
import { withTreeWord } from '../../tree/read/with-tree-word.ts'
import { segmentsOf } from '../door-path.ts'
import { entriesIn, namesBelow } from './members.ts'
import { directoriesOf, type Directories } from './directories.ts'
import { findWord, hasNames, placeAt, prefixOf, type Place, type Word } from './place.ts'
import type { Resource } from './resource.ts'

/** The path of this door's root. */
export const ROOT = '/dav'

/** A folder or a file, and how a folder is listed. */
export interface Found {
  /** Of the path that led to it. */
  readonly segments: readonly string[]
  readonly resource: Resource
  /** What is in a folder. */
  readonly members: () => AsyncGenerator<readonly Resource[]>
}

/** The path of a request. */
export interface Path {
  readonly segments: readonly string[]
  /** It ends in a slash, so only a folder is meant. */
  readonly isFolder: boolean
}

export const pathOf = ({ rest }: DoorCall): Path => ({
  segments: segmentsOf(rest),
  isFolder: rest.endsWith('/'),
})

/**
 * Calls `use` with what a path leads to. A name of bytes may be the beginning of others: with
 * `prefersFolder` the folder of those is meant, as listings show it, and else the value. Errors:
 * `not-found`; those of `use`.
 */
export async function withFound(
  call: DoorCall,
  { segments, isFolder }: Path,
  prefersFolder: boolean,
  use: (found: Found) => Promise<void>,
): Promise<void> {
  const word = await findWord(call, segments)
  const isBytesName = word?.path.length === 0 && word.key.kind === 'bytes'
  if (word === undefined || (isBytesName && (isFolder || prefersFolder))) {
    if (await isFolderOfNames(call, segments, word)) return use(folderOfNames(call, segments))
    if (word === undefined || isFolder) throw absent(segments)
  }
  const { boundMs } = word
  const answer = async (at: Word): Promise<void> => {
    const directories = directoriesOf(call)
    const place = await placeAt(call, directories, at)
    if (place.type === 'file' && isFolder) throw absent(segments)
    await use(foundAt(call, segments, { place, directories, boundMs }))
  }
  await withTreeWord(call.node, word, callOptions(call), answer, () => !call.response.headersSent)
}

/** Without Global, a value that this node knows is shown by itself. */
async function isFolderOfNames(
  call: DoorCall,
  segments: readonly string[],
  word: Word | undefined,
): Promise<boolean> {
  return hasNames(call, segments).catch((error: unknown) => {
    if (word === undefined || asDstoreError(error).code !== 'unreachable') throw error
    return false
  })
}

function folderOfNames(call: DoorCall, segments: readonly string[]): Found {
  return {
    segments,
    resource: { name: segments.at(-1) ?? '', isFolder: true },
    members: () => namesBelow(call, prefixOf(segments)),
  }
}

function foundAt(
  call: DoorCall,
  segments: readonly string[],
  found: { place: Place; directories: Directories; boundMs: number | undefined },
): Found {
  const { place, directories, boundMs } = found
  const name = segments.at(-1) ?? ''
  const bound = boundMs === undefined ? {} : { boundMs }
  if (place.type === 'directory') {
    const key = place.keys.at(-1)!
    return {
      segments,
      resource: { name, isFolder: true, key, ...bound },
      members: () => entriesIn(call, directories, place.keys, boundMs),
    }
  }
  const { type: _, ...file } = place
  return { segments, resource: { name, isFolder: false, ...file, ...bound }, members: noMembers }
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* noMembers(): AsyncGenerator<readonly Resource[]> {
  yield []
}

const absent = (segments: readonly string[]): DstoreError =>
  new DstoreError('not-found', `no such path: ${segments.join('/')}`)

/** Texts as bytes, each with all that is written for some resources. */
export async function* bytesOf(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) if (text !== '') yield Buffer.from(text)
}
