/**
 * Virtual time and seeded chance: everything that happens in a simulated world happens here, in one
 * order.
 */
import { seeded } from '../wire/seeded.ts'

interface Happening {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

export class World {
  /** True time, in milliseconds. */
  now = 0
  readonly transcript: string[] = []
  readonly #random: () => number
  readonly #heap: Happening[] = []
  #order = 0

  constructor(seed: number) {
    this.#random = seeded(seed)
    for (let i = 0; i < 3; i++) this.#random()
  }

  /** A whole number from 0 to `below` - 1. */
  pick(below: number): number {
    return Math.floor(this.#random() * below)
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  between(least: number, most: number): number {
    return least + this.#random() * (most - least)
  }

  one<T>(items: readonly T[]): T {
    return items[this.pick(items.length)]!
  }

  /** Let something happen after so many milliseconds. */
  after(ms: number, run: () => void): void {
    this.#push({ at: this.now + Math.max(0, ms), order: this.#order++, run })
  }

  say(line: string): void {
    this.transcript.push(`${(this.now / 1000).toFixed(3).padStart(8)} ${line}`)
  }

  /** Go on until so much true time has passed, or `stop` says so after a happening. */
  run(until: number, stop: () => boolean): void {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= until && !stop()) {
      const next = this.#pop()
      this.now = next.at
      next.run()
    }
    if (!stop()) this.now = until
  }

  #push(item: Happening): void {
    const heap = this.#heap
    let at = heap.push(item) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(item, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = item
  }

  #pop(): Happening {
    const heap = this.#heap
    const top = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return top
  }
}

const before = (a: Happening, b: Happening): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order)
