/** The pins of a Local (specs/007-daemon-and-command-line.md, "Pins"). */
import { deadline } from '../../deadline.ts'
import { asDstoreError, DstoreError, type ErrorCode } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import { CALL_TIMEOUT_MS, LEAST_RATE_BYTES, PINS } from '../../limits.ts'
import type { Log } from '../../log.ts'
import type { HeldValue } from '../cache/held-value.ts'
import type { NodePins, Pin, PinOptions, PinsStatus, Progress } from '../node.ts'
import { Pace } from './pace.ts'
import type { PinHost } from './pin-host.ts'
import { Pinned } from './pinned.ts'
import { PinnedValues } from './pinned-values.ts'
import { pinWord } from './pinned-tree.ts'
import type { SavedPin } from './saved-pins.ts'

export interface PinsOptions {
  readonly host: PinHost
  readonly log: Log
  /** Those that the state directory has. */
  readonly saved?: readonly SavedPin[] | undefined
  /** Words that stay pinned as long as the node runs. */
  readonly permanent?: readonly string[] | undefined
  /** Resolves when they are durable. Error: `unwritable`. */
  readonly save?: ((pins: readonly SavedPin[]) => Promise<void>) | undefined
}

/** A call that waits until its pin is held. */
interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: DstoreError) => void
}

interface Entry {
  readonly pinned: Pinned
  readonly maxRate: number | undefined
  readonly permanent: boolean
  /** It is in the state directory, or will be after the write in progress. */
  isSaved: boolean
  /** The code of the failure that the log has of it. */
  logged?: ErrorCode
  readonly waiting: Set<Waiting>
}

export class Pins implements NodePins {
  readonly #options: PinsOptions
  readonly #values: PinnedValues
  readonly #entries = new Map<string, Entry>()
  #saving: Promise<void> = Promise.resolve()
  /** Pins that are listed no more, and whose work is still ending. */
  readonly #ending = new Set<Promise<void>>()
  #isClosed = false

  constructor(options: PinsOptions) {
    this.#options = options
    this.#values = new PinnedValues(options.host)
  }

  /** Begins to bring in what was pinned before. */
  async start(): Promise<void> {
    const { saved = [], permanent = [] } = this.#options
    for (const word of permanent) this.#add(await pinWord(word), { permanent: true })
    for (const { word, incarnation, maxRate } of saved) {
      const known = this.#entries.get(word)
      if (known !== undefined) known.isSaved = true
      else this.#add(word, { isSaved: true, incarnation, maxRate })
    }
  }

