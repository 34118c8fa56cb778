/** Serves what dstore lacks from an upstream, and stores it (R010-70 to R010-83). */
import { sendValue } from '../../../daemon/http/value-handlers.ts'
import { mediaTypeOf } from '../../../daemon/http/trees/media-types.ts'
import type { DoorCall } from '../../../daemon/http/doors/door.ts'
import { HttpError } from '../../../daemon/http/http-error.ts'
import { asDstoreError, type DstoreError } from '../../../errors.ts'
import type { Key } from '../../../hash/key.ts'
import { HF_AWAY_MS, HF_DOWNLOADS, HF_FRESH_MS, HF_WAITING } from '../../../limits.ts'
import type { Log } from '../../../log.ts'
import { filePath } from '../endpoint.ts'
import { HfError, noRevision } from '../hf-error.ts'
import { isCommit, nameOfRevision, prefixOf, type HfRepo } from '../hf-repo.ts'
import type { Snapshot } from '../snapshot.ts'
import { Answers } from './answers.ts'
import { withBeats } from './beats.ts'
import { resumedBytes, verifiedBytes } from './fetch-file.ts'
import { fetchCommit, fetchListing } from './fetch-listing.ts'
import { Flights } from './flights.ts'
import { fileName, listingName, type Kept } from './kept.ts'
import { etagOf, type ListedFile, type Listing } from './listing.ts'
import { ListingSnapshot } from './listing-snapshot.ts'
import { Absent, blame, UpstreamFault } from './refusal.ts'
import type { Remote } from './remote.ts'
import type { HfUpstream } from './upstream.ts'

export interface ReadThroughOptions {
  readonly remote: Remote
  readonly kept: Kept
  readonly log: Log
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs?: () => number
  /** How long a download waits after it broke off, in milliseconds. */
  readonly retryMs?: number
}

export class ReadThrough implements HfUpstream {
  readonly #options: ReadThroughOptions
  readonly #answers: Answers
  readonly #refreshes = new Flights<Listing | undefined>({ atOnce: 16, queued: HF_WAITING })
  readonly #downloads = new Flights<Key>({ atOnce: HF_DOWNLOADS, queued: HF_WAITING })

  constructor(options: ReadThroughOptions) {
    this.#options = options
    this.#answers = new Answers(options.nowMs ?? (() => performance.now()))
  }

  async snapshot(
    call: DoorCall,
    repo: HfRepo,
    revision: string,
    held: Snapshot | undefined,
  ): Promise<Snapshot | undefined> {
    if (held !== undefined) return undefined
    // A name above the prefix of a token is not there, rather than refused (R010-82).
    if (!call.maySee(nameOfRevision(repo, revision))) return undefined
    const listing = await this.#listing(call, repo, revision)
    if (listing === undefined) return undefined
    return new ListingSnapshot(listing, (sent, file) =>
      this.#send(sent, repo, listing.commit, file),
    )
  }

