/** What of an upstream is stored, and under which names (specs/010-doors.md, R010-70). */
import { DstoreError } from '../../../errors.ts'
import { gather, once } from '../../../bytes.ts'
import type { Key } from '../../../hash/key.ts'
import { HF_LISTING_BYTES } from '../../../limits.ts'
import type { ServedNode } from '../../../node/node.ts'
import { isCommit, prefixOf, type HfRepo } from '../hf-repo.ts'
import { decodeListing, encodeListing, etagOf, type ListedFile, type Listing } from './listing.ts'

/** Below this are the names of all that came from an upstream: one rule bounds it. */
export const UPSTREAM_NAMES = 'hf/~upstream/'

/** The names of one repository's values: `hf/~upstream/ORG/NAME@`. No id of one has a `~`. */
const prefixFor = (repo: HfRepo): string => `${UPSTREAM_NAMES}${prefixOf(repo).slice('hf/'.length)}`

/** The name of the list of files that a revision had when it was last asked for. */
export const listingName = (repo: HfRepo, revision: string): string =>
  `${prefixFor(repo)}${isCommit(revision) ? 'commits' : 'refs'}/${revision}`

/** The name of the bytes of a file: its digest, so that revisions share what is the same. */
export const fileName = (repo: HfRepo, file: ListedFile): string =>
  `${prefixFor(repo)}files/${etagOf(file)}`

const TAG = { kind: 'tag' } as const

/** The values of an upstream at this node. They are tags: a writer may remove them. */
export class Kept {
  readonly #node: ServedNode

  constructor(node: ServedNode) {
    this.#node = node
  }

  /** Whether a revision of this repository is published here. */
  async isPublished(repo: HfRepo, signal: AbortSignal): Promise<boolean> {
    const names = this.#node.index.names(prefixOf(repo), { signal, limit: 1 })
    for await (const _ of names) return true
    return false
  }

  /** The files of a revision as they were when it was last asked for. */
  async listing(repo: HfRepo, revision: string, signal: AbortSignal): Promise<Listing | undefined> {
    const bound = await this.#node.index.lookup(listingName(repo, revision), { signal })
    if (bound === undefined || bound.size > HF_LISTING_BYTES) return undefined
    try {
      const { bytes } = await this.#node.get(bound.key, { signal })
      const listing = await decodeListing(await gather(bytes))
      return isCommit(revision) && listing?.commit !== revision ? undefined : listing
    } catch (error) {
      const isGone = error instanceof DstoreError && ['not-found', 'removed'].includes(error.code)
      if (isGone) return undefined
      throw error
    }
  }

  /** Stores the files of a commit, and that this revision is at it. */
  async addListing(
    repo: HfRepo,
    revision: string,
    listing: Listing,
    signal: AbortSignal,
  ): Promise<void> {
    const bytes = encodeListing(listing)
    const name = listingName(repo, listing.commit)
    const source = { bytes: once(bytes), size: bytes.byteLength }
    const { key } = await this.#node.put(source, { name, naming: TAG, signal })
    if (revision !== listing.commit) {
      await this.#node.index.tag(listingName(repo, revision), key, { signal })
    }
  }

  /** The key of a file that is stored. `isFresh`: Global is asked. */
  async file(
    repo: HfRepo,
    file: ListedFile,
    options: { readonly signal: AbortSignal; readonly isFresh?: boolean },
  ): Promise<Key | undefined> {
    const { signal, isFresh = false } = options
    const bound = await this.#node.index.lookup(fileName(repo, file), {
      signal,
      ...(isFresh && { fresh: true }),
    })
    return bound !== undefined && bound.size === file.size ? bound.key : undefined
  }

  /** Stores a file. Its name is bound in the same change, if all bytes came. */
  async addFile(
    repo: HfRepo,
    file: ListedFile,
    bytes: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Key> {
    const name = fileName(repo, file)
    const stored = await this.#node.put({ bytes, size: file.size }, { name, naming: TAG, signal })
    return stored.key
  }
}
