/** The documents of the endpoint: what its clients read, and no more. */
import type { HfRepo } from './hf-repo.ts'
import type { HfEntry, Snapshot } from './snapshot.ts'

/** An entry in a tree; `isExpanded` with the commit that last changed it, which is not known. */
export function entryJson(
  entry: HfEntry,
  { commit, modifiedAt }: Snapshot,
  isExpanded: boolean,
): object {
  const { path, oid } = entry
  const last = {
    lastCommit: { id: commit, title: '', date: modifiedAt ?? new Date(0).toISOString() },
  }
  const common = { oid, path, ...(isExpanded && last) }
  if (entry.type === 'folder') return { type: 'directory', size: 0, ...common }
  const { size, lfs, key } = entry
  const pointer = lfs && { oid: lfs.sha256, size, pointerSize: lfs.pointerSize }
  return { type: 'file', size, ...common, ...(pointer && { lfs: pointer }), ...(key && { key }) }
}

/** The facts of a revision, without the list of files. */
export function infoJson({ kind, id }: HfRepo, { commit, modifiedAt }: Snapshot): object {
  const [author, name] = id.split('/')
  return {
    _id: commit.slice(0, 24),
    id,
    ...(kind === 'models' && { modelId: id }),
    ...(name !== undefined && { author }),
    sha: commit,
    ...(modifiedAt !== undefined && { lastModified: modifiedAt }),
    private: false,
    gated: false,
    disabled: false,
    downloads: 0,
    likes: 0,
    tags: [],
  }
}

/** A file in the list of a revision; `withBlobs` with its size. */
export const siblingJson = (
  { path, size, oid, lfs }: Extract<HfEntry, { type: 'file' }>,
  withBlobs: boolean,
): object => ({
  rfilename: path,
  ...(withBlobs && { size, blobId: oid }),
  ...(withBlobs && lfs && { lfs: { sha256: lfs.sha256, size, pointerSize: lfs.pointerSize } }),
})
