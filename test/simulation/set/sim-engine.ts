/**
 * The engine of a set, and the way of each member to it: requests are lost, late, slow, done twice
 * or not answered; a leader that was cut off from its majority loses what it did not confirm.
 */
import { equal } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import { Chain } from '../../../src/journal/chain.ts'
import {
  type Extent,
  type Followed,
  type Journal,
  beyondEnd,
  closedError,
} from '../../../src/journal/journal.ts'
import type { SimTime } from '../archive/sim-time.ts'
import type { SetProcess } from './set-process.ts'

/** An append that the engine has done, durably or not. */
export interface Appended {
  readonly position: number
  readonly entry: Uint8Array
  readonly machine: string
}

/** A member's client gives up after this long. */
const PATIENCE_MS = 2_000
/** How long a refused append is looked at. */
const DECIDED_MS = 2_000
const POLL_MS = 250
const BATCH = 16

export class SimEngine {
  readonly #time: SimTime
  readonly #random: () => number
  /** What the leader has; the first `durable` of it are on a majority. */
  readonly #entries: Uint8Array[] = []
  #durable = 0
  /** Times in which it did not answer anybody, or one machine. */
  readonly #away: { readonly machine: string | undefined; readonly from: number; to: number }[] = []
  /** A leader that no majority follows: it takes entries, and confirms none. */
  #isAlone = false
  isCalm = false
  /** An append needs no end that is as its writer thinks. */
  readonly #isConditional: boolean
  onAppended: (appended: Appended) => void = () => undefined
  /** A machine is about to be told that nothing is where it looked. */
  onAbsent: (machine: string) => void = () => undefined

  constructor(time: SimTime, random: () => number, isConditional: boolean) {
    this.#time = time
    this.#random = random
    this.#isConditional = isConditional
  }

  get durable(): number {
    return this.#durable
  }

  /** What its leader has there. */
  leaderAt(position: number): Uint8Array | undefined {
    return this.#entries[position - 1]
  }

  durableAt(position: number): Uint8Array | undefined {
    return position > this.#durable ? undefined : this.#entries[position - 1]
  }

  /** All that is there for good, as one who reads it later finds it. */
  chain(each: (entry: Uint8Array) => void): void {
    const chain = new Chain()
    for (const entry of this.#entries.slice(0, this.#durable)) {
      chain.accept(entry)
      each(entry)
    }
  }

  /** Nobody, or one machine, gets an answer any more. */
  cut(machine: string | undefined): void {
    if (this.#isCut(machine)) return
    this.#away.push({ machine, from: this.#time.now, to: Infinity })
  }

  /** Heals the cut of a machine, or of all. */
  heal(machine: string | undefined): void {
    for (const cut of this.#away) {
      if (cut.machine === machine && cut.to === Infinity) cut.to = this.#time.now
    }
  }

  /** The leader is away, and another one follows: what no majority had is gone, or not. */
  changeLeader(ms: number): void {
    this.cut(undefined)
    this.#time.later(ms, () => {
      if (this.#isAlone || this.#random() < 0.7) this.#entries.length = this.#durable
      else this.#durable = this.#entries.length
      this.#isAlone = false
      this.heal(undefined)
    })
  }

