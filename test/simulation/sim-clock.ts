/**
 * The clocks of a simulated machine: they drift, stand still or run on while it sleeps, and are
 * set.
 */
import type { Clocks } from '../../src/node/clock.ts'
import type { World } from './world.ts'

/** The resolution of the up-time. */
const GRAIN_MS = 10

export class SimClock implements Clocks {
  readonly #world: World
  /** A bit too fast or too slow. */
  readonly #pace: number
  #wallOffset = 1e12
  #sleptMs = 0
  #asleepSince: number | undefined
  /** How often the wall clock was set. */
  steps = 0

  constructor(world: World, pace: number) {
    this.#world = world
    this.#pace = pace
  }

  readonly monotonic = (): number => {
    return ((this.#asleepSince ?? this.#world.now) - this.#sleptMs) * this.#pace
  }

  readonly uptime = (): number => {
    return Math.floor((this.#world.now * this.#pace) / GRAIN_MS) * GRAIN_MS
  }

  readonly wall = (): number => this.#world.now * this.#pace + this.#wallOffset

  /** Someone sets the wall clock. */
  step(ms: number): void {
    this.#wallOffset += ms
    this.steps++
  }

  sleep(): void {
    this.#asleepSince ??= this.#world.now
  }

  wake(): void {
    if (this.#asleepSince === undefined) return
    this.#sleptMs += this.#world.now - this.#asleepSince
    this.#asleepSince = undefined
  }
}
