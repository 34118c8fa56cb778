/** Handlers that read directories by path (specs/007, "HTTP API"). */
import type { DirectoryEntry, Entry, FileEntry } from '../../../directory/directory.ts'
import { DstoreError } from '../../../errors.ts'
import { Key } from '../../../hash/key.ts'
import { entryAt, keyOf } from '../../../tree/read/entry-at.ts'
import type { Listing } from '../../../tree/read/listing.ts'
import type { Listings } from '../../../tree/read/listings.ts'
import type { TreeWord } from '../../../tree/read/tree-word.ts'
import { withTreeWord } from '../../../tree/read/with-tree-word.ts'
import { ENTRY_HEADER, KEY_HEADER, LINES_TYPE, type EntryLine } from '../../api/api.ts'
import { callOptions, type HttpCall } from '../call.ts'
import { tagOf } from '../immediate/value-headers.ts'
import { sendLines } from '../json-lines.ts'
import { isNotModified, sendHead, sendValue } from '../value-handlers.ts'
import { keptListings } from './kept-listings.ts'
import { mediaTypeIn } from './media-types.ts'
import { treeWordIn } from './tree-root.ts'

/** GET /v1/trees/{word}/{path}: a file's bytes, a directory's entries, or the text of a link. */
export function getEntry(call: HttpCall): Promise<void> {
  return respond(call, false)
}

/** HEAD of the same: the headers, without fetching the bytes of a file. */
export function headEntry(call: HttpCall): Promise<void> {
  return respond(call, true)
}

async function respond(call: HttpCall, isHead: boolean): Promise<void> {
  const { node, parameters, query, reach, response } = call
  const { word = '', rest = '' } = parameters
  const type = mediaTypeIn(query, rest === '' ? word : rest)
  const options = callOptions(call)
  const answer = async (at: TreeWord): Promise<void> => {
    let isBelow = false
    const listings = {
      get: (key: Key) => {
        if (isBelow) reach(key)
        isBelow = true
        return keptListings.get(node, key, options)
      },
    }
    const found = await entryAt(listings, at)
    const entry = found ?? rootEntry(at.key)
    if (rest.endsWith('/') && entry.type !== 'directory') {
      const path = [at.root, ...at.path].join('/')
      throw new DstoreError('not-found', `no such path: ${path}/: it is no directory`)
    }
    if (entry.type === 'link') return sendLink(call, entry.target, isHead)
    const key = keyOf(entry)
    if (found !== undefined) reach(key)
    if (entry.type === 'directory') return sendDirectory(call, listings, key, isHead)
    response.setHeader(ENTRY_HEADER, entry.executable ? 'executable' : 'file')
    return isHead ? sendHead(call, key, type) : sendValue(call, key, type)
  }
  return withTreeWord(node, await treeWordIn(call), options, answer, () => !response.headersSent)
}

/** What a key stands for that no directory lists. Its totals are not asked for. */
function rootEntry({ digest, kind }: Key): FileEntry | DirectoryEntry {
  if (kind === 'directory') return { type: 'directory', digest, size: 0, files: 0 }
  return { type: 'file', digest, size: 0, executable: false }
}

function sendLink({ response }: HttpCall, target: string, isHead: boolean): void {
  response.writeHead(200, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(target),
    [ENTRY_HEADER]: 'link',
  })
  response.end(isHead ? undefined : target)
}

async function sendDirectory(
  call: HttpCall,
  listings: Pick<Listings, 'get'>,
  key: Key,
  isHead: boolean,
): Promise<void> {
  const { response } = call
  const { entries } = await listings.get(key)
  response.setHeader(ENTRY_HEADER, 'directory')
  if (await isNotModified(call, key)) return
  response.setHeader('ETag', tagOf(key))
  response.setHeader(KEY_HEADER, key.toString())
  if (!isHead) return sendLines(call, linesOf(entries))
  response.writeHead(200, { 'Content-Type': LINES_TYPE })
  response.end()
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* linesOf(entries: Listing['entries']): AsyncGenerator<EntryLine> {
  for (const [name, entry] of entries) yield lineOf(name, entry)
}

function lineOf(name: string, entry: Entry): EntryLine {
  const { type } = entry
  if (type === 'link') return { name, type, to: entry.target }
  const { digest, size } = entry
  if (type === 'file') {
    const key = new Key(digest).toString()
    return { name, type, key, size, ...(entry.executable && { exec: true as const }) }
  }
  return { name, type, key: new Key(digest, 'directory').toString(), size, files: entry.files }
}