  /** From now on the leader takes what it can't confirm; after a while another one is elected. */
  leaveAlone(ms: number): void {
    if (this.#isAlone) return
    this.#isAlone = true
    this.#time.later(ms, () => this.#isAlone && this.changeLeader(this.#random() * 2_000))
  }

  /** How long of the time since then a machine was answered. */
  reachableMs(machine: string, since: number): number {
    let ms = 0
    const { now } = this.#time
    const cuts = this.#away.filter((cut) => cut.machine === undefined || cut.machine === machine)
    for (let at = since; at < now; at += 10) {
      if (!cuts.some(({ from, to }) => from <= at && at < to)) ms += 10
    }
    return ms
  }

  /** What a member opens; closing it closes only this way. */
  client(process: SetProcess, machine: string): Journal {
    const closed = new AbortController()
    const ask = <T>(act: () => T): Promise<T> => {
      if (closed.signal.aborted) return Promise.reject(closedError())
      return this.#ask(process, machine, act)
    }
    const extent = async (): Promise<Extent> => {
      const last = await ask(() => this.#durable)
      return { first: 1, last }
    }
    const at = (position: number): Promise<Uint8Array | undefined> =>
      ask(() => {
        const found = this.durableAt(position)
        if (found === undefined) this.onAbsent(machine)
        return found
      })
    const settle = async (after: number, entry: Uint8Array): Promise<'ok' | 'taken'> => {
      for (let ms = 1; ms < DECIDED_MS; ms *= 2) {
        const found = await at(after + 1)
        if (found !== undefined) return equal(found, entry) ? 'ok' : 'taken'
        const { last } = await extent()
        if (last < after) throw beyondEnd(after, last)
        await process.sleep(ms)
      }
      throw new DstoreError('unreachable', 'not decided yet')
    }
    const follow = async (position: number): Promise<Followed> => {
      if (closed.signal.aborted) throw closedError()
      try {
        // What no majority has yet is shown, too: who reads it must not rely on it.
        const read = (): Uint8Array[] => this.#entries.slice(position, position + BATCH)
        return await this.#request(process, machine, (answer) => answer(read()))
      } catch (error) {
        if (closed.signal.aborted) throw error
        return []
      }
    }
    return {
      append: async (after, entry) => {
        const append = { position: after + 1, entry, machine }
        const answer = await this.#appending(process, closed.signal, append)
        return answer === 'ok' ? 'ok' : settle(after, entry)
      },
      extent,
      at,
      async *follow(after, signal) {
        for (let position = after; !signal.aborted;) {
          const batch = await follow(position)
          if (signal.aborted) return
          if (batch.length === 0) await process.sleep(POLL_MS, signal)
          else yield batch
          position += batch.length
        }
      },
      trim: async () => undefined,
      close: async () => closed.abort(),
    }
  }

  #isCut(machine: string | undefined): boolean {
    const { now } = this.#time
    return this.#away.some(
      (cut) => cut.to > now && (cut.machine === undefined || cut.machine === machine),
    )
  }

  #append(append: Appended): 'ok' | 'refused' {
    const { position, entry } = append
    if (this.#isConditional ? position !== this.#entries.length + 1 : position < 1) return 'refused'
    this.#entries[position - 1] = entry
    this.onAppended(append)
    return 'ok'
  }

  /** An append is answered once a majority has it. */
  #appending(
    process: SetProcess,
    closed: AbortSignal,
    append: Appended,
  ): Promise<'ok' | 'refused'> {
    if (closed.aborted) return Promise.reject(closedError())
    return this.#request(process, append.machine, (answer) => {
      if (this.#append(append) === 'refused') return answer('refused')
      const confirm = (): void => {
        if (this.#entries[append.position - 1] !== append.entry) return
        if (this.#isAlone) return this.#time.later(20, confirm)
        this.#durable = Math.max(this.#durable, append.position)
        answer('ok')
      }
      this.#time.later(1 + this.#random() * 4, confirm)
    })
  }

  #ask<T>(process: SetProcess, machine: string, act: () => T): Promise<T> {
    return this.#request(process, machine, (answer) => {
      // A leader that no majority follows proves nothing.
      if (!this.#isAlone) answer(act())
    })
  }

  /** What is sent arrives once, late, twice, or never; the client gives up after a while. */
  #request<T>(
    process: SetProcess,
    machine: string,
    carryOut: (answer: (value: T) => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const answer = (value: T): void => {
        if (!this.#isLost(machine)) process.after(this.#delay(), () => resolve(value))
      }
      const arrive = (): void => {
        if (!this.#isCut(machine)) carryOut(answer)
      }
      // What waits on a way that is cut may come through once that is healed.
      const isLost = this.#isLost(machine)
      const late = this.isCalm || this.#random() < 0.5 ? 0 : 1_000 + this.#random() * 5_000
      if (!isLost) this.#time.later(this.#delay(), arrive)
      else if (late > 0) this.#time.later(late, arrive)
      if (!this.isCalm && this.#random() < 0.02) this.#time.later(this.#delay(), arrive)
      process.after(PATIENCE_MS, () => reject(new DstoreError('unreachable', 'no answer')))
    })
  }

  #isLost(machine: string): boolean {
    return this.#isCut(machine) || (!this.isCalm && this.#random() < 0.01)
  }

  #delay(): number {
    const dice = this.isCalm ? 1 : this.#random()
    if (dice < 0.01) return this.#random() * 4_000
    if (dice < 0.04) return this.#random() * 500
    return 1 + this.#random() * 5
  }
}
