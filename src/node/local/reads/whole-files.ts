/** Whole values in files of the cache, for other processes to open (specs/007, "Paths"). */
import { DstoreError, asDstoreError } from '../../../errors.ts'
import { pause } from '../../../deadline.ts'
import { hash } from '../../../hash/hasher.ts'
import type { Key } from '../../../hash/key.ts'
import type { Fact } from '../../../index/message.ts'
import { notAsDirectory } from '../../calls/no-such.ts'
import type { HeldValue } from '../../cache/held-value.ts'
import type { CheckOptions, FileHold, FileTier, FileValue } from '../../files/file-tier.ts'
import { TransferCancelled } from '../../activity/transfers.ts'
import type { CallOptions } from '../../node.ts'
import { NoRoom } from '../../swarm/download.ts'
import type { Fetcher } from '../../swarm/fetcher.ts'
import type { Tiers } from '../../tiers/tiers.ts'
import type { Holdings } from '../holdings.ts'
import type { Locator } from './locator.ts'
import type { ReadLimits } from './read-limits.ts'

export interface WholeFilesOptions {
  readonly tiers: Tiers
  readonly holdings: Holdings
  readonly fetcher: Fetcher
  readonly locator: Locator
  readonly limits: ReadLimits
  /** May this entry be served without asking Global? */
  readonly mayServe: (entry: HeldValue, options: CallOptions) => Promise<boolean>
}

/** A file of the cache that stays until `release`. */
export interface HeldFile extends FileHold {
  readonly size: number
}

/** How often a value is fetched whose file turns out to be damaged, or is evicted meanwhile. */
const ATTEMPTS = 3

export class WholeFiles {
  readonly #options: WholeFilesOptions

  constructor(options: WholeFilesOptions) {
    this.#options = options
  }

  /**
   * The file of a value, fetched if need be. Errors: those of `get`; `no-space` if the tier has no
   * room, `unsupported` if there is none.
   */
  async hold(key: Key, options: CallOptions): Promise<HeldFile> {
    const { tiers, limits } = this.#options
    const { files } = tiers
    if (files === undefined) throw tiers.noFiles()
    for (let attempt = 1; ; attempt++) {
      try {
        const entry = await this.#entry(files, key, options)
        const release = entry.use()
        try {
          await files.check(entry, checkOptions(options))
          await this.#fetch(entry, options)
          if (entry.isVoid) throw new DstoreError('cancelled', 'Global has not confirmed it')
          // To verify a large file takes longer than a lease may last.
          limits.checkMembership()
          return { ...(await files.hold(entry)), size: entry.size }
        } finally {
          release()
        }
      } catch (error) {
        const { code } = asDstoreError(error)
        const isLost = code === 'cancelled' && !(error instanceof TransferCancelled)
        const isGone = code === 'integrity' || (isLost && !isAborted(options))
        if (!isGone || attempt === ATTEMPTS) throw error
      }
    }
  }

  /** An entry that may be served, whole or not. */
  async #entry(files: FileTier, key: Key, options: CallOptions): Promise<FileValue> {
    const { tiers, mayServe, locator } = this.#options
    const inMemory = tiers.memory.get(key)
    const isReady = inMemory?.held.complete === true && isKnownAs(key, inMemory)
    if (isReady && (await mayServe(inMemory, options))) {
      const adopted = await files.adopt(inMemory, tiers.memory)
      if (adopted !== undefined) {
        tiers.count('hit')
        return adopted
      }
    }
    const entry = files.get(key)
    const isKnown = entry !== undefined && isKnownAs(key, entry)
    if (isKnown && (await mayServe(entry, options)) && tiers.lists(entry)) {
      tiers.count(entry.isWhole ? 'hit' : 'miss')
      return entry
    }
    tiers.count('miss')
    const { prepared, bytes } = await locator.locate(key, options, (fact, keep) => {
      if (key.kind === 'directory' && fact.directory === undefined) throw notAsDirectory(key)
      if (!keep) throw new DstoreError('cancelled', 'the answer was overtaken')
      return { prepared: this.#prepare(files, key, fact), bytes: fact.value }
    })
    if (bytes === undefined || prepared.held.complete) return prepared
    const release = prepared.use()
    try {
      if (!tiers.claim(prepared, { start: 0, end: prepared.size }))
        throw noSpace(files, prepared.size)
      await keepAll(prepared, bytes)
    } finally {
      tiers.settle(prepared)
      release()
    }
    return prepared
  }

  #prepare(files: FileTier, key: Key, { size, incarnation, directory }: Fact): FileValue {
    const entry = files.prepare(key, size, incarnation)
    if (entry === undefined) throw noSpace(files, size)
    if (directory !== undefined) entry.directoryAt = incarnation
    return entry
  }

  /** Waits until all of it has arrived. */
  async #fetch(entry: FileValue, options: CallOptions): Promise<void> {
    const { fetcher, holdings, limits, tiers } = this.#options
    const { key, size, held } = entry
    if (entry.isWhole) return
    const limit = limits.deadline(options)
    const read = holdings.reads.begin(entry)
    const signal = AbortSignal.any([limit.signal, read.signal])
    const interest = fetcher.download(entry).join({ start: 0, end: size }, signal)
    try {
      while (!held.complete) {
        limits.check(read, limit)
        limit.progress()
        await interest.more()
        limit.pauseTimer()
        options.onProgress?.({ phase: 'fetch', doneBytes: entry.heldBytes, totalBytes: size })
      }
      // Another source may still be writing what is held already.
      while (!entry.isWhole) {
        limits.check(read, limit)
        if (!tiers.lists(entry)) throw new DstoreError('cancelled', 'the value was evicted')
        await pause(1, signal)
      }
    } catch (error) {
      throw error instanceof NoRoom ? noSpace(tiers.files!, size, entry.heldBytes) : error
    } finally {
      interest.leave()
      read.end()
      limit.clear()
    }
    // The file takes the place of what memory has of it.
    tiers.memory.evict(key)
  }
}

const isKnownAs = (key: Key, entry: HeldValue): boolean => key.kind === 'bytes' || entry.isDirectory

const checkOptions = ({ signal, onProgress }: CallOptions): CheckOptions => ({
  signal,
  onProgress: (doneBytes, totalBytes) => onProgress?.({ phase: 'hash', doneBytes, totalBytes }),
})

const isAborted = ({ signal }: CallOptions): boolean => signal?.aborted === true

/** Keeps a small value that came with Global's answer, where it was verified. */
async function keepAll(entry: FileValue, bytes: Uint8Array): Promise<void> {
  const { outboard } = hash(bytes)
  const pairs = outboard.byteLength === 0 ? [] : [{ outboardOffset: 0, bytes: outboard }]
  const receiver = entry.receive()
  try {
    await receiver.keep({ start: 0, bytes, isWhole: false, pairs })
  } finally {
    receiver.end()
  }
}

/** `heldBytes`: what the budget is charged for this file already. */
function noSpace(files: FileTier, size: number, heldBytes = 0): DstoreError {
  const { directory, budgetBytes } = files.status()
  const flag = budgetBytes === undefined ? '--cache' : '--cache-dir-size'
  // The budget has room: it is the file system that has none.
  const isFull = files.headroomBytes + heldBytes >= size
  return new DstoreError('no-space', `the cache has no room for a file of ${size} bytes`, {
    hint: isFull
      ? `free space where ${directory} is, or name another folder with --cache-dir`
      : `raise ${flag}, or release what is held or pinned`,
  })
}
