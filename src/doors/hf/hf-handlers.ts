/** Answers what is asked of one revision (R010-51, R010-55 to 58). */
import { readText, sendJson } from '../../daemon/http/call.ts'
import type { DoorCall } from '../../daemon/http/doors/door.ts'
import { HttpError } from '../../daemon/http/http-error.ts'
import { sendBytes } from '../../daemon/http/stream.ts'
import { mediaTypeOf } from '../../daemon/http/trees/media-types.ts'
import { isKnown } from '../../daemon/http/value-handlers.ts'
import { DstoreError } from '../../errors.ts'
import {
  HF_PATHS,
  HF_SIBLINGS,
  HF_TREE_ENTRIES,
  HF_WALK_ENTRIES,
  HTTP_JSON_BYTES,
} from '../../limits.ts'
import { decodeUtf8 } from '../../utf8.ts'
import { endpointOf, filePath, treePath } from './endpoint.ts'
import { noEntry } from './hf-error.ts'
import { entryJson, infoJson, siblingJson } from './hf-json.ts'
import type { HfRepo } from './hf-repo.ts'
import { checkedPath } from './hf-route.ts'
import type { Snapshot } from './snapshot.ts'

/** What a request asks of a revision. */
export interface Asked {
  readonly repo: HfRepo
  /** As the client wrote it. */
  readonly revision: string
  readonly path: string
}

const COMMIT_HEADER = 'X-Repo-Commit'

/** The facts of a revision, with its files. */
export async function sendInfo(call: DoorCall, { repo }: Asked, snapshot: Snapshot): Promise<void> {
  call.response.setHeader(COMMIT_HEADER, snapshot.commit)
  const withBlobs = isTrue(call.query.get('blobs'))
  await sendBytes(call, {
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    bytes: inPieces(infoText(repo, snapshot, withBlobs)),
  })
}

async function* infoText(
  repo: HfRepo,
  snapshot: Snapshot,
  withBlobs: boolean,
): AsyncGenerator<string> {
  yield `${JSON.stringify(infoJson(repo, snapshot)).slice(0, -1)},"siblings":[`
  let files = 0
  let entries = 0
  for await (const entry of snapshot.walk('', { recursive: true })) {
    if (files === HF_SIBLINGS || ++entries > HF_WALK_ENTRIES) break
    if (entry.type !== 'file') continue
    yield `${files++ === 0 ? '' : ','}${JSON.stringify(siblingJson(entry, withBlobs))}`
  }
  yield ']}'
}

/** One page of the entries of a folder. */
export async function sendTree(call: DoorCall, asked: Asked, snapshot: Snapshot): Promise<void> {
  const { query, response } = call
  const { repo, path } = asked
  response.setHeader(COMMIT_HEADER, snapshot.commit)
  const recursive = isTrue(query.get('recursive'))
  const isExpanded = isTrue(query.get('expand'))
  const after = cursorIn(query.get('cursor'))
  const limit = limitIn(query.get('limit'))
  if ((await snapshot.at(path))?.type !== 'folder') throw noEntry(path)
  const page: object[] = []
  let last = ''
  let isWhole = true
  for await (const entry of snapshot.walk(path, { recursive, after })) {
    if (page.length === limit) {
      isWhole = false
      break
    }
    page.push(entryJson(entry, snapshot, isExpanded))
    last = entry.path
  }
  if (!isWhole) {
    const next = {
      recursive: String(recursive),
      expand: String(isExpanded),
      limit: String(limit),
      cursor: Buffer.from(last).toString('base64url'),
    }
    // By the commit: a tag may move between two pages.
    const target = treePath(repo, snapshot.commit, path, next)
    response.setHeader('Link', `<${endpointOf(call)}${target}>; rel="next"`)
  }
  sendJson(call, 200, page)
}

/** A file's bytes, or for HEAD what they are. */
export async function sendFile(call: DoorCall, asked: Asked, snapshot: Snapshot): Promise<void> {
  const { request, response } = call
  const { repo, revision, path } = asked
  const { commit } = snapshot
  response.setHeader(COMMIT_HEADER, commit)
  const file = await snapshot.at(path)
  if (file?.type !== 'file') throw noEntry(path)
  const tag = `"${file.etag}"`
  if (isKnown(call, tag)) {
    response.writeHead(304, { ETag: tag })
    response.end()
    return
  }
  response.setHeader('Content-Type', mediaTypeOf(path))
  if (request.method !== 'HEAD') return snapshot.send(call, file)
  response.writeHead(200, {
    'Accept-Ranges': 'bytes',
    'Content-Length': file.size,
    ETag: tag,
    // The client fetches from there: what it names after this tag is of this commit.
    ...(revision !== commit && {
      Location: `${endpointOf(call)}${filePath(repo, commit, path)}`,
    }),
  })
  response.end()
}

/** Those of the paths in the request's body that exist. */
export async function sendPathsInfo(call: DoorCall, _: Asked, snapshot: Snapshot): Promise<void> {
  const { paths, isExpanded } = await pathsIn(call)
  call.response.setHeader(COMMIT_HEADER, snapshot.commit)
  const found: object[] = []
  for (const path of paths) {
    const entry = path === '' ? undefined : await snapshot.at(path)
    if (entry !== undefined) found.push(entryJson(entry, snapshot, isExpanded))
  }
  sendJson(call, 200, found)
}

/** From a form, as the Python client sends it, or from JSON. */
async function pathsIn(
  call: DoorCall,
): Promise<{ readonly paths: readonly string[]; readonly isExpanded: boolean }> {
  const text = await readText(call, HTTP_JSON_BYTES)
  const isJson = /\bjson\b/i.test(call.request.headers['content-type'] ?? '')
  const { paths, expand } = isJson ? jsonPaths(text) : formPaths(text)
  if (paths.length > HF_PATHS) {
    throw new DstoreError('too-large', `a request has at most ${HF_PATHS} paths`)
  }
  return { paths: [...new Set(paths.map(checkedPath))], isExpanded: isTrue(expand) }
}

function jsonPaths(text: string): { readonly paths: readonly string[]; readonly expand: string } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new DstoreError('usage', 'the request is not JSON', { cause })
  }
  const { paths, expand } = (value ?? {}) as { paths?: unknown; expand?: unknown }
  if (!Array.isArray(paths) || !paths.every((path): path is string => typeof path === 'string')) {
    throw new DstoreError('usage', 'paths must be a list of paths')
  }
  return { paths, expand: expand === true ? 'true' : '' }
}

function formPaths(text: string): { readonly paths: readonly string[]; readonly expand: string } {
  const form = new URLSearchParams(text)
  return { paths: form.getAll('paths'), expand: form.get('expand') ?? '' }
}

/** Python's client writes `True`. */
const isTrue = (text: string | null): boolean => /^(?:true|1)$/i.test(text ?? '')

function cursorIn(text: string | null): string | undefined {
  if (text === null) return undefined
  const path = decodeUtf8(Buffer.from(text, 'base64url'))
  if (path === undefined || path === '') throw new HttpError(400, 'not a cursor of this list')
  return checkedPath(path)
}

function limitIn(text: string | null): number {
  if (text === null) return HF_TREE_ENTRIES
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (limit < 1) throw new HttpError(400, 'limit must be a number from 1')
  return Math.min(limit, HF_TREE_ENTRIES)
}

/** Characters that are collected before they are sent. */
const PIECE_CHARACTERS = 32_768

async function* inPieces(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  let text = ''
  for await (const one of texts) {
    text += one
    if (text.length < PIECE_CHARACTERS) continue
    yield Buffer.from(text)
    text = ''
  }
  yield Buffer.from(text)
}
