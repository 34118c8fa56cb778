/**
 * One pin: brings what its word stands for into the cache, and keeps it there: fetches again what
 * was lost, follows its name, ends with its key.
 */
import { asDstoreError, DstoreError } from '../../errors.ts'
import { PIN_RETRY_MS } from '../../limits.ts'
import { pause } from '../../deadline.ts'
import type { CallOptions, Pin, PinState, Progress } from '../node.ts'
import type { Pace } from './pace.ts'
import type { PinHost } from './pin-host.ts'
import type { PinnedValue, PinnedValues, Values } from './pinned-values.ts'
import { beginsWithKey, targetOf, valuesOf, type PinTarget } from './pinned-tree.ts'

/** Values of one pin that are fetched at once. */
const AT_ONCE = 8

/** The first wait after a failure; it doubles up to `PIN_RETRY_MS`. */
const FIRST_RETRY_MS = 500

export interface PinnedOptions {
  readonly word: string
  readonly host: PinHost
  readonly values: PinnedValues
  readonly pace?: Pace | undefined
  /** Of a pin of a key that was saved: the incarnation that was pinned. */
  readonly incarnation?: number | undefined
  /** A round has ended: everything is held, or it failed with this. */
  readonly onRound: (failure: DstoreError | undefined) => void
}

/** What a pin has reserved: the values of one target. */
interface Reserved {
  readonly target: PinTarget
  readonly values: Values
}

const NONE: Values = new Map()

export class Pinned {
  readonly word: string
  readonly #options: PinnedOptions
  readonly #stop = new AbortController()
  /** What the word stands for, as far as is known. */
  #wanted: Reserved | undefined
  /** What it stood for before, which stays until the other is whole, if there is room for both. */
  #former: Reserved | undefined
  #incarnation: number | undefined
  #state: PinState = 'fetching'
  #failure: DstoreError | undefined
  /** Whether the last round found out what the word stands for. */
  #isFound = false
  #wasFound = false
  /** Bytes of values in progress, by digest. */
  readonly #coming = new Map<string, number>()
  /** Called with every progress of a fetch. */
  readonly watchers: Set<(progress: Progress) => void> = new Set()
  /** Counts what may have changed what the word stands for, or what is held of it. */
  #changes = 0
  #wake: () => void = () => undefined
  #running: Promise<void> | undefined

  constructor(options: PinnedOptions) {
    this.word = options.word
    this.#options = options
    this.#incarnation = options.incarnation
  }

  /** Of a word that begins with a key. */
  get incarnation(): number | undefined {
    return beginsWithKey(this.word) ? this.#incarnation : undefined
  }

  /** The key of it was removed: it ends. */
  get isOver(): boolean {
    return this.#state === 'removed' && beginsWithKey(this.word)
  }

  get state(): PinState {
    return this.#state
  }

  start(): void {
    this.#running ??= this.#run(this.#stop.signal)
  }

  /** Gives up everything that it holds, at once. Resolves when no work for it is in progress. */
  async close(): Promise<void> {
    this.#stop.abort(new DstoreError('cancelled', 'it is no longer pinned'))
    this.#free('former')
    this.#free('wanted')
    await this.#running
  }

