/**
 * The connections of a simulated world: ordered, slow, held up by partitions, and cut in the
 * middle.
 */
import type { Message } from '../../src/index/message.ts'
import type { World } from './world.ts'

export interface End {
  /** `sentAtMs`: when the other end sent it, by the world's clock. */
  message(message: Message, sentAtMs: number): void
  closed(): void
}

/** The longest that a message is on its way while nothing is wrong, in milliseconds. */
export const DELAY_MS = 200

interface Sent {
  readonly message: Message
  readonly atMs: number
}

/** One connection between a Local and Global; each end sees it close, at its own time. */
export class Wire {
  readonly #world: World
  readonly #isHeld: () => boolean
  readonly #ends: readonly [End, End]
  readonly #open: [boolean, boolean] = [true, true]
  /** What is on its way to each end. */
  readonly #queues: [Sent[], Sent[]] = [[], []]
  readonly #moving: [boolean, boolean] = [false, false]
  #isCut = false

  constructor(world: World, isHeld: () => boolean, ends: readonly [End, End]) {
    this.#world = world
    this.#isHeld = isHeld
    this.#ends = ends
  }

  send(to: 0 | 1, message: Message): void {
    // What comes after what was lost is lost as well.
    if (!this.#open[to] || this.#isCut) return
    this.#queues[to].push({ message, atMs: this.#world.now })
    this.#move(to)
  }

  /** Whatever was sent arrives, then the end. */
  end(): void {
    this.#world.after(2 * DELAY_MS, () => this.cut())
  }

  /** Does what is sent now arrive? Its ends may not know yet that it does not. */
  get isWhole(): boolean {
    return !this.#isCut && this.#open[0] && this.#open[1]
  }

  /** Both ends lose it, and what is on its way. */
  cut(): void {
    this.#isCut = true
    for (const to of [0, 1] as const) {
      this.#queues[to].length = 0
      this.#world.after(this.#world.between(0, DELAY_MS), () => this.drop(to))
    }
  }

  /** One end loses it now. */
  drop(at: 0 | 1): void {
    if (!this.#open[at]) return
    this.#open[at] = false
    this.#queues[at].length = 0
    this.#ends[at].closed()
  }

  #move(to: 0 | 1): void {
    if (this.#moving[to]) return
    this.#moving[to] = true
    const delay = this.#world.chance(0.7)
      ? this.#world.between(1, 20)
      : this.#world.between(1, DELAY_MS)
    this.#world.after(delay, () => {
      this.#moving[to] = false
      if (!this.#open[to] || this.#queues[to].length === 0) return
      // A partition holds everything up until it is healed, or one end gives up.
      if (!this.#isHeld()) {
        const { message, atMs } = this.#queues[to].shift()!
        this.#ends[to].message(message, atMs)
      }
      if (this.#queues[to].length > 0) this.#move(to)
    })
  }
}
