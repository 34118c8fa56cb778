/**
 * May Global delete something by its wall clock now? Found out without the index, from how that
 * clock was set and when Global began its run (specs/004-index.md, R004-63).
 */
import type { SimClock } from '../sim-clock.ts'
import type { World } from '../world.ts'

/** A jump of a clock that ends all trust, beyond every tolerance. */
const JUMP_MS = 10_500

/**
 * How long work in the background may go on after the tick that began it: what it does by then may
 * be right by the clocks of that tick.
 */
const FLOW_MS = 3000

export class WallWatch {
  readonly #world: World
  readonly #clock: SimClock
  readonly #settledMs: number
  #beganAt = 0
  #wokeAt = -Infinity
  #jumpedAt = -Infinity
  #offset: number | undefined
  /** What the wall clock read at recent ticks. */
  #recent: { readonly at: number; readonly wallMs: number }[] = []

  constructor(world: World, clock: SimClock, settledMs: number) {
    this.#world = world
    this.#clock = clock
    this.#settledMs = settledMs
  }

  began(): void {
    this.#beganAt = this.#world.now
    this.#offset = undefined
    this.#recent = []
    this.ticked()
  }

  woke(): void {
    this.#wokeAt = this.#world.now
  }

  /** Global looks at its clocks. */
  ticked(): void {
    const { now } = this.#world
    const wallMs = this.#clock.wall()
    const offset = wallMs - this.#clock.uptime()
    if (this.#offset !== undefined && Math.abs(offset - this.#offset) > JUMP_MS)
      this.#jumpedAt = now
    this.#offset = offset
    this.#recent = [...this.#recent.filter(({ at }) => at > now - FLOW_MS), { at: now, wallMs }]
  }

  /** Why nothing may be deleted now for a time that has come at this wall time. */
  faultOf(atMs: number): string | undefined {
    const { now } = this.#world
    if (now - this.#wokeAt < FLOW_MS) return undefined
    const least = this.#settledMs * 0.95
    if (now - this.#beganAt < least) return `${now - this.#beganAt} ms after the run began`
    const since = now - this.#jumpedAt
    if (since > FLOW_MS && since < least) return `${since} ms after the clock was set`
    const latest = Math.max(this.#clock.wall(), ...this.#recent.map(({ wallMs }) => wallMs))
    return atMs > latest ? `${atMs - latest} ms before its time` : undefined
  }

  /** Did the clocks agree for so long that everything due by then must be done? */
  isSettledFor(ms: number): boolean {
    const { now } = this.#world
    return now - Math.max(this.#beganAt, this.#jumpedAt, this.#wokeAt) > this.#settledMs * 1.1 + ms
  }
}