  async #listing(call: DoorCall, repo: HfRepo, revision: string): Promise<Listing | undefined> {
    const id = listingName(repo, revision)
    const answer = this.#answers.get(id)
    if (answer !== undefined) {
      if ('listing' in answer) return answer.listing
      if (answer.error === undefined) return undefined
      throw answer.error
    }
    const { signal, stopping } = call
    if (!call.mayFetch) {
      return this.#refreshes.join(`kept ${id}`, signal, () => this.#last(repo, revision, stopping))
    }
    return withBeats(call, () =>
      this.#refreshes.join(id, signal, () => this.#refresh(repo, revision, stopping)),
    )
  }

  /** What the upstream last said of a revision. */
  async #last(repo: HfRepo, revision: string, signal: AbortSignal): Promise<Listing | undefined> {
    const known = await this.#options.kept.listing(repo, revision, signal)
    if (known !== undefined) this.#answers.keep(listingName(repo, revision), known, HF_AWAY_MS)
    return known
  }

  /** Asks the upstream for a revision; where it does not answer, what it last said stands. */
  async #refresh(
    repo: HfRepo,
    revision: string,
    signal: AbortSignal,
  ): Promise<Listing | undefined> {
    const { kept, log } = this.#options
    const id = listingName(repo, revision)
    const known = await kept.listing(repo, revision, signal)
    try {
      const isNew = known === undefined || !isCommit(revision)
      if (isNew && (await kept.isPublished(repo, signal))) {
        this.#answers.refuse(id, undefined, HF_AWAY_MS)
        return undefined
      }
      const listing = isNew ? await this.#fetch(repo, revision, known, signal) : known
      this.#answers.keep(id, listing, HF_FRESH_MS)
      return listing
    } catch (error) {
      if (error instanceof Absent) {
        const said = wordsFor(error, repo, revision)
        this.#answers.refuse(id, said, HF_AWAY_MS)
        if (said === undefined) return undefined
        throw said
      }
      const { code, message } = asDstoreError(error)
      const isFault = error instanceof UpstreamFault
      if (isFault) log.warn('upstream: no answer about a revision', { name: id, code, message })
      const pauseMs = pauseFor(error)
      if (known !== undefined && code !== 'cancelled') {
        this.#answers.keep(id, known, pauseMs)
        return known
      }
      if (!isFault) throw error
      const said = refusal(error, pauseMs)
      this.#answers.refuse(id, said, pauseMs)
      throw said
    }
  }

  async #fetch(
    repo: HfRepo,
    revision: string,
    known: Listing | undefined,
    signal: AbortSignal,
  ): Promise<Listing> {
    const { remote, kept, log } = this.#options
    const commit = await asked(fetchCommit(remote, repo, revision, signal))
    if (commit.commit === known?.commit) return known
    const listing =
      (isCommit(revision) ? undefined : await kept.listing(repo, commit.commit, signal)) ??
      (await asked(fetchListing(remote, repo, commit, signal)))
    await kept.addListing(repo, revision, listing, signal)
    log.info('upstream: a revision', {
      name: listingName(repo, revision),
      commit: listing.commit,
      files: listing.files.length,
    })
    return listing
  }

  async #send(call: DoorCall, repo: HfRepo, commit: string, file: ListedFile): Promise<void> {
    const send = async (key: Key): Promise<void> => {
      // A caller that may see the revision may see its files (R007-332).
      call.reach(key)
      await sendValue(call, key, mediaTypeOf(file.path), { tag: `"${etagOf(file)}"` })
    }
    const stored = await this.#options.kept.file(repo, file, { signal: call.signal })
    if (stored === undefined) return send(await this.#fetched(call, repo, commit, file))
    try {
      await send(stored)
    } catch (error) {
      // What this node remembers of a name may be out of date.
      const isGone = ['not-found', 'removed'].includes(asDstoreError(error).code)
      if (!isGone || call.response.headersSent) throw error
      await send(await this.#fetched(call, repo, commit, file))
    }
  }

  /** The key of a file that this node does not know to be stored. */
  async #fetched(call: DoorCall, repo: HfRepo, commit: string, file: ListedFile): Promise<Key> {
    if (!call.mayFetch) {
      const message = 'this file is not stored yet, and only a token has it fetched'
      throw new HttpError(403, message, {}, 'not-permitted')
    }
    const id = fileName(repo, file)
    const answer = this.#answers.get(id)
    if (answer !== undefined && 'error' in answer) throw answer.error ?? noRevision(repo, commit)
    const { signal, stopping } = call
    return withBeats(call, () =>
      this.#downloads.join(id, signal, () => this.#download(repo, commit, file, stopping)),
    )
  }

  async #download(
    repo: HfRepo,
    commit: string,
    file: ListedFile,
    signal: AbortSignal,
  ): Promise<Key> {
    const { remote, kept, log, retryMs } = this.#options
    const id = fileName(repo, file)
    // Another node may have fetched it since this one was told.
    const stored = await kept.file(repo, file, { signal, isFresh: true })
    if (stored !== undefined) return stored
    let fault: DstoreError | undefined
    const fromUpstream = async function* (): AsyncGenerator<Uint8Array> {
      try {
        const path = filePath(repo, commit, file.path)
        yield* verifiedBytes(resumedBytes(remote, path, file.size, signal, retryMs), file)
      } catch (error) {
        throw (fault = blame(error))
      }
    }
    try {
      const key = await kept.addFile(repo, file, fromUpstream(), signal)
      log.info('upstream: a file', { name: id, bytes: file.size })
      return key
    } catch (error) {
      if (fault === undefined || fault.code === 'cancelled') throw error
      const { code, message } = fault
      log.warn('upstream: a file was not stored', { name: id, code, message })
      const pauseMs = pauseFor(fault)
      const said =
        fault instanceof Absent ? wordsForFile(fault, repo, commit) : refusal(fault, pauseMs)
      this.#answers.refuse(id, said, pauseMs)
      throw said
    }
  }
}

/** The answer of the upstream; what is thrown meanwhile is its fault. */
async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    throw blame(error)
  }
}

/** The refusal of a revision that the upstream lacks; undefined: the door refuses it. */
function wordsFor({ absence }: Absent, repo: HfRepo, revision: string): HfError | undefined {
  if (absence === 'repo') return undefined
  return absence === 'gated' ? gated(repo) : noRevision(repo, revision)
}

/** The same of a file that it has listed. */
function wordsForFile({ absence }: Absent, repo: HfRepo, commit: string): HttpError {
  if (absence === 'gated') return gated(repo)
  return new HttpError(
    502,
    `the upstream lacks a file of ${prefixOf(repo)}${commit}`,
    {},
    'protocol',
  )
}

const gated = ({ id }: HfRepo): HfError =>
  new HfError(403, 'GatedRepo', `the upstream does not give ${id} to this node`)

/** How long the upstream is not asked again after an error. */
function pauseFor(error: unknown): number {
  return (error instanceof UpstreamFault ? error.retryMs : undefined) ?? HF_AWAY_MS
}

/** The refusal of a request that would need the upstream. */
function refusal(error: DstoreError, pauseMs: number): DstoreError {
  if (error.code !== 'unreachable') return error
  const headers = { 'Retry-After': String(Math.ceil(pauseMs / 1000)) }
  return new HttpError(503, error.message, headers, 'unreachable')
}
