/** Who knows everything about a set: what was said to Locals, and what must be so then. */
import { equal, toHex } from '../../../src/bytes.ts'
import { decodeEntry } from '../../../src/journal/decode.ts'
import type { EntryBody, EntryHead } from '../../../src/journal/entry.ts'
import { entryDigest } from '../../../src/journal/digest.ts'
import type { Appended, SimEngine } from './sim-engine.ts'
import type { SetNode } from './set-node.ts'
import { type Operation, operationsOf } from './set-state.ts'

/** What a read saw, as it left the member. */
export interface Seen {
  readonly seq: number
  readonly position: number
  readonly digest: Uint8Array
  readonly incarnation: number | undefined
}

/** What is known when a Local asks: an answer must not be older. */
export interface Asked {
  readonly seq: number
  readonly removedAt: number
}

/** A take-over needs this much silence that the engine could confirm, in true time. */
const SILENCE_MS = 2_850

export class SetOracle {
  violation: string | undefined
  readonly counts: Record<string, number> = {}
  readonly #engine: SimEngine
  readonly #now: () => number
  readonly #acknowledged = new Map<number, number>()
  /** By key, the last acknowledged removal. */
  readonly #removals = new Map<number, number>()
  /** Of the writers that have begun, by their ids. */
  readonly #machines = new Map<string, string>()
  #seq = 0
  /** The latest epoch in which a change was acknowledged. */
  #epoch = 0
  /** By position, when the entry that the engine has there came. */
  readonly #cameAt = new Map<number, number>()
  readonly #checksSilence: boolean

  constructor(engine: SimEngine, now: () => number, checksSilence: boolean) {
    this.#engine = engine
    this.#now = now
    this.#checksSilence = checksSilence
  }

  fail(what: string): void {
    this.violation ??= what
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }

  /** Now, about a key. */
  asked(key: number): Asked {
    return { seq: this.#seq, removedAt: this.#removals.get(key) ?? 0 }
  }

  /** A member hands over that this is done. */
  acknowledges({ name, epoch }: SetNode, { mark, kind, key }: Operation, seq: number): void {
    this.#checkEpoch(name, epoch)
    this.count('acknowledged')
    const before = this.#acknowledged.get(mark)
    if (before !== undefined && before !== seq) this.fail(`${mark} is done at ${before} and ${seq}`)
    this.#acknowledged.set(mark, seq)
    this.#epoch = Math.max(this.#epoch, epoch)
    this.#seq = Math.max(this.#seq, seq)
    if (kind === 'remove') this.#removals.set(key, Math.max(this.#removals.get(key) ?? 0, seq))
  }

  /** A member hands over what it read. */
  reads({ name, epoch }: SetNode, seen: Seen, asked: Asked, own: number): void {
    this.#checkEpoch(name, epoch)
    this.count('reads')
    const { seq, position, digest, incarnation } = seen
    if (seq < asked.seq) this.fail(`${name} answers of seq ${seq}, and ${asked.seq} was known`)
    if (seq < own) this.fail(`${name} is at seq ${seq}, and resets a Local that is at ${own}`)
    if (incarnation !== undefined && incarnation < asked.removedAt) {
      this.fail(`${name} answers a value of ${incarnation} that was removed at ${asked.removedAt}`)
    }
    const entry = this.#engine.durableAt(position)
    if (entry === undefined || !equal(entryDigest(entry), digest)) {
      this.fail(`${name} answers from entry ${position}, which is not that of the journal`)
    }
  }

  /** The engine takes an entry. */
  onAppended(appended: Appended): EntryBody['kind'] {
    const { head, body } = decodeEntry(appended.entry)
    this.#checkSilence(appended, head, body)
    return body.kind
  }

  #checkSilence({ position, machine }: Appended, head: EntryHead, body: EntryBody): void {
    this.#cameAt.set(position, this.#now())
    const since = this.#cameAt.get(position - 1)!
    if (body.kind === 'begin') this.#machines.set(toHex(head.writer), machine)
    if (body.kind !== 'begin' || position === 1) return
    const before = decodeEntry(this.#engine.leaderAt(position - 1)!)
    this.count(before.body.kind === 'farewell' ? 'handed over' : 'begun')
    if (!this.#checksSilence || before.body.kind === 'farewell') return
    // The second of an opening follows the first.
    if (this.#machines.get(toHex(before.head.writer)) === machine) return
    const silentMs = this.#engine.reachableMs(machine, since)
    if (silentMs >= SILENCE_MS) return
    this.fail(`${machine} begins epoch ${head.epoch} after ${silentMs} ms of silence`)
  }

  /** What was said is so in the journal, which all members follow. */
  checkJournal(): void {
    const seqs = new Map<number, number>()
    let seq = 0
    try {
      this.#engine.chain((entry) => {
        for (const { mark } of operationsOf(decodeEntry(entry).body)) {
          if (!seqs.has(mark)) seqs.set(mark, ++seq)
        }
      })
    } catch (error) {
      return this.fail((error as Error).message)
    }
    for (const [mark, at] of this.#acknowledged) {
      if (seqs.get(mark) === at) continue
      this.fail(`${mark} was acknowledged at ${at}, and is at ${seqs.get(mark)}`)
    }
  }

  #checkEpoch(name: string, epoch: number): void {
    if (epoch >= this.#epoch) return
    this.fail(`${name} answers in epoch ${epoch}, and epoch ${this.#epoch} acknowledged a change`)
  }
}
