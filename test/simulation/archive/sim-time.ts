/** Time of a simulation: nothing happens but by events, in their order. */

interface Event {
  readonly at: number
  readonly order: number
  readonly act: () => void
}

export class SimTime {
  now = 0
  #order = 0
  #events: Event[] = []

  later(ms: number, act: () => void): void {
    this.#events.push({ at: this.now + Math.max(0, ms), order: this.#order++, act })
  }

  /** The next event, and all that it leads to at once. False if there is none before this time. */
  async pass(until: number): Promise<boolean> {
    let next: Event | undefined
    for (const event of this.#events) {
      const isEarlier =
        next === undefined ||
        event.at < next.at ||
        (event.at === next.at && event.order < next.order)
      if (isEarlier) next = event
    }
    if (next === undefined || next.at > until) {
      this.now = Math.max(this.now, until)
      return false
    }
    this.now = Math.max(this.now, next.at)
    this.#events = this.#events.filter((event) => event !== next)
    next.act()
    // Promises lead to nothing that takes time: all of them are settled before the next turn.
    await new Promise(setImmediate)
    return true
  }
}
