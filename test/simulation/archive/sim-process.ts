/**
 * A process of a simulated machine: it may be paused, when its monotonic clock stands still and
 * what comes to it waits, and it may be killed, when nothing reaches it any more.
 */
import { holderClock } from '../../../src/node/clock.ts'
import type { SimTime } from './sim-time.ts'

export class SimProcess {
  readonly number: number
  readonly elapsed: () => number
  onDelivered: () => void = () => undefined
  readonly #time: SimTime
  #isAlive = true
  #pausedAt: number | undefined
  #pausedMs = 0
  #inbox: (() => void)[] = []

  constructor(number: number, time: SimTime, countsSleep: boolean) {
    this.number = number
    this.#time = time
    const monotonic = (): number => this.ranMs
    const wall = (): number => time.now
    this.elapsed = countsSleep ? holderClock({ monotonic, uptime: monotonic, wall }) : monotonic
  }

  /** Time without its pauses. */
  get ranMs(): number {
    return (this.#pausedAt ?? this.#time.now) - this.#pausedMs
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  get isRunning(): boolean {
    return this.#isAlive && this.#pausedAt === undefined
  }

  kill(): void {
    this.#isAlive = false
  }

  pause(): void {
    this.#pausedAt ??= this.#time.now
  }

  resume(): void {
    if (this.#pausedAt === undefined) return
    this.#pausedMs += this.#time.now - this.#pausedAt
    this.#pausedAt = undefined
    const inbox = this.#inbox
    this.#inbox = []
    for (const act of inbox) this.#time.later(0, () => this.#deliver(act))
  }

  /** Happens in the process, if it is there then, and when it runs. */
  after(ms: number, act: () => void): void {
    this.#time.later(ms, () => this.#deliver(act))
  }

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal?.aborted === true) return resolve()
      const wake = (): void => {
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      signal?.addEventListener('abort', wake)
      this.after(ms, wake)
    })

  #deliver(act: () => void): void {
    if (!this.#isAlive) return
    if (this.#pausedAt !== undefined) {
      this.#inbox.push(act)
      return
    }
    this.onDelivered()
    // It may have been killed there.
    if (this.isRunning) act()
  }
}
