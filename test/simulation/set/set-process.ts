/** The process of a member: its clocks drift, and it may be paused or killed. */
import { type Clocks, grantorClock, holderClock } from '../../../src/node/clock.ts'
import type { MemberClocks } from '../../../src/set/member.ts'
import { SimProcess } from '../archive/sim-process.ts'
import type { SimTime } from '../archive/sim-time.ts'

export class SetProcess extends SimProcess {
  readonly clocks: MemberClocks
  readonly #time: SimTime
  readonly #pace: number
  #wallOffset = 1e12

  /** `countsSleep`: the clock of what it was granted counts the time of a pause. */
  constructor(number: number, time: SimTime, pace: number, countsSleep: boolean) {
    super(number, time, countsSleep)
    this.#time = time
    this.#pace = pace
    const elapsed = (): number => this.ranMs * pace
    const wall = (): number => time.now * pace + this.#wallOffset
    const clocks: Clocks = { monotonic: elapsed, uptime: elapsed, wall }
    const holder = countsSleep ? holderClock(clocks) : elapsed
    this.clocks = { grantor: grantorClock(clocks), holder, wall }
  }

  /** Someone sets the wall clock. */
  step(ms: number): void {
    this.#wallOffset += ms
  }

  /** By its own clock, in whole milliseconds as a timer. */
  readonly pacedSleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    this.sleep(Math.ceil(ms / this.#pace), signal)

  /** True time. */
  get now(): number {
    return this.#time.now
  }
}
