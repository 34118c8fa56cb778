/** How many requests each door answered, by status (specs/010-doors.md, R010-6). */
import type { ServerResponse } from 'node:http'

export interface DoorCount {
  /** Its root, such as `/cache`. */
  readonly door: string
  readonly method: string
  readonly status: number
  readonly requests: number
}

export class DoorCounts {
  readonly #counts = new Map<string, { door: string; method: string; status: number; n: number }>()

  /** Counts the request when its response ends. The method is one that the door takes. */
  watch(door: string, method: string, response: ServerResponse): void {
    response.once('close', () => {
      if (!response.headersSent) return
      const status = response.statusCode
      const id = `${door} ${method} ${status}`
      const count = this.#counts.get(id)
      if (count === undefined) this.#counts.set(id, { door, method, status, n: 1 })
      else count.n++
    })
  }

  *[Symbol.iterator](): Generator<DoorCount> {
    for (const { n, ...rest } of this.#counts.values()) yield { ...rest, requests: n }
  }
}
