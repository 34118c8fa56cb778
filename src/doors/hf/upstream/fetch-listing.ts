/** Asks the upstream for a revision: its commit, and the files of a commit. */
import { DstoreError } from '../../../errors.ts'
import { HF_FILES, HF_LISTING_BYTES } from '../../../limits.ts'
import { isCommit, type HfRepo } from '../hf-repo.ts'
import { fileIn, isContradictory, orderOf, tooMany } from './listing.ts'
import type { ListedFile, Listing } from './listing.ts'
import type { Remote } from './remote.ts'

/** A commit, and when it was made. */
export interface RemoteCommit {
  readonly commit: string
  readonly modifiedAt?: string
}

/** Pages of one listing. A page of the real endpoint has 1,000 entries, folders among them. */
const PAGES = 1000

/** The least that a file has in a list beside its path. */
const LINE_BYTES = 64

const api = ({ kind, id }: HfRepo): string => `/api/${kind}/${id}`

/** The commit that a revision is at now. Throws `Absent`, `UpstreamFault`. */
export async function fetchCommit(
  remote: Remote,
  repo: HfRepo,
  revision: string,
  signal: AbortSignal,
): Promise<RemoteCommit> {
  const path = `${api(repo)}/revision/${encodeURIComponent(revision)}`
  const { document } = await remote.json(path, '?expand=sha&expand=lastModified', signal)
  const { sha, lastModified } = (document ?? {}) as Record<string, unknown>
  const isClear = typeof sha === 'string' && isCommit(sha)
  // A commit never changes: it is no other one.
  if (!isClear || (isCommit(revision) && sha !== revision)) {
    throw unclear(remote, `no commit for ${repo.id}`)
  }
  const isDate = typeof lastModified === 'string' && lastModified.length <= 40
  return { commit: sha, ...(isDate && { modifiedAt: lastModified }) }
}

/** All files of a commit. Throws `Absent`, `UpstreamFault`, `too-large`, `protocol`. */
export async function fetchListing(
  remote: Remote,
  repo: HfRepo,
  { commit, modifiedAt }: RemoteCommit,
  signal: AbortSignal,
  most: number = HF_FILES,
): Promise<Listing> {
  const files: ListedFile[] = []
  let bytes = 0
  let query: string | undefined = '?recursive=true&expand=false'
  for (let pages = 0; query !== undefined; pages++) {
    if (pages === PAGES) throw tooMany()
    const page = await remote.json(`${api(repo)}/tree/${commit}`, query, signal)
    for (const file of filesIn(page.document, remote, repo)) {
      files.push(file)
      bytes += LINE_BYTES + file.path.length
    }
    if (files.length > most || bytes > HF_LISTING_BYTES) throw tooMany()
    if (page.next === query) throw unclear(remote, `the same page of ${repo.id} again`)
    query = page.next
  }
  const inOrder = files
    .map((file) => ({ file, order: orderOf(file.path) }))
    .toSorted((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ file }) => file)
  if (isContradictory(inOrder)) {
    throw unclear(remote, `paths of ${repo.id} that exclude each other`)
  }
  return { commit, modifiedAt, files: inOrder }
}

function filesIn(document: unknown, remote: Remote, { id }: HfRepo): ListedFile[] {
  if (!Array.isArray(document)) throw unclear(remote, `no list of the files of ${id}`)
  const found: ListedFile[] = []
  for (const entry of document as unknown[]) {
    const { type, ...line } = (entry ?? {}) as Record<string, unknown>
    if (type === 'directory') continue
    const file = type === 'file' ? fileIn(line) : undefined
    if (file === undefined) {
      // What the upstream sent does not go into a message.
      throw unclear(remote, `an entry of ${id} with no usable path, size or digest`)
    }
    found.push(file)
  }
  return found
}

const unclear = (remote: Remote, what: string): DstoreError =>
  new DstoreError('protocol', `${remote.host} answered with ${what}`)