  /** Looks again now. */
  changed(): void {
    if (this.#state === 'held') this.#state = 'fetching'
    this.#changes++
    this.#wake()
  }

  /** Whether it needs a value, by its digest in hexadecimal. */
  needs(id: string): boolean {
    return this.#wanted?.values.has(id) === true || this.#former?.values.has(id) === true
  }

  /** Whether the word begins with this name. */
  hasName(name: string): boolean {
    return this.word === name || this.word.startsWith(`${name}/`)
  }

  describe(): Omit<Pin, 'permanent'> {
    const failure = this.#state === 'held' || this.#state === 'fetching' ? undefined : this.#failure
    const gone = this.#state === 'removed' ? undefined : this.#wanted
    const { message: error, code: errorCode } = failure ?? {}
    return {
      word: this.word,
      key: gone?.target.value.key,
      size: gone && sumOf(gone.values.values()),
      heldBytes: gone === undefined ? 0 : this.#heldBytes(gone.values),
      state: this.#state,
      ...(error !== undefined && { error }),
      ...(errorCode !== undefined && { errorCode }),
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      const seen = this.#changes
      const failure = await this.#bring(signal).then(() => undefined, asDstoreError)
      if (signal.aborted) return
      // What it found out may be true no more.
      if (failure === undefined && this.#changes !== seen) continue
      this.#failure = failure
      this.#state = failure === undefined ? 'held' : this.#stateAfter(failure)
      if (this.#state === 'removed') {
        this.#free('former')
        this.#free('wanted')
      }
      this.#options.onRound(failure)
      if (this.isOver) return
      failures = failure === undefined ? 0 : failures + 1
      const waitMs = Math.min(PIN_RETRY_MS, FIRST_RETRY_MS * 2 ** failures)
      await this.#change(seen, failure === undefined ? undefined : waitMs, signal)
    }
  }

  /** Resolves when something changed since `seen`, or after a while. */
  async #change(seen: number, mostMs: number | undefined, signal: AbortSignal): Promise<void> {
    if (this.#changes !== seen) return
    const woken = new AbortController()
    this.#wake = () => woken.abort()
    const end = AbortSignal.any([woken.signal, signal])
    if (mostMs !== undefined) await pause(mostMs, end)
    else if (!end.aborted) {
      await new Promise((resolve) => end.addEventListener('abort', resolve, { once: true }))
    }
  }

  /** Makes everything that the word stands for now be held. */
  async #bring(signal: AbortSignal): Promise<void> {
    const { host, values, word, pace } = this.#options
    this.#isFound = false
    const target = await targetOf(host, word, { signal })
    if (beginsWithKey(word)) this.#checkIncarnation(target)
    this.#isFound = true
    this.#wasFound = true
    this.#incarnation = target.incarnation
    if (this.#wanted?.target.value.key.equals(target.value.key) !== true) {
      await this.#want(target, { signal })
    }
    const { values: wanted } = this.#wanted!
    const missing = [...wanted.keys()].filter((id) => !values.isHeld(id))
    if (missing.length > 0) this.#state = 'fetching'
    const totalBytes = sumOf(wanted.values())
    let heldBytes = this.#heldBytes(wanted)
    const report = (): void => this.#report(heldBytes, totalBytes)
    await eachOf(missing, AT_ONCE, async (id) => {
      const { size } = wanted.get(id)!
      const onProgress = ({ doneBytes }: Progress): void => {
        this.#coming.set(id, Math.min(doneBytes, size))
        report()
      }
      try {
        await values.ensure(id, { signal, pace, onProgress })
        signal.throwIfAborted()
        heldBytes += size
      } finally {
        this.#coming.delete(id)
      }
      report()
    })
    this.#free('former')
  }

  /** The key was removed, and put again: that is not what was pinned. */
  #checkIncarnation({ incarnation }: PinTarget): void {
    if (this.#incarnation === undefined || this.#incarnation === incarnation) return
    throw new DstoreError('removed', 'the key was removed; what was put again later is not pinned')
  }

  /** Reserves room for a new target beside the old one, or in its place if there is none. */
  async #want(target: PinTarget, options: CallOptions): Promise<void> {
    const { host, values } = this.#options
    const below = await valuesOf(host, target.value, options)
    options.signal?.throwIfAborted()
    const isWhole = this.#wanted !== undefined && this.#isHeld(this.#wanted.values)
    // What never became whole is not worth keeping.
    if (isWhole) {
      this.#free('former')
      this.#former = this.#wanted
      this.#wanted = undefined
    } else {
      this.#free('wanted')
    }
    try {
      values.reserve(below)
    } catch (error) {
      if (this.#former === undefined) throw error
      this.#free('former')
      values.reserve(below)
    }
    this.#wanted = { target, values: below }
  }

  /** What lacks below a directory that is there may come: only the word itself can be gone. */
  #stateAfter({ code }: DstoreError): PinState {
    const isGone = code === 'not-found' || code === 'removed'
    const wasThere = this.#wasFound || this.#incarnation !== undefined
    if (isGone && !this.#isFound && wasThere) return 'removed'
    return code === 'no-space' ? 'over-budget' : 'waiting'
  }

  #free(which: 'wanted' | 'former'): void {
    const reserved = which === 'wanted' ? this.#wanted : this.#former
    if (which === 'wanted') this.#wanted = undefined
    else this.#former = undefined
    this.#options.values.free(reserved?.values ?? NONE)
  }

  #isHeld(some: Values): boolean {
    return [...some.keys()].every((id) => this.#options.values.isHeld(id))
  }

  #heldBytes(some: Values): number {
    let bytes = 0
    for (const [id, { size }] of some) {
      bytes += this.#options.values.isHeld(id) ? size : (this.#coming.get(id) ?? 0)
    }
    return bytes
  }

  /** Without a look at every value: a pin may have a hundred thousand. */
  #report(heldBytes: number, totalBytes: number): void {
    if (this.watchers.size === 0) return
    let doneBytes = heldBytes
    for (const bytes of this.#coming.values()) doneBytes += bytes
    for (const watch of this.watchers) watch({ phase: 'fetch', doneBytes, totalBytes })
  }
}

function sumOf(values: Iterable<PinnedValue>): number {
  let bytes = 0
  for (const { size } of values) bytes += size
  return bytes
}

/** Runs `work` for each, `most` at once; rejects with the first failure when all have ended. */
async function eachOf<T>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values()
  let failure: { readonly error: unknown } | undefined
  const worker = async (): Promise<void> => {
    for (const item of rest) {
      if (failure !== undefined) return
      await work(item).catch((error: unknown) => void (failure ??= { error }))
    }
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker))
  if (failure !== undefined) throw failure.error
}
