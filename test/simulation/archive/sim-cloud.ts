/**
 * A bucket with a journal and snapshots, and the way to it: requests are lost, late, slow, done
 * twice, or not answered. The order of the journal itself is right.
 */
import { equal } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { BucketJournal } from '../../../src/archive/following/bucket-journal.ts'
import type { ChainPosition } from '../../../src/journal/chain.ts'
import { Chain } from '../../../src/journal/chain.ts'
import type { Extent, Followed } from '../../../src/journal/journal.ts'
import type { SimProcess } from './sim-process.ts'
import type { SimTime } from './sim-time.ts'

export interface SimSnapshot extends ChainPosition {
  readonly marks: ReadonlySet<number>
}

/** Who has put entries, and when it sent them. */
export interface Executed {
  readonly process: SimProcess
  readonly sentAt: number
  readonly after: number
  readonly entries: readonly Uint8Array[]
}

export class SimCloud {
  readonly #time: SimTime
  readonly #random: () => number
  readonly #entries = new Map<number, Uint8Array>()
  readonly #chain = new Chain()
  #trimmed = 0
  snapshots: SimSnapshot[]
  isAway = false
  isCalm = false
  onExecuted: (executed: Executed) => void = () => undefined

  constructor(time: SimTime, random: () => number, first: SimSnapshot) {
    this.#time = time
    this.#random = random
    this.snapshots = [first]
  }

  get last(): number {
    return this.#chain.position
  }

  /** The epoch of the last entry. */
  get epoch(): number {
    return this.#chain.head?.epoch ?? 0
  }

  /** The number of the process that wrote the last entry. */
  get writer(): number | undefined {
    return this.#chain.head?.writer[0]
  }

  /** Bytes of an entry that is or was there; never trimmed for who looks from outside. */
  has(position: number, entry: Uint8Array): boolean {
    const found = this.#entries.get(position)
    return found !== undefined && equal(found, entry)
  }

  addSnapshot(snapshot: SimSnapshot): void {
    if (snapshot.position <= this.snapshots.at(-1)!.position) return
    this.snapshots = [this.snapshots.at(-1)!, snapshot]
    this.#trimmed = Math.max(this.#trimmed, this.snapshots[0]!.position - 1)
  }

  client(process: SimProcess): BucketJournal {
    const ask = <T>(act: () => T): Promise<T> => this.#ask(process, act)
    const extent = (): Extent => ({ first: this.#trimmed + 1, last: this.last })
    const at = (position: number): Uint8Array | 'gone' | undefined =>
      position <= this.#trimmed ? 'gone' : this.#entries.get(position)
    const appendAll = (after: number, entries: readonly Uint8Array[]): Promise<'ok' | 'taken'> => {
      const sentAt = this.#time.now
      return ask(() => this.#append({ process, sentAt, after, entries }))
    }
    const batchAfter = (after: number): Followed => {
      if (after < this.#trimmed) return 'gone'
      const count = Math.min(8, this.last - after)
      return Array.from({ length: Math.max(0, count) }, (_, i) => this.#entries.get(after + 1 + i)!)
    }
    return {
      appendAll,
      append: (after, entry) => appendAll(after, [entry]),
      extent: () => ask(extent),
      at: (position) => ask(() => at(position)),
      async *follow(after, signal) {
        for (let position = after; !signal.aborted;) {
          const batch = await ask(() => batchAfter(position))
          if (batch.length === 0) await process.sleep(1000, signal)
          else yield batch
          if (batch === 'gone') return
          position += batch.length
        }
      },
      trim: async () => undefined,
      close: async () => undefined,
    }
  }

  /** Something that is asked for without a journal. */
  ask<T>(process: SimProcess, act: () => T): Promise<T> {
    return this.#ask(process, act)
  }

  #append(executed: Executed): 'ok' | 'taken' {
    const { after, entries } = executed
    if (after !== this.last) return 'taken'
    for (const entry of entries) {
      this.#chain.accept(entry)
      this.#entries.set(this.last, entry)
    }
    this.onExecuted(executed)
    return 'ok'
  }

  #ask<T>(process: SimProcess, act: () => T): Promise<T> {
    const random = this.#random
    const soon = 5 + Math.floor(random() * 40)
    const dice = this.isCalm ? 1 : random()
    const late = Math.floor(random() ** 2 * 90_000)
    return new Promise((resolve, reject) => {
      const fail = (ms: number): void =>
        process.after(ms, () => reject(new DstoreError('unreachable', 'no answer')))
      const carryOut = (isAnswered: boolean, answerMs: number): void => {
        let answer: T
        try {
          answer = act()
        } catch (error) {
          return process.after(answerMs, () => reject(error))
        }
        if (isAnswered) process.after(answerMs, () => resolve(answer))
      }
      const arrive = (ms: number, isAnswered: boolean, answerMs: number = 5): void =>
        this.#time.later(ms, () => carryOut(isAnswered, answerMs))
      if (this.isAway || dice < 0.04) return fail(50 + soon * 20)
      if (dice < 0.08) {
        arrive(soon, false)
        return fail(3000)
      }
      if (dice < 0.12) {
        arrive(late, false)
        return fail(Math.min(late, 3000))
      }
      if (dice < 0.18) return arrive(soon, true, Math.min(late, 50_000))
      if (dice < 0.22) return arrive(Math.min(late, 50_000), true)
      if (dice < 0.28) {
        arrive(soon, false)
        return arrive(soon + 3, true)
      }
      arrive(soon, true)
    })
  }
}
