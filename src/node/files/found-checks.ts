/** Verifies what earlier boots left of values, before anything of it is held. */
import { untilAborted } from '../../deadline.ts'
import { DstoreError } from '../../errors.ts'
import type { GroupChecker } from '../../hash/proof/group-check.ts'
import { verifiedBytes } from '../../transfer/piece-reader.ts'
import type { CachedFile } from './cached-file.ts'
import type { CheckOptions } from './file-tier.ts'
import { rawBytes } from './served-file.ts'

/** Files that are read at once, which bounds the memory of all checks. */
const AT_ONCE = 8

type OnProgress = NonNullable<CheckOptions['onProgress']>

interface Check {
  readonly done: Promise<void>
  readonly listeners: Set<OnProgress>
}

export class FoundChecks {
  readonly #checker: GroupChecker | undefined
  readonly #damaged: (file: CachedFile, fault: DstoreError) => void
  /** In progress. */
  readonly #checks = new Map<CachedFile, Check>()
  #reading = 0
  /** Checks that wait for their turn. */
  readonly #waiting: (() => void)[] = []

  /** `checker` hashes on another thread. `damaged` evicts a file that is not what it was. */
  constructor(
    checker: GroupChecker | undefined,
    damaged: (file: CachedFile, fault: DstoreError) => void,
  ) {
    this.#checker = checker
    this.#damaged = damaged
  }

  /** See `FileTier.check`. */
  async check(file: CachedFile, { signal, onProgress }: CheckOptions): Promise<void> {
    file.checkNotRemoved()
    if (!file.isUnchecked) return
    const { done, listeners } = this.#checks.get(file) ?? this.#begin(file)
    if (onProgress !== undefined) listeners.add(onProgress)
    const ends = AbortSignal.any([file.dropped, ...(signal === undefined ? [] : [signal])])
    try {
      await untilAborted(done, ends)
    } finally {
      if (onProgress !== undefined) listeners.delete(onProgress)
    }
  }

  #begin(file: CachedFile): Check {
    const listeners = new Set<OnProgress>()
    const done = this.#inTurn(() => this.#run(file, listeners)).finally(() =>
      this.#checks.delete(file),
    )
    // Its callers may have left.
    done.catch(() => undefined)
    const check = { done, listeners }
    this.#checks.set(file, check)
    return check
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    if (this.#reading >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#reading++
    try {
      await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#reading--
      // It takes the place of this one.
      else next()
    }
  }

  async #run(file: CachedFile, listeners: ReadonlySet<OnProgress>): Promise<void> {
    // While it waited it may have been evicted, or received from a source.
    file.checkNotRemoved()
    if (!file.isUnchecked) return
    const { digest } = file.key
    const runs = [...file.foundRuns()]
    const total = runs.reduce((sum, { start, end }) => sum + end - start, 0)
    const release = file.use()
    try {
      let doneBytes = 0
      for (const run of runs) {
        const raw = rawBytes(file, file.dropped)
        const bytes = verifiedBytes(raw, digest, run, file.dropped, this.#checker)
        for await (const { byteLength } of bytes) {
          doneBytes += byteLength
          for (const listener of listeners) listener(doneBytes, total)
        }
      }
      file.confirm()
    } catch (error) {
      file.checkNotRemoved()
      // Meanwhile its bytes are received from a source.
      if (!file.isUnchecked) return
      const fault =
        error instanceof DstoreError && error.code === 'integrity' ? error : unreadable(error)
      this.#damaged(file, fault)
      throw fault
    } finally {
      release()
    }
  }
}

const unreadable = (cause: unknown): DstoreError =>
  new DstoreError('integrity', 'a cached file of an earlier run cannot be read', { cause })
