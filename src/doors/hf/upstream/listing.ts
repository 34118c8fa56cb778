/**
 * The files of one commit of the upstream, with the digests that it states, and the value that
 * records them (specs/010-doors.md, R010-71).
 */
import { faultOfName } from '../../../directory/names.ts'
import { DstoreError } from '../../../errors.ts'
import { parseKey } from '../../../hash/key.ts'
import { isCommit } from '../hf-repo.ts'
import { HF_FILES, HF_LISTING_BYTES, HF_PATH_BYTES } from '../../../limits.ts'

/** One file. It is verified by `key`, else by `sha256`, else as git hashes it. */
export interface ListedFile {
  readonly path: string
  readonly size: number
  /** 40 hex digits: git's id of the blob, of a file in Git LFS that of its pointer. */
  readonly oid: string
  readonly lfs?: { readonly sha256: string; readonly pointerSize: number }
  /** Where the upstream is a dstore. */
  readonly key?: string
}

export interface Listing {
  /** 40 hex digits. */
  readonly commit: string
  readonly modifiedAt?: string | undefined
  /** In the order of `orderOf`, without a path that is there twice, or a folder of another. */
  readonly files: readonly ListedFile[]
}

/** Text whose order has what is in a folder behind the folder, before all else. */
export const orderOf = (path: string): string => path.replaceAll('/', '\0')

/** Is there a path twice, or a file that is a folder, too? The files are in order. */
export const isContradictory = (files: readonly ListedFile[]): boolean =>
  files.some(({ path }, at) => {
    const before = files[at - 1]?.path
    return before !== undefined && (path === before || path.startsWith(`${before}/`))
  })

/** What the upstream names a file after, and what its stored bytes are named after here. */
export const etagOf = ({ key, lfs, oid }: ListedFile): string => key ?? lfs?.sha256 ?? oid

/** 40 hex digits. */
const isOid = (value: unknown): value is string => typeof value === 'string' && isCommit(value)

/** Why this is no path of a file in a repository; undefined if it is one. */
export function faultOfPath(path: string): string | undefined {
  if (Buffer.byteLength(path) > HF_PATH_BYTES) return 'it is too long'
  if (/\p{Cc}/u.test(path)) return 'it has a control character'
  for (const part of path.split('/')) {
    const fault = faultOfName(part)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** The first line of a stored list. */
interface Head {
  readonly format: string
  readonly commit: string
  readonly modifiedAt?: string
}

const FORMAT = 'dstore hf listing 1'

/** The bytes of the value: a line of JSON about the commit, then one for each file. */
export function encodeListing({ commit, modifiedAt, files }: Listing): Uint8Array {
  const head: Head = { format: FORMAT, commit, ...(modifiedAt !== undefined && { modifiedAt }) }
  const lines = [head, ...files].map((line) => `${JSON.stringify(line)}\n`)
  const bytes = Buffer.from(lines.join(''))
  if (bytes.byteLength > HF_LISTING_BYTES) throw tooMany()
  return bytes
}

export const tooMany = (): DstoreError =>
  new DstoreError('too-large', 'the upstream lists more files than the door reads through', {
    hint: `a revision has at most ${HF_FILES} files: fetch it from the upstream itself`,
  })

/** Lines that are read in one turn. */
const LINES = 2000

/** The list in a value; undefined if it is none, as a writer may have bound another value. */
export async function decodeListing(bytes: Uint8Array): Promise<Listing | undefined> {
  const lines = new TextDecoder().decode(bytes).split('\n')
  const head = objectIn(lines[0])
  const isKnown = head?.['format'] === FORMAT && isOid(head['commit'])
  if (!isKnown || lines.at(-1) !== '' || lines.length > HF_FILES + 2) return undefined
  const files: ListedFile[] = []
  let last: string | undefined
  for (const [at, line] of lines.slice(1, -1).entries()) {
    if (at % LINES === LINES - 1) await new Promise((resolve) => setImmediate(resolve))
    const file = fileIn(objectIn(line))
    const order = file && orderOf(file.path)
    if (order === undefined || (last !== undefined && order <= last)) return undefined
    files.push(file!)
    last = order
  }
  if (isContradictory(files)) return undefined
  const modifiedAt = head['modifiedAt']
  return {
    commit: head['commit'] as string,
    files,
    ...(typeof modifiedAt === 'string' && { modifiedAt }),
  }
}

function objectIn(line: string | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line ?? '')
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** A file, from a stored line or an answer of the upstream; undefined if it states no digest. */
export function fileIn(
  line: Readonly<Record<string, unknown>> | undefined,
): ListedFile | undefined {
  if (line === undefined) return undefined
  const { path, size, oid } = line
  if (typeof path !== 'string' || faultOfPath(path) !== undefined) return undefined
  if (!isSize(size) || !isOid(oid)) return undefined
  const key = line['key'] === undefined ? undefined : keyIn(line['key'])
  const lfs = line['lfs'] === undefined || line['lfs'] === null ? undefined : lfsIn(line['lfs'])
  // A digest that is stated and cannot be read must not give way to a weaker one.
  if (key === null || lfs === null) return undefined
  // The size beside the pointer is that of the file; another one contradicts it.
  if (lfs?.size !== undefined && lfs.size !== size) return undefined
  return {
    path,
    size,
    oid,
    ...(lfs !== undefined && { lfs: { sha256: lfs.sha256, pointerSize: lfs.pointerSize } }),
    ...(key !== undefined && { key }),
  }
}

const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0

/** The key of a file of a dstore; null if it is none. */
function keyIn(value: unknown): string | null {
  try {
    const key = parseKey(typeof value === 'string' ? value : '')
    return key.kind === 'bytes' ? key.toString() : null
  } catch {
    return null
  }
}

/** What the upstream says of Git LFS (`oid`), or a stored line (`sha256`). */
function lfsIn(
  value: unknown,
): { readonly sha256: string; readonly pointerSize: number; readonly size?: number } | null {
  if (typeof value !== 'object' || value === null) return null
  const { oid, sha256 = oid, size, pointerSize = 0 } = value as Record<string, unknown>
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return null
  if (!isSize(pointerSize) || (size !== undefined && !isSize(size))) return null
  return { sha256, pointerSize, ...(size !== undefined && { size }) }
}