  async pin(text: string, options: PinOptions = {}): Promise<Pin> {
    const { maxRate } = options
    if (maxRate !== undefined && !(maxRate >= LEAST_RATE_BYTES)) {
      throw new DstoreError('usage', `a rate is at least ${LEAST_RATE_BYTES} bytes per second`)
    }
    const word = await pinWord(text)
    if (this.#isClosed) throw new DstoreError('unreachable', 'the node is stopping')
    const known = this.#entries.get(word)
    // One that has ended begins again.
    if (known?.pinned.isOver === true) this.#drop(word, known)
    const entry = this.#entries.get(word) ?? this.#add(word, { maxRate })
    try {
      await this.#held(entry, options)
      if (!entry.isSaved && !entry.permanent) {
        entry.isSaved = true
        await this.#save()
      }
      return describe(entry)
    } catch (error) {
      const isWanted = entry.isSaved || entry.permanent || entry.waiting.size > 0
      const isUnwritten = asDstoreError(error).code === 'unwritable'
      if (isUnwritten) entry.isSaved = false
      if (!isWanted || isUnwritten) this.#drop(word, entry)
      throw error
    }
  }

  async unpin(text: string): Promise<string> {
    const word = await pinWord(text)
    const entry = this.#entries.get(word)
    if (entry === undefined) throw notPinned(word)
    if (entry.permanent) {
      throw new DstoreError('conflict', `the daemon was started with --pin ${word}`, {
        hint: 'start it again without: `dstore start --pin none`, or with the others',
      })
    }
    const wasSaved = entry.isSaved
    entry.isSaved = false
    this.#drop(word, entry)
    if (wasSaved) await this.#save()
    return word
  }

  async find(text: string): Promise<Pin> {
    const word = await pinWord(text)
    const entry = this.#entries.get(word)
    if (entry === undefined) throw notPinned(word)
    return describe(entry)
  }

  async *pins(): AsyncGenerator<Pin, void, undefined> {
    const words = [...this.#entries.keys()].toSorted()
    for (const word of words) {
      const entry = this.#entries.get(word)
      if (entry !== undefined) yield describe(entry)
    }
  }

  /** Throws `conflict` for a value that a pin keeps. */
  checkMayEvict(key: Key): void {
    const id = key.toHex()
    for (const { pinned } of this.#entries.values()) {
      if (!pinned.needs(id)) continue
      throw new DstoreError('conflict', `${key.toString()} is pinned by ${pinned.word}`, {
        hint: `unpin it first: \`dstore unpin ${pinned.word}\``,
      })
    }
  }

  status(): PinsStatus {
    const entries = [...this.#entries.values()]
    const incomplete = entries.filter(({ pinned }) => pinned.state !== 'held').length
    const { budgetBytes } = this.#options.host
    return { pins: entries.length, incomplete, usedBytes: this.#values.usedBytes, budgetBytes }
  }

  /** The cache no longer lists this value. */
  lost(value: Pick<HeldValue, 'key'>): void {
    const id = this.#values.lost(value)
    if (id === undefined) return
    for (const { pinned } of this.#entries.values()) if (pinned.needs(id)) pinned.changed()
  }

  /** These names may stand for something else now; undefined: every name may. */
  moved(names: readonly string[] | undefined): void {
    if (names?.length === 0) return
    for (const { pinned } of this.#entries.values()) {
      if (names === undefined || names.some((name) => pinned.hasName(name))) pinned.changed()
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const entries = [...this.#entries.values()]
    const stopping = new DstoreError('unreachable', 'the node is stopping')
    for (const { waiting } of entries) for (const { reject } of waiting) reject(stopping)
    const all = entries.map(({ pinned }) => pinned.close())
    await Promise.all([...all, ...this.#ending])
    this.#values.close()
    await this.#saving.catch(() => undefined)
  }

  #add(
    word: string,
    given: Partial<Pick<Entry, 'permanent' | 'isSaved' | 'maxRate'>> & {
      incarnation?: number | undefined
    },
  ): Entry {
    if (this.#entries.size >= PINS) this.#forgetEnded()
    const { host } = this.#options
    const { maxRate, incarnation, permanent = false, isSaved = false } = given
    const pinned = new Pinned({
      word,
      host,
      values: this.#values,
      pace: maxRate === undefined ? undefined : new Pace(maxRate),
      incarnation,
      onRound: (failure) => this.#roundEnded(entry, failure),
    })
    const entry: Entry = { pinned, maxRate, permanent, isSaved, waiting: new Set() }
    this.#entries.set(word, entry)
    pinned.start()
    return entry
  }

  #roundEnded(entry: Entry, failure: DstoreError | undefined): void {
    const { pinned, waiting, isSaved, permanent } = entry
    const all = [...waiting]
    waiting.clear()
    for (const { resolve, reject } of all) {
      if (failure === undefined) resolve()
      else reject(failure)
    }
    if (failure === undefined || (!isSaved && !permanent)) return
    const { log } = this.#options
    const facts = { pin: pinned.word, error: failure.message }
    if (pinned.isOver) log.info('a pin has ended', facts)
    // Once for each reason: a Global that is away would fill the log.
    else if (failure.code !== entry.logged) log.warn('a pin is not held', facts)
    entry.logged = failure.code
    if (!pinned.isOver || !isSaved) return
    entry.isSaved = false
    this.#save().catch((error: unknown) =>
      log.warn('the pins are not saved', { error: String(error) }),
    )
  }

  /** Waits until an entry is held. Rejects with its next failure, or the caller's time-out. */
  async #held(entry: Entry, { signal, timeoutMs, onProgress }: PinOptions): Promise<void> {
    const { pinned, waiting } = entry
    if (pinned.state === 'held') return
    const limit = deadline(timeoutMs ?? CALL_TIMEOUT_MS, 'nothing more of it came', signal)
    const watch = (progress: Progress): void => {
      limit.progress()
      onProgress?.(progress)
    }
    pinned.watchers.add(watch)
    let one: Waiting | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        waiting.add((one = { resolve, reject }))
        limit.signal.addEventListener('abort', () => reject(limit.signal.reason as DstoreError))
        if (limit.signal.aborted) reject(limit.signal.reason as DstoreError)
        // One that waits after a failure tries at once.
        if (pinned.state !== 'fetching') pinned.changed()
      })
    } finally {
      if (one !== undefined) waiting.delete(one)
      pinned.watchers.delete(watch)
      limit.clear()
    }
  }

  #drop(word: string, entry: Entry): void {
    if (this.#entries.get(word) === entry) this.#entries.delete(word)
    const over = new DstoreError('cancelled', 'it is no longer pinned')
    for (const { reject } of entry.waiting) reject(over)
    const ending = entry.pinned.close().finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
  }

  /** Drops the pin that was listed first of those that have ended. */
  #forgetEnded(): void {
    for (const [word, { pinned }] of this.#entries) {
      if (!pinned.isOver) continue
      this.#entries.delete(word)
      return
    }
    throw new DstoreError('too-large', `a node has at most ${PINS} pins`)
  }

  /** Writes the pins as they are then, one write after another. */
  #save(): Promise<void> {
    const { save } = this.#options
    if (save === undefined) return Promise.resolve()
    const write = (): Promise<void> => save(this.#saved())
    this.#saving = this.#saving.then(write, write)
    return this.#saving
  }

  #saved(): SavedPin[] {
    return [...this.#entries.values()]
      .filter(({ isSaved }) => isSaved)
      .map(({ pinned: { word, incarnation }, maxRate }) => ({
        word,
        ...(incarnation !== undefined && { incarnation }),
        ...(maxRate !== undefined && { maxRate }),
      }))
  }
}

const describe = ({ pinned, permanent }: Entry): Pin => ({
  ...pinned.describe(),
  ...(permanent && { permanent }),
})

const notPinned = (word: string): DstoreError =>
  new DstoreError('not-found', `not pinned: ${word}`, { hint: '`dstore pins` lists what is' })
